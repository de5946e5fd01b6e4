# What else a platform team asks for, planned on mocks.
mock_provider "google" {
  source = "./tests/mocks"
}

variables {
  project        = "my-project"
  region         = "europe-west4"
  bundle         = "tests/bundle.txt"
  namespaces     = ["models", "research"]
  cluster        = { location = "europe-west4", name = "training" }
  output_buckets = ["my-models"]
}

run "three_of_each" {
  command = plan
  variables {
    upload_buckets = {
      "uploads-eu"     = { location = "EU" }
      "uploads.us_old" = { location = "us-central1" }
      "uploads-new" = {
        location          = "europe-west4"
        create            = true
        delete_after_days = 30
        delete_prefix     = "tasksJobs/"
      }
    }
    schedules = {
      nightly = { cron = "0 3 * * *", time_zone = "Europe/Amsterdam" }
      hourly  = { cron = "0 * * * *", body = "{\"aggregationType\":\"wcma\"}", retry_count = 0 }
      monthly = { cron = "0 3 1 * *", paused = true }
    }
  }

  assert {
    condition     = { for name, each in google_eventarc_trigger.upload : name => each.location } == { "uploads-eu" = "eu", "uploads.us_old" = "us-central1", "uploads-new" = "europe-west4" }
    error_message = "each trigger is where its bucket is"
  }
  assert {
    condition     = alltrue([for each in google_eventarc_trigger.upload : can(regex("^tio-[a-z0-9]([a-z0-9-]*[a-z0-9])?$", each.name)) && length(each.name) <= 63]) && length(distinct([for each in google_eventarc_trigger.upload : each.name])) == 3
    error_message = "names of triggers are valid, and differ"
  }
  assert {
    condition     = length(google_storage_bucket.uploads) == 1 && one(one(google_storage_bucket.uploads["uploads-new"].lifecycle_rule).condition).age == 30 && one(one(google_storage_bucket.uploads["uploads-new"].lifecycle_rule).condition).matches_prefix == tolist(["tasksJobs/"])
    error_message = "the bucket that is made here has its lifecycle"
  }
  assert {
    condition     = length(google_storage_bucket_iam_member.allowed) == 2 * 4
    error_message = "each function that launches Jobs may read each bucket"
  }
  assert {
    condition     = { for name, each in google_cloud_scheduler_job.schedule : name => each.schedule } == { nightly = "0 3 * * *", hourly = "0 * * * *", monthly = "0 3 1 * *" }
    error_message = "a job per schedule, under its name"
  }
  assert {
    condition     = length(google_cloud_scheduler_job.schedule["hourly"].retry_config) == 0 && google_cloud_scheduler_job.schedule["monthly"].paused && base64decode(google_cloud_scheduler_job.schedule["hourly"].http_target[0].body) == "{\"aggregationType\":\"wcma\"}"
    error_message = "retries, pause and body of one's own"
  }
  assert {
    condition     = length(google_monitoring_alert_policy.late_events) == 3
    error_message = "late events, per bucket"
  }
  assert {
    condition     = local.function_environment["aggregate"]["ALLOWED_NAMESPACES"] == "models,research" && local.function_environment["aggregate"]["NAMESPACE"] == "models"
    error_message = "namespaces"
  }
  assert {
    condition     = !contains(keys(local.function_environment["aggregate"]), "VALUES_URI") && length(google_storage_bucket_iam_member.values) == 0
    error_message = "without values nothing is read"
  }
}

run "a_schedule_of_the_values_with_a_body" {
  command = plan
  variables {
    values    = "schedules: [{name: nightly, cron: '0 3 * * *'}, {name: hourly, cron: '0 * * * *'}]"
    schedules = { nightly = { body = "{\"aggregationType\":\"wcma\"}" } }
  }
  assert {
    condition     = google_cloud_scheduler_job.schedule["nightly"].schedule == "0 3 * * *" && google_cloud_scheduler_job.schedule["nightly"].time_zone == "Etc/UTC" && strcontains(base64decode(google_cloud_scheduler_job.schedule["nightly"].http_target[0].body), "wcma")
    error_message = "cron of the values, body of the variable"
  }
  assert {
    condition     = length(google_cloud_scheduler_job.schedule) == 2
    error_message = "both schedules of the values"
  }
  assert {
    condition     = length(google_eventarc_trigger.upload) == 0 && length(google_project_iam_member.trigger) == 0 && length(google_project_iam_member.storage_agent) == 0
    error_message = "without upload buckets nobody may deliver events"
  }
}

