# Metrics for charts and alerts for people, of the functions' own log lines; a test runs the functions and looks whether
# these filters find what they log.
locals {
  service_names = [for each in values(local.functions) : each.name]
  function_logs = "resource.type=\"cloud_run_revision\" AND resource.labels.location=\"${var.region}\" AND resource.labels.service_name=(${join(" OR ", formatlist("\"%s\"", local.service_names))})"

  # labels: of the metric and the incident, by the field of the line. rate_limit_sec: one notification in that time.
  log_alerts = { for key, each in local.all_log_alerts : key => each if key != "failed_releases" || var.deploy_enabled }
  all_log_alerts = {
    failed_rounds = {
      title          = "a round failed"
      filter         = "jsonPayload.done=~\"^fail \""
      labels         = { task_id = "taskId" }
      severity       = "ERROR"
      rate_limit_sec = 300
      help           = "Every attempt of a round failed; its updates are accounted as failed. GET /tasks/<taskId> tells why; when the cause is gone: POST /tasks/<taskId>/rounds/<n>/redrive, with ?without=<jobId> for an update that cannot be averaged."
    }
    failed_runs = {
      title          = "an aggregation failed"
      filter         = "jsonPayload.runTrouble=~\"^(failed|held-up)$\""
      labels         = { aggregation_id = "aggregationId", trouble = "runTrouble" }
      severity       = "ERROR"
      rate_limit_sec = 300
      help           = "A run of a list failed, or waits until somebody mends what it names (a missing Secret, a right). GET /<aggregationId>?logs=20 tells why. A failed one is run again under another aggregationId; one that waits goes on by itself."
    }
    missed_ticks = {
      title          = "a scheduled aggregation did not run"
      filter         = "jsonPayload.missedTick=true"
      labels         = { schedule = "schedule", tick = "tick" }
      severity       = "ERROR"
      rate_limit_sec = 300
      help           = "A tick of a schedule passed without a run. GET /schedules lists them; POST /schedules/<name>/backfill?tick=<tick> runs one. Look at the Scheduler job: gcloud scheduler jobs describe <name>."
    }
    failed_releases = {
      title          = "a release failed"
      filter         = "resource.labels.service_name=\"${var.name}-deploy\" AND jsonPayload.method=\"POST\" AND jsonPayload.status>=500"
      labels         = { path = "path" }
      severity       = "ERROR"
      rate_limit_sec = 300
      help           = "A deploy ended with an error; what was there before was restored if that was possible. GET /<release> tells the evidence of the last failure."
    }
    overdue_tasks = {
      title          = "a task is overdue"
      filter         = "jsonPayload.decision=\"wait\" AND jsonPayload.reason=~\"^Overdue since \""
      labels         = { task_id = "taskId" }
      severity       = "WARNING"
      rate_limit_sec = 3600
      help           = "A round's time is up and too few updates are there (minReports). It waits on; POST /tasks/<taskId>?force=true starts it with what is there."
    }
    held_up_tasks = {
      title          = "a task is held up"
      filter         = "severity>=ERROR AND jsonPayload.message=~\"^Task .* could not be advanced: \""
      labels         = { task_id = "taskId" }
      severity       = "ERROR"
      rate_limit_sec = 3600
      help           = "The sweep cannot go on with a task: a Secret is missing, a right, or its state cannot be read. The line says which, and what to do; it goes on by itself then."
    }
    failed_sweeps = {
      title          = "the sweep fails"
      filter         = "jsonPayload.path=\"/sweep\" AND jsonPayload.status>=500"
      labels         = {}
      severity       = "ERROR"
      rate_limit_sec = 3600
      help           = "POST /sweep ended with an error: rounds whose time has come do not start. The line says why."
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

# Of the lines themselves, not of the metrics: a policy over a metric that was made a moment ago is refused.
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

# Events that are delivered and not acknowledged: the function fails, or cannot be called.
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
    content   = "Updates are not lost: the sweep finds them within a minute. A checkpoint list is known by its event alone until its run is claimed, and an event is given up after 24 hours: upload such a list again. Look at the log of ${var.name}-oncheckpoint, and whether the trigger's service account may still call it."
  }
  depends_on = [google_project_service.service]
}

# What the functions do not log: that nobody calls them. Rounds whose time has come, and missed ticks, are told by the sweep.
resource "google_monitoring_alert_policy" "no_sweeps" {
  count                 = var.alerts_enabled ? 1 : 0
  project               = var.project
  display_name          = "${var.name}: nothing sweeps"
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
    subject   = "tensorio-trigger: nothing sweeps"
    content   = "Scheduler calls ${var.name}-aggregate every minute, and no call has succeeded. gcloud scheduler jobs describe ${var.name}-sweep tells whether the job is paused and what it was answered; the log of ${var.name}-aggregate, whether the function starts."
  }
  depends_on = [google_project_service.service]
}
