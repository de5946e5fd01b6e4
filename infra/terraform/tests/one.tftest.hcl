# One bucket, one schedule, the DNS endpoint: the usual start. Applied with mocks, so that outputs are known.
mock_provider "google" {
  source = "./tests/mocks"
}

variables {
  project        = "my-project"
  region         = "europe-west4"
  bundle         = "tests/bundle.txt"
  namespaces     = ["models"]
  cluster        = { location = "europe-west4", name = "training" }
  upload_buckets = { my-uploads = { location = "EU" } }
  output_buckets = ["my-models"]
  invokers       = { aggregate = ["group:ml@example.com"], deploy = ["group:ml@example.com"] }
  values         = <<-YAML
    aggregator: { tag: '1.0' }
    schedules:
      - name: nightly
        cron: 0 3 * * *
        timeZone: Europe/Amsterdam
  YAML
}

run "functions" {
  command = apply

  assert {
    condition     = join(" ", sort([for each in google_cloudfunctions2_function.function : each.name])) == "tio-aggregate tio-deploy tio-oncheckpoint"
    error_message = "three functions"
  }
  assert {
    condition     = alltrue([for each in google_cloudfunctions2_function.function : each.build_config[0].runtime == "nodejs24" && each.service_config[0].available_cpu == "1" && length(each.event_trigger) == 0])
    error_message = "Node 24, one CPU, no event_trigger"
  }
  assert {
    condition     = alltrue([for each in google_cloudfunctions2_function.function : each.build_config[0].source[0].storage_source[0].object == "functions-${filesha256("tests/bundle.txt")}.zip"])
    error_message = "the name of the bundle contains its hash"
  }
  assert {
    condition     = google_cloudfunctions2_function.function["oncheckpoint"].build_config[0].entry_point == "onCheckpoint"
    error_message = "the entry point is the registered name"
  }
  assert {
    condition     = google_cloudfunctions2_function.function["oncheckpoint"].service_config[0].ingress_settings == "ALLOW_INTERNAL_ONLY"
    error_message = "onCheckpoint accepts internal traffic only"
  }
  assert {
    condition     = alltrue([for each in google_cloudfunctions2_function.function : length(each.service_config[0].direct_vpc_network_interface) == 0])
    error_message = "the DNS endpoint needs no network"
  }
  assert {
    condition     = alltrue([for key, each in google_cloudfunctions2_function.function : tonumber(each.service_config[0].environment_variables["REQUEST_TIMEOUT_SEC"]) < each.service_config[0].timeout_seconds])
    error_message = "our deadline is shorter than the platform's"
  }
  assert {
    condition     = alltrue([for each in google_cloudfunctions2_function.function : each.labels["app"] == "tensorio-trigger"])
    error_message = "labels"
  }
  assert {
    condition     = length(distinct([for each in google_service_account.function : each.account_id])) == 3
    error_message = "an identity per function"
  }
}

run "environment" {
  command = apply

  assert {
    condition     = output.state_uri == "gs://my-project-tio-state"
    error_message = "the state's bucket is named after the project"
  }
  assert {
    condition     = local.function_environment["aggregate"]["GKE_CLUSTER"] == "projects/my-project/locations/europe-west4/clusters/training"
    error_message = "the cluster, in the format of the functions"
  }
  assert {
    condition     = local.function_environment["aggregate"]["ALLOWED_BUCKETS"] == "my-models,my-uploads"
    error_message = "every given bucket, and no other"
  }
  assert {
    condition     = output.values_uri == "gs://my-project-tio-source/values.yaml" && google_storage_bucket_object.values[0].content == var.values
    error_message = "the functions can only read the values"
  }
}