run "private_endpoint" {
  command = plan
  variables {
    cluster = { location = "europe-west4", name = "training", project = "cluster-project", endpoint = "private" }
    vpc     = { network = "projects/host/global/networks/n", subnetwork = "projects/host/regions/europe-west4/subnetworks/s", tags = ["functions"] }
  }
  assert {
    condition     = alltrue([for each in google_cloudfunctions2_function.function : each.service_config[0].direct_vpc_egress == "VPC_EGRESS_PRIVATE_RANGES_ONLY" && each.service_config[0].direct_vpc_network_interface[0].subnetwork == "projects/host/regions/europe-west4/subnetworks/s" && each.service_config[0].direct_vpc_network_interface[0].tags == tolist(["functions"])])
    error_message = "every function has a way into the network"
  }
  assert {
    condition     = google_project_iam_custom_role.cluster_connect[0].project == "cluster-project" && google_project_iam_custom_role.cluster_connect[0].permissions == toset(["container.clusters.get"])
    error_message = "an IP endpoint is looked up in the cluster's project, and asks for no connect"
  }
  assert {
    condition     = local.function_environment["deploy"]["GKE_ENDPOINT"] == "private" && local.function_environment["deploy"]["GKE_CLUSTER"] == "projects/cluster-project/locations/europe-west4/clusters/training"
    error_message = "as the functions read it"
  }
  assert {
    condition     = contains(keys(google_project_service.service), "compute.googleapis.com")
    error_message = "the network's API"
  }
}

run "connect_gateway" {
  command = plan
  variables {
    cluster         = null
    connect_gateway = { project_number = "123456789", location = "global", membership = "training", project = "fleet-project" }
  }
  assert {
    condition     = local.function_environment["aggregate"]["CONNECT_GATEWAY"] == "projects/123456789/locations/global/memberships/training" && !contains(keys(local.function_environment["aggregate"]), "GKE_CLUSTER") && !contains(keys(local.function_environment["aggregate"]), "GKE_ENDPOINT")
    error_message = "as the functions read it"
  }
  assert {
    condition     = google_project_iam_custom_role.cluster_connect[0].project == "fleet-project" && google_project_iam_custom_role.cluster_connect[0].permissions == toset(["gkehub.gateway.delete", "gkehub.gateway.get", "gkehub.gateway.patch", "gkehub.gateway.post", "gkehub.gateway.put"])
    error_message = "the gateway's methods; no stream"
  }
  assert {
    condition     = alltrue([for api in ["connectgateway", "gkeconnect", "gkehub"] : contains(keys(google_project_service.service), "${api}.googleapis.com")])
    error_message = "the gateway's APIs"
  }
}

run "address_of_a_dns_endpoint" {
  command = plan
  variables {
    cluster             = null
    kubernetes_endpoint = { server = "https://gke-0123.europe-west4.gke.goog" }
  }
  assert {
    condition     = google_project_iam_custom_role.cluster_connect[0].permissions == toset(["container.clusters.connect"])
    error_message = "nothing is looked up"
  }
  assert {
    condition     = local.function_environment["aggregate"]["KUBERNETES_ENDPOINT"] == "https://gke-0123.europe-west4.gke.goog"
    error_message = "as the functions read it"
  }
}

run "a_cluster_elsewhere" {
  command = plan
  variables {
    cluster             = null
    kubernetes_endpoint = { server = "https://10.0.0.2:6443", ca = "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n" }
  }
  assert {
    condition     = length(google_project_iam_custom_role.cluster_connect) == 0 && length(google_project_iam_member.cluster_connect) == 0
    error_message = "Google Cloud has nothing to say about it"
  }
}

run "no_custom_roles" {
  command = plan
  variables {
    custom_role = false
  }
  assert {
    condition     = length(google_project_iam_custom_role.cluster_connect) == 0 && alltrue([for each in google_project_iam_member.cluster_connect : each.role == "roles/container.clusterViewer"])
    error_message = "the least of Google's own roles"
  }
}

run "no_custom_roles_on_the_gateway" {
  command = plan
  variables {
    custom_role     = false
    cluster         = null
    connect_gateway = { project_number = "123456789", location = "global", membership = "training" }
  }
  assert {
    condition     = length(google_project_iam_member.cluster_connect) == 3 && alltrue([for each in google_project_iam_member.cluster_connect : each.role == "roles/gkehub.gatewayEditor"])
    error_message = "the least of Google's own roles, of the gateway"
  }
}

run "without_deploy_and_alerts" {
  command = plan
  variables {
    deploy_enabled  = false
    alerts_enabled  = false
    enable_services = false
    invokers        = { aggregate = ["serviceAccount:ci@my-project.iam.gserviceaccount.com"], deploy = ["group:ml@example.com"] }
  }
  assert {
    condition     = sort(keys(google_cloudfunctions2_function.function)) == tolist(["aggregate", "oncheckpoint"]) && sort(keys(google_cloud_run_v2_service_iam_member.caller)) == tolist(["aggregate scheduler", "aggregate serviceAccount:ci@my-project.iam.gserviceaccount.com", "oncheckpoint trigger"])
    error_message = "nothing of deploy"
  }
  assert {
    condition     = length(google_monitoring_alert_policy.log_alert) == 0 && length(google_monitoring_alert_policy.no_sweeps) == 0 && sort(keys(google_logging_metric.log_alert)) == tolist(["failed_rounds", "failed_runs", "failed_sweeps", "held_up_tasks", "missed_ticks", "overdue_tasks"]) && length(google_project_service.service) == 0
    error_message = "metrics, and no policies"
  }
}

