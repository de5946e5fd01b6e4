# All grants, by member.
mock_provider "google" {
  source = "./tests/mocks"

  override_resource {
    target = google_service_account.function["aggregate"]
    values = { email = "aggregate@p", member = "serviceAccount:aggregate@p" }
  }
  override_resource {
    target = google_service_account.function["oncheckpoint"]
    values = { email = "oncheckpoint@p", member = "serviceAccount:oncheckpoint@p" }
  }
  override_resource {
    target = google_service_account.function["deploy"]
    values = { email = "deploy@p", member = "serviceAccount:deploy@p" }
  }
  override_resource {
    target = google_service_account.build
    values = { email = "build@p", member = "serviceAccount:build@p", id = "projects/p/serviceAccounts/build@p" }
  }
  override_resource {
    target = google_service_account.trigger
    values = { email = "trigger@p", member = "serviceAccount:trigger@p" }
  }
  override_resource {
    target = google_service_account.scheduler
    values = { email = "scheduler@p", member = "serviceAccount:scheduler@p" }
  }
  override_data {
    target = data.google_storage_project_service_account.agent
    values = { member = "serviceAccount:storage-agent@p" }
  }
}

variables {
  project            = "my-project"
  region             = "europe-west4"
  bundle             = "tests/bundle.txt"
  namespaces         = ["models"]
  cluster            = { location = "europe-west4", name = "training" }
  upload_buckets     = { my-uploads = { location = "EU" } }
  output_buckets     = ["my-models"]
  values_uri         = "gs://my-config/values.yaml"
  aggregator_members = ["serviceAccount:aggregator@p"]
  invokers           = { aggregate = ["user:a@example.com"], deploy = ["user:d@example.com"] }
}

run "on_the_project" {
  command = apply
  assert {
    condition = sort(concat(
      [for each in google_project_iam_member.build : "${each.member} ${each.role} ${each.project}"],
      [for each in google_project_iam_member.cluster_connect : "${each.member} ${each.role} ${each.project}"],
      [for each in google_project_iam_member.storage_agent : "${each.member} ${each.role} ${each.project}"],
      [for each in google_project_iam_member.trigger : "${each.member} ${each.role} ${each.project}"],
      )) == tolist([
      "serviceAccount:aggregate@p projects/my-project/roles/tioClusterConnect my-project",
      "serviceAccount:build@p roles/artifactregistry.writer my-project",
      "serviceAccount:build@p roles/logging.logWriter my-project",
      "serviceAccount:build@p roles/storage.objectViewer my-project",
      "serviceAccount:deploy@p projects/my-project/roles/tioClusterConnect my-project",
      "serviceAccount:oncheckpoint@p projects/my-project/roles/tioClusterConnect my-project",
      "serviceAccount:storage-agent@p roles/pubsub.publisher my-project",
      "serviceAccount:trigger@p roles/eventarc.eventReceiver my-project",
    ])
    error_message = "every grant on the project, and no other"
  }
}

run "on_the_buckets" {
  command = apply
  assert {
    condition = sort(concat(
      [for each in google_storage_bucket_iam_member.state : "${each.member} ${each.role} ${each.bucket}"],
      [for each in google_storage_bucket_iam_member.allowed : "${each.member} ${each.role} ${each.bucket}"],
      [for each in google_storage_bucket_iam_member.values : "${each.member} ${each.role} ${each.bucket}"],
      [for each in google_storage_bucket_iam_member.aggregator : "${each.member} ${each.role} ${each.bucket}"],
      [for each in google_storage_bucket_iam_member.aggregator_state : "${each.member} ${each.role} ${each.bucket}"],
      )) == tolist([
      "serviceAccount:aggregate@p roles/storage.objectUser my-project-tio-state",
      "serviceAccount:aggregate@p roles/storage.objectViewer my-config",
      "serviceAccount:aggregate@p roles/storage.objectViewer my-models",
      "serviceAccount:aggregate@p roles/storage.objectViewer my-uploads",
      "serviceAccount:aggregator@p roles/storage.objectUser my-models",
      "serviceAccount:aggregator@p roles/storage.objectViewer my-project-tio-state",
      "serviceAccount:aggregator@p roles/storage.objectViewer my-uploads",
      "serviceAccount:oncheckpoint@p roles/storage.objectUser my-project-tio-state",
      "serviceAccount:oncheckpoint@p roles/storage.objectViewer my-config",
      "serviceAccount:oncheckpoint@p roles/storage.objectViewer my-models",
      "serviceAccount:oncheckpoint@p roles/storage.objectViewer my-uploads",
    ])
    error_message = "every grant on a bucket, and no other"
  }
}

run "on_the_services" {
  command = apply
  assert {
    condition = sort([for each in google_cloud_run_v2_service_iam_member.caller : "${each.member} ${each.role} ${each.name}"]) == tolist([
      "serviceAccount:scheduler@p roles/run.servicesInvoker tio-aggregate",
      "serviceAccount:trigger@p roles/run.invoker tio-oncheckpoint",
      "user:a@example.com roles/run.servicesInvoker tio-aggregate",
      "user:d@example.com roles/run.servicesInvoker tio-deploy",
    ])
    error_message = "every caller, and no other"
  }
  assert {
    condition     = alltrue([for key, each in google_cloudfunctions2_function.function : each.service_config[0].service_account_email == "${key}@p" && each.build_config[0].service_account == "projects/p/serviceAccounts/build@p"])
    error_message = "each function runs as its own service account, and the build account builds it"
  }
  assert {
    condition     = google_eventarc_trigger.upload["my-uploads"].service_account == "trigger@p" && google_cloud_scheduler_job.sweep.http_target[0].oidc_token[0].service_account_email == "scheduler@p"
    error_message = "triggers and Scheduler jobs call as their own service accounts"
  }
  assert {
    condition     = output.kubernetes_names == "  aggregate: aggregate@p\n  onCheckpoint: oncheckpoint@p\n  deploy: deploy@p"
    error_message = "names of the functions in the cluster"
  }
}
