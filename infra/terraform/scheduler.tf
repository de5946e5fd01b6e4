locals {
  aggregate_url = google_cloudfunctions2_function.function["aggregate"].service_config[0].uri
  # Longer than the function's timeout. Otherwise Scheduler reports a success as DEADLINE_EXCEEDED and calls again.
  attempt_deadline = "${local.functions.aggregate.timeout_sec + 20}s"
}

# The sweep starts due rounds, settles finished Jobs and completes claims without a Job. It is not retried: the next
# sweep follows after a minute.
resource "google_cloud_scheduler_job" "sweep" {
  project          = var.project
  region           = coalesce(var.scheduler_region, var.region)
  name             = "${var.name}-sweep"
  description      = "tensorio-trigger: starts due rounds and completes interrupted work"
  schedule         = var.sweep_cron
  time_zone        = "Etc/UTC"
  attempt_deadline = local.attempt_deadline
  http_target {
    http_method = "POST"
    uri         = "${local.aggregate_url}/sweep"
    oidc_token {
      service_account_email = google_service_account.scheduler.email
      # Must be the root URL of the service. The default, the whole URI, is refused with 401.
      audience = local.aggregate_url
    }
  }
  depends_on = [google_cloud_run_v2_service_iam_member.caller]
}

# The name of the Scheduler job is the name of the schedule. Each call carries it, and the ids of its runs start with it.
resource "google_cloud_scheduler_job" "schedule" {
  for_each         = local.schedules
  project          = var.project
  region           = coalesce(var.scheduler_region, var.region)
  name             = each.key
  description      = "tensorio-trigger: a scheduled aggregation"
  schedule         = each.value.cron
  time_zone        = each.value.time_zone
  paused           = each.value.paused
  attempt_deadline = local.attempt_deadline
  # A retry finds the claim of the first call, so it does not start a second run.
  dynamic "retry_config" {
    for_each = each.value.retry_count > 0 ? [each.value.retry_count] : []
    content {
      retry_count          = retry_config.value
      min_backoff_duration = "10s"
      max_backoff_duration = "300s"
      max_doublings        = 5
    }
  }
  http_target {
    http_method = "POST"
    uri         = "${local.aggregate_url}/"
    headers     = { "Content-Type" = "application/json" }
    body        = base64encode(each.value.body)
    oidc_token {
      service_account_email = google_service_account.scheduler.email
      audience              = local.aggregate_url
    }
  }
  depends_on = [google_cloud_run_v2_service_iam_member.caller]
}
