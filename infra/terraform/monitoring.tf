# Log-based metrics and alert policies. A test runs the functions and checks that these filters match their log lines.
locals {
  service_names = [for each in values(local.functions) : each.name]
  function_logs = "resource.type=\"cloud_run_revision\" AND resource.labels.location=\"${var.region}\" AND resource.labels.service_name=(${join(" OR ", formatlist("\"%s\"", local.service_names))})"

  # labels: label of the metric and the incident -> field of the log line. rate_limit_sec: at most one notification per period.
  log_alerts = { for key, each in local.all_log_alerts : key => each if key != "failed_releases" || var.deploy_enabled }
  all_log_alerts = {
    failed_rounds = {
      title          = "a round failed"
      filter         = "jsonPayload.done=~\"^fail \""
      labels         = { task_id = "taskId" }
      severity       = "ERROR"
      rate_limit_sec = 300
      help           = "All attempts of a round failed, and its updates are counted as failed. GET /tasks/<taskId> shows the cause. When it is fixed, call POST /tasks/<taskId>/rounds/<n>/redrive; add ?without=<jobId> to leave out an update that cannot be averaged."
    }
    failed_runs = {
      title          = "an aggregation failed"
      filter         = "jsonPayload.runTrouble=~\"^(failed|held-up)$\""
      labels         = { aggregation_id = "aggregationId", trouble = "runTrouble" }
      severity       = "ERROR"
      rate_limit_sec = 300
      help           = "A run failed, or waits for a problem that only an operator can fix, such as a missing Secret or permission. GET /<aggregationId>?logs=20 shows the cause. Start a failed run again under another aggregationId. A waiting run continues by itself when the problem is fixed."
    }
    missed_ticks = {
      title          = "a scheduled aggregation did not run"
      filter         = "jsonPayload.missedTick=true"
      labels         = { schedule = "schedule", tick = "tick" }
      severity       = "ERROR"
      rate_limit_sec = 300
      help           = "A scheduled time passed without a run. GET /schedules lists the missed ticks; POST /schedules/<name>/backfill?tick=<tick> runs one. Check the Scheduler job: gcloud scheduler jobs describe <name>."
    }
    # A failed release answers 422, which no client repeats, as invalid values do: the code tells them apart.
    failed_releases = {
      title          = "a release failed"
      filter         = "resource.labels.service_name=\"${var.name}-deploy\" AND jsonPayload.method=\"POST\" AND jsonPayload.code=(\"rolled-back\" OR \"rollback-failed\" OR \"failed\" OR \"upstream-refused\" OR \"unavailable\" OR \"deadline\" OR \"contention\" OR \"internal\") AND NOT jsonPayload.dryRun=true AND NOT jsonPayload.path=~\"/diff$\""
      labels         = { path = "path" }
      severity       = "ERROR"
      rate_limit_sec = 300
      help           = "A release failed. The previous revision was restored if possible. GET /<release> shows the evidence of the last failure."
    }
    overdue_tasks = {
      title          = "a task is overdue"
      filter         = "jsonPayload.decision=\"wait\" AND jsonPayload.reason=~\"^Overdue since \""
      labels         = { task_id = "taskId" }
      severity       = "WARNING"
      rate_limit_sec = 3600
      help           = "The timeout of a round expired with fewer than minReports updates. The round keeps waiting. POST /tasks/<taskId>?force=true starts it with the pending updates."
    }
    held_up_tasks = {
      title          = "a task is blocked"
      filter         = "severity>=ERROR AND jsonPayload.message=~\"^Task .* could not be advanced: \""
      labels         = { task_id = "taskId" }
      severity       = "ERROR"
      rate_limit_sec = 3600
      help           = "The sweep cannot advance a task: a Secret or a permission is missing, or the state cannot be read. The log line names the cause and the fix. The task continues by itself when the cause is fixed."
    }
    failed_sweeps = {
      title          = "the sweep fails"
      filter         = "jsonPayload.path=\"/sweep\" AND jsonPayload.status>=500"
      labels         = {}
      severity       = "ERROR"
      rate_limit_sec = 3600
      help           = "POST /sweep failed, so due rounds do not start. The log line names the cause."
    }
  }
}

