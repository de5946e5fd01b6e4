# Three functions from one bundle. No function has an event_trigger block, because a function can have only one: the
# triggers of onCheckpoint are in events.tf.
resource "google_cloudfunctions2_function" "function" {
  for_each    = local.functions
  project     = var.project
  location    = var.region
  name        = each.value.name
  description = "tensorio-trigger: ${each.value.entry_point}"
  labels      = local.labels

  build_config {
    runtime         = "nodejs24"
    entry_point     = each.value.entry_point
    service_account = google_service_account.build.id
    # Google Cloud applies security patches to the runtime between deployments.
    automatic_update_policy {}
    source {
      storage_source {
        bucket = google_storage_bucket.source.name
        object = google_storage_bucket_object.bundle.name
      }
    }
  }

  service_config {
    service_account_email            = google_service_account.function[each.key].email
    available_cpu                    = "1"
    available_memory                 = each.value.memory
    timeout_seconds                  = each.value.timeout_sec
    max_instance_request_concurrency = each.value.concurrency
    min_instance_count               = each.value.min_instances
    max_instance_count               = each.value.max_instances
    ingress_settings                 = each.value.ingress
    all_traffic_on_latest_revision   = true
    environment_variables            = local.function_environment[each.key]
    direct_vpc_egress                = var.vpc == null ? null : "VPC_EGRESS_${var.vpc.egress}"
    dynamic "direct_vpc_network_interface" {
      for_each = var.vpc == null ? [] : [var.vpc]
      content {
        network    = direct_vpc_network_interface.value.network
        subnetwork = direct_vpc_network_interface.value.subnetwork
        tags       = direct_vpc_network_interface.value.tags
      }
    }
  }

  depends_on = [google_project_service.service, google_project_iam_member.build]
}