run "aggregations_by_deploy" {
  command = plan
  variables {
    aggregation_by_deploy = true
    values_uri            = "gs://my-config/values.yaml"
  }
  assert {
    condition     = contains(keys(google_storage_bucket_iam_member.state), "deploy") && length(google_storage_bucket_iam_member.allowed) == 3 * length(local.allowed_buckets)
    error_message = "deploy launches as aggregate does"
  }
  assert {
    condition     = sort(keys(google_storage_bucket_iam_member.values)) == tolist(["aggregate", "oncheckpoint"])
    error_message = "and is given its values with each call"
  }
}

run "values_beside_the_averages" {
  command = plan
  variables {
    values_uri = "gs://my-models/values.yaml"
  }
  assert {
    condition     = length(google_storage_bucket_iam_member.values) == 0 && contains(local.allowed_buckets, "my-models")
    error_message = "one grant has one owner"
  }
}

run "the_aggregators_own_identity" {
  command = plan
  variables {
    aggregator_members = ["serviceAccount:aggregator@my-project.iam.gserviceaccount.com"]
    upload_buckets     = { my-uploads = { location = "EU" } }
    read_buckets       = ["my-lists"]
  }
  assert {
    condition = { for each in google_storage_bucket_iam_member.aggregator : each.bucket => each.role } == {
      my-uploads = "roles/storage.objectViewer"
      my-lists   = "roles/storage.objectViewer"
      my-models  = "roles/storage.objectUser"
    }
    error_message = "reads uploads and lists, writes averages"
  }
  assert {
    condition     = alltrue([for each in google_storage_bucket_iam_member.aggregator_state : each.role == "roles/storage.objectViewer"]) && length(google_storage_bucket_iam_member.aggregator_state) == 1
    error_message = "reads the lists of rounds"
  }
}

run "names_and_sizes_of_ones_own" {
  command = plan
  variables {
    name             = "fl-test"
    labels           = { team = "ml" }
    images           = ["europe-docker.pkg.dev/p/r/"]
    release_name     = "agg"
    state_bucket     = "our-state"
    state_location   = "EU"
    state_keep_days  = 0
    values_uri       = "gs://my-config/tio/values.yaml"
    scheduler_region = "europe-west1"
    functions        = { aggregate = { timeout_sec = 600, memory = "1Gi", min_instances = 1 }, oncheckpoint = { ingress = "ALLOW_ALL" } }
  }
  assert {
    condition     = google_cloudfunctions2_function.function["aggregate"].name == "fl-test-aggregate" && google_cloudfunctions2_function.function["aggregate"].labels["team"] == "ml"
    error_message = "names and labels"
  }
  assert {
    condition     = google_project_iam_custom_role.cluster_connect[0].role_id == "fl_testClusterConnect"
    error_message = "a role's id takes no '-'"
  }
  assert {
    condition     = google_cloud_scheduler_job.sweep.attempt_deadline == "620s" && google_cloud_scheduler_job.sweep.region == "europe-west1" && local.function_environment["aggregate"]["REQUEST_TIMEOUT_SEC"] == "590"
    error_message = "deadlines follow the timeout"
  }
  assert {
    condition     = google_storage_bucket.state.name == "our-state" && google_storage_bucket.state.versioning[0].enabled == false && google_storage_bucket.state.soft_delete_policy[0].retention_duration_seconds == 0 && length(google_storage_bucket.state.lifecycle_rule) == 0
    error_message = "nothing is kept"
  }
  assert {
    condition     = alltrue([for each in google_storage_bucket_iam_member.values : each.bucket == "my-config"]) && local.function_environment["oncheckpoint"]["VALUES_URI"] == "gs://my-config/tio/values.yaml" && length(google_storage_bucket_object.values) == 0
    error_message = "values of somebody else"
  }
  assert {
    condition     = local.function_environment["aggregate"]["ALLOWED_IMAGES"] == "europe-docker.pkg.dev/p/r/" && local.function_environment["aggregate"]["RELEASE_NAME"] == "agg"
    error_message = "images and release name"
  }
}

run "ack_deadline_on_apply" {
  command = plan
  variables {
    upload_buckets     = { my-uploads = { location = "EU" } }
    raise_ack_deadline = true
  }
  assert {
    condition     = length(terraform_data.ack_deadline) == 1
    error_message = "asked for"
  }
}
