locals {
  labels = merge(var.labels, { app = "tensorio-trigger", managed-by = "terraform" })

  # The key identifies a function in all resources. Concurrency needs at least 1 vCPU. A few instances serve many requests
  # each, so that events of the same task reach the same instance, which coalesces them.
  functions = {
    for key, each in {
      aggregate    = merge(var.functions.aggregate, { entry_point = "aggregate", concurrency = 40 })
      oncheckpoint = merge(var.functions.oncheckpoint, { entry_point = "onCheckpoint", concurrency = 40 })
      deploy       = merge(var.functions.deploy, { entry_point = "deploy", concurrency = 8 })
    } : key => merge(each, { name = "${var.name}-${key}" }) if key != "deploy" || var.deploy_enabled
  }

  allowed_buckets = sort(distinct(concat(keys(var.upload_buckets), tolist(var.read_buckets), tolist(var.output_buckets))))
  state_bucket    = coalesce(var.state_bucket, "${replace(var.project, "/[:.]/", "-")}-${var.name}-state")
  source_bucket   = "${replace(var.project, "/[:.]/", "-")}-${var.name}-source"
  state_location  = coalesce(var.state_location, var.region)
  bundle          = coalesce(var.bundle, "${path.module}/bundle.zip")

  cluster_project = coalesce(try(var.cluster.project, null), try(var.connect_gateway.project, null), var.project)
  cluster_id      = var.cluster == null ? null : "projects/${local.cluster_project}/locations/${var.cluster.location}/clusters/${var.cluster.name}"

  # The Scheduler jobs: schedules[] of the values, merged with var.schedules.
  known_schedules = { for each in try(yamldecode(var.values).schedules, []) : each.name => each }
  schedules = {
    for name in setunion(keys(local.known_schedules), keys(var.schedules)) : name => {
      cron        = coalesce(try(var.schedules[name].cron, null), try(local.known_schedules[name].cron, null))
      time_zone   = coalesce(try(var.schedules[name].time_zone, null), try(local.known_schedules[name].timeZone, null), "Etc/UTC")
      body        = try(var.schedules[name].body, "{}")
      retry_count = try(var.schedules[name].retry_count, 3)
      paused      = try(var.schedules[name].paused, false)
    }
  }
}