run "permissions" {
  command = apply

  assert {
    condition     = join(" ", sort(google_project_iam_custom_role.cluster_connect[0].permissions)) == "container.clusters.connect container.clusters.get"
    error_message = "access to the cluster, and no right in it"
  }
  assert {
    condition     = google_project_iam_custom_role.cluster_connect[0].role_id == "tioClusterConnect"
    error_message = "the role's name"
  }
  assert {
    condition     = join(" ", sort([for each in google_project_iam_member.build : each.role])) == "roles/artifactregistry.writer roles/logging.logWriter roles/storage.objectViewer"
    error_message = "roles of the build"
  }
  assert {
    condition     = length(google_project_iam_member.cluster_connect) == 3 && alltrue([for each in google_project_iam_member.cluster_connect : each.project == "my-project"])
    error_message = "each function reaches the cluster"
  }
  assert {
    condition     = length(google_storage_bucket_iam_member.state) == 2 && alltrue([for each in google_storage_bucket_iam_member.state : each.role == "roles/storage.objectUser"])
    error_message = "the state is read and written"
  }
  assert {
    condition     = length(google_storage_bucket_iam_member.allowed) == 4 && alltrue([for each in google_storage_bucket_iam_member.allowed : each.role == "roles/storage.objectViewer"])
    error_message = "the other buckets are read only"
  }
  assert {
    condition     = length(google_storage_bucket_iam_member.values) == 2 && alltrue([for each in google_storage_bucket_iam_member.values : each.role == "roles/storage.objectViewer" && each.bucket == "my-project-tio-source"])
    error_message = "the values are read only"
  }
  assert {
    condition = { for key, each in google_cloud_run_v2_service_iam_member.caller : key => "${each.name} ${each.role}" } == {
      "aggregate group:ml@example.com" = "tio-aggregate roles/run.servicesInvoker"
      "aggregate scheduler"            = "tio-aggregate roles/run.servicesInvoker"
      "deploy group:ml@example.com"    = "tio-deploy roles/run.servicesInvoker"
      "oncheckpoint trigger"           = "tio-oncheckpoint roles/run.invoker"
    }
    error_message = "callers of the Cloud Run services"
  }
  assert {
    condition     = google_project_iam_member.trigger[0].role == "roles/eventarc.eventReceiver" && google_project_iam_member.storage_agent[0].role == "roles/pubsub.publisher"
    error_message = "roles for the delivery of events"
  }
}

run "triggers_and_ticks" {
  command = apply

  assert {
    condition     = length(google_eventarc_trigger.upload) == 1 && google_eventarc_trigger.upload["my-uploads"].location == "eu"
    error_message = "the trigger is where the bucket is, in lower case"
  }
  assert {
    condition     = { for each in google_eventarc_trigger.upload["my-uploads"].matching_criteria : each.attribute => each.value } == { type = "google.cloud.storage.object.v1.finalized", bucket = "my-uploads" }
    error_message = "what it is fired by"
  }
  assert {
    condition     = length(google_eventarc_trigger.upload["my-uploads"].retry_policy) == 0
    error_message = "a retry_policy would turn retries off"
  }
  assert {
    condition     = google_cloud_scheduler_job.sweep.schedule == "* * * * *" && google_cloud_scheduler_job.sweep.http_target[0].uri == "${output.function_urls.aggregate}/sweep"
    error_message = "the sweep runs every minute"
  }
  assert {
    condition     = google_cloud_scheduler_job.sweep.http_target[0].oidc_token[0].audience == output.function_urls.aggregate
    error_message = "the audience is the service's root URL"
  }
  assert {
    condition     = google_cloud_scheduler_job.sweep.attempt_deadline == "320s"
    error_message = "the Scheduler waits longer than the function may take"
  }
  assert {
    condition     = length(google_cloud_scheduler_job.schedule) == 1 && google_cloud_scheduler_job.schedule["nightly"].schedule == "0 3 * * *" && google_cloud_scheduler_job.schedule["nightly"].time_zone == "Europe/Amsterdam"
    error_message = "the schedule of the values"
  }
  assert {
    condition     = google_cloud_scheduler_job.schedule["nightly"].retry_config[0].retry_count == 3 && base64decode(google_cloud_scheduler_job.schedule["nightly"].http_target[0].body) == "{}"
    error_message = "its retries and its body"
  }
  assert {
    condition     = google_cloud_scheduler_job.schedule["nightly"].http_target[0].oidc_token[0].audience == output.function_urls.aggregate
    error_message = "the audience is the service's root URL, without the slash of the path"
  }
  assert {
    condition     = output.ack_deadline_commands["my-uploads"] == "gcloud pubsub subscriptions update $(gcloud eventarc triggers describe ${google_eventarc_trigger.upload["my-uploads"].name} --project=my-project --location=eu --format='value(transport.pubsub.subscription)') --ack-deadline=60"
    error_message = "how the ack deadline is raised"
  }
  assert {
    condition     = length(terraform_data.ack_deadline) == 0
    error_message = "nothing is run on the machine that applies unless that is asked for"
  }
}