resource "google_logging_metric" "log_alert" {
  for_each    = local.log_alerts
  project     = var.project
  name        = "${var.name}/${each.key}"
  description = "tensorio-trigger: ${each.value.title}"
  filter      = "${local.function_logs} AND ${each.value.filter}"
  metric_descriptor {
    metric_kind  = "DELTA"
    value_type   = "INT64"
    display_name = "tensorio-trigger: ${each.value.title}"
    dynamic "labels" {
      for_each = each.value.labels
      content {
        key        = labels.key
        value_type = "STRING"
      }
    }
  }
  label_extractors = { for label, field in each.value.labels : label => "EXTRACT(jsonPayload.${field})" }
  depends_on       = [google_project_service.service]
}

# These policies match log lines, not the metrics: a policy on a metric that was just created is refused.
resource "google_monitoring_alert_policy" "log_alert" {
  for_each              = var.alerts_enabled ? local.log_alerts : {}
  project               = var.project
  display_name          = "${var.name}: ${each.value.title}"
  combiner              = "OR"
  severity              = each.value.severity
  user_labels           = local.labels
  notification_channels = var.notification_channels
  conditions {
    display_name = each.value.title
    condition_matched_log {
      filter           = "${local.function_logs} AND ${each.value.filter}"
      label_extractors = { for label, field in each.value.labels : label => "EXTRACT(jsonPayload.${field})" }
    }
  }
  alert_strategy {
    auto_close = "86400s"
    notification_rate_limit {
      period = "${each.value.rate_limit_sec}s"
    }
  }
  documentation {
    mime_type = "text/markdown"
    subject   = "tensorio-trigger: ${each.value.title}"
    content   = each.value.help
  }
  depends_on = [google_project_service.service]
}

# Events that are delivered but not acknowledged: the function fails or cannot be called.
resource "google_monitoring_alert_policy" "late_events" {
  for_each              = var.alerts_enabled ? var.upload_buckets : {}
  project               = var.project
  display_name          = "${var.name}: events of ${each.key} are late"
  combiner              = "OR"
  severity              = "WARNING"
  user_labels           = local.labels
  notification_channels = var.notification_channels
  conditions {
    display_name = "oldest event is 10 minutes old"
    condition_threshold {
      filter          = "resource.type=\"pubsub_subscription\" AND resource.labels.subscription_id=\"${basename(local.subscriptions[each.key])}\" AND metric.type=\"pubsub.googleapis.com/subscription/oldest_unacked_message_age\""
      comparison      = "COMPARISON_GT"
      threshold_value = 600
      duration        = "300s"
      aggregations {
        alignment_period   = "60s"
        per_series_aligner = "ALIGN_MAX"
      }
    }
  }
  alert_strategy {
    auto_close = "86400s"
  }
  documentation {
    mime_type = "text/markdown"
    subject   = "tensorio-trigger: events of ${each.key} are late"
    content   = "Updates are not lost: the sweep finds them within a minute. A checkpoint list is known only from its event until its run is claimed, and events expire after 24 hours: upload such a list again. Check the log of ${var.name}-oncheckpoint, and whether the trigger's service account may still call it."
  }
  depends_on = [google_project_service.service]
}

# Detects that the sweep is not called at all. Without the sweep, due rounds and missed ticks go unnoticed.
resource "google_monitoring_alert_policy" "no_sweeps" {
  count                 = var.alerts_enabled ? 1 : 0
  project               = var.project
  display_name          = "${var.name}: no sweep"
  combiner              = "OR"
  severity              = "ERROR"
  user_labels           = local.labels
  notification_channels = var.notification_channels
  conditions {
    display_name = "no call of ${var.name}-aggregate succeeded for 30 minutes"
    condition_absent {
      filter   = "resource.type=\"cloud_run_revision\" AND resource.labels.location=\"${var.region}\" AND resource.labels.service_name=\"${var.name}-aggregate\" AND metric.type=\"run.googleapis.com/request_count\" AND metric.labels.response_code_class=\"2xx\""
      duration = "1800s"
      aggregations {
        alignment_period     = "300s"
        per_series_aligner   = "ALIGN_DELTA"
        cross_series_reducer = "REDUCE_SUM"
      }
    }
  }
  alert_strategy {
    auto_close = "86400s"
  }
  documentation {
    mime_type = "text/markdown"
    subject   = "tensorio-trigger: no sweep"
    content   = "Scheduler calls ${var.name}-aggregate every minute, but no call has succeeded. gcloud scheduler jobs describe ${var.name}-sweep shows whether the job is paused and the status of its last call. The log of ${var.name}-aggregate shows whether the function starts."
  }
  depends_on = [google_project_service.service]
}
