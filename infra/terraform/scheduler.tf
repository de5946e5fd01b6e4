locals {
  aggregate_url = google_cloudfunctions2_function.function["aggregate"].service_config[0].uri
  # Above the function's timeout, or a success is reported as DEADLINE_EXCEEDED, and called again.
  attempt_deadline = "${local.functions.aggregate.timeout_sec + 20}s"
}

# Every minute: rounds whose time has come, ends of Jobs, claims without a Job. No retries: the next minute is one.
resource "google_cloud_scheduler_job" "sweep" {
  project          = var.project
  region           = coalesce(var.scheduler_region, var.region)
  name             = "${var.name}-sweep"
  description      = "tensorio-trigger: starts rounds whose time has come, finishes what was left half done"
  schedule         = var.sweep_cron
  time_zone        = "Etc/UTC"
  attempt_deadline = local.attempt_deadline
  http_target {
    http_method = "POST"
    uri         = "${local.aggregate_url}/sweep"
    oidc_token {
      service_account_email = google_service_account.scheduler.email
      # The service's root URL: the default, the whole URI, is answered 401.
      audience = local.aggregate_url
    }
  }
  depends_on = [google_cloud_run_v2_service_iam_member.caller]
}

# The job's name is the schedule's: it comes with each call, and ids of runs begin with it.
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
  # A repeated call finds the claim of the first one: retries make no second run.
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