run "buckets" {
  command = apply

  assert {
    condition     = alltrue([for each in [google_storage_bucket.state, google_storage_bucket.source] : each.uniform_bucket_level_access && each.public_access_prevention == "enforced" && each.versioning[0].enabled])
    error_message = "no access list, nothing public, versions"
  }
  assert {
    condition     = google_storage_bucket.state.soft_delete_policy[0].retention_duration_seconds == 604800 && google_storage_bucket.state.deletion_policy == "PREVENT" && google_storage_bucket.state.force_destroy != true
    error_message = "state is not lost by mistake"
  }
  assert {
    condition     = one(one(google_storage_bucket.state.lifecycle_rule).condition).days_since_noncurrent_time == 7 && one(one(google_storage_bucket.state.lifecycle_rule).condition).with_state == "ARCHIVED"
    error_message = "old versions end, live objects never"
  }
  assert {
    condition     = length(google_storage_bucket.uploads) == 0
    error_message = "an existing upload bucket is not made"
  }
}

run "alerts" {
  command = apply

  assert {
    condition     = sort(keys(google_logging_metric.log_alert)) == tolist(["failed_releases", "failed_rounds", "failed_runs", "failed_sweeps", "held_up_tasks", "missed_ticks", "overdue_tasks"])
    error_message = "a metric of each"
  }
  assert {
    condition     = alltrue([for key, each in google_monitoring_alert_policy.log_alert : each.conditions[0].condition_matched_log[0].filter == google_logging_metric.log_alert[key].filter && each.alert_strategy[0].notification_rate_limit[0].period != ""])
    error_message = "a policy of each, over the same lines, with the rate limit that it needs"
  }
  assert {
    condition     = alltrue([for each in google_logging_metric.log_alert : join(" ", sort(keys(each.label_extractors))) == join(" ", sort([for label in each.metric_descriptor[0].labels : label.key]))])
    error_message = "every extracted label is declared"
  }
  assert {
    condition     = length(google_monitoring_alert_policy.late_events) == 1
    error_message = "late events, of each trigger's subscription"
  }
  assert {
    condition     = one(google_monitoring_alert_policy.no_sweeps[*].conditions[0].condition_absent[0].duration) == "1800s" && strcontains(google_monitoring_alert_policy.no_sweeps[0].conditions[0].condition_absent[0].filter, "service_name=\"tio-aggregate\" AND metric.type=\"run.googleapis.com/request_count\" AND metric.labels.response_code_class=\"2xx\"")
    error_message = "that nothing sweeps, which no log line tells"
  }
}

run "what_to_paste" {
  command = apply

  assert {
    condition     = output.try_it["dry_run"] == "curl -s -X POST -H \"Authorization: Bearer $(gcloud auth print-identity-token)\" -H 'Content-Type: application/yaml' --data-binary @values.yaml 'https://mock-abc123-ez.a.run.app/?dryRun=true'"
    error_message = "curl, with a token of whoever pastes it"
  }
  assert {
    condition     = output.try_it["sweep"] == "gcloud scheduler jobs run tio-sweep --project=my-project --location=europe-west4" && output.try_it["schedule nightly"] == "gcloud scheduler jobs run nightly --project=my-project --location=europe-west4"
    error_message = "gcloud, with project and location"
  }
  assert {
    condition     = strcontains(output.to_paste, "# tasks\ncurl -s -H \"Authorization: Bearer $(gcloud auth print-identity-token)\" https://mock-abc123-ez.a.run.app/tasks\n")
    error_message = "lines to paste"
  }
  assert {
    condition     = alltrue([for key, each in output.try_it : each == null ? key == "upload_values" : can(regex("^(curl|gcloud) ", each))])
    error_message = "commands, and nothing else"
  }
  assert {
    condition     = sort(keys(output.function_urls)) == tolist(["aggregate", "deploy", "oncheckpoint"]) && alltrue([for each in output.function_urls : startswith(each, "https://")])
    error_message = "where each function is called"
  }
}
