# One trigger per upload bucket. A trigger filters by bucket only; the function matches the object names.

# Google Cloud creates the agent when this data source is read for the first time. Do not build its address by hand.
data "google_storage_project_service_account" "agent" {
  project    = var.project
  depends_on = [google_project_service.service]
}

resource "google_project_iam_member" "storage_agent" {
  count   = length(var.upload_buckets) > 0 ? 1 : 0
  project = var.project
  role    = "roles/pubsub.publisher"
  member  = data.google_storage_project_service_account.agent.member
}

resource "google_project_iam_member" "trigger" {
  count   = length(var.upload_buckets) > 0 ? 1 : 0
  project = var.project
  role    = "roles/eventarc.eventReceiver"
  member  = google_service_account.trigger.member
}

locals {
  trigger_names = {
    for bucket in keys(var.upload_buckets) :
    bucket => "${var.name}-${trim(substr(replace(bucket, "/[^a-z0-9-]/", "-"), 0, 34), "-")}-${substr(sha256(bucket), 0, 6)}"
  }
}

resource "google_eventarc_trigger" "upload" {
  for_each = var.upload_buckets
  project  = var.project
  name     = local.trigger_names[each.key]
  # Must be the location of the bucket, or the trigger is refused. The function may be in another location.
  location = lower(each.value.location)
  labels   = local.labels
  matching_criteria {
    attribute = "type"
    value     = "google.cloud.storage.object.v1.finalized"
  }
  matching_criteria {
    attribute = "bucket"
    value     = each.key
  }
  destination {
    cloud_run_service {
      service = google_cloudfunctions2_function.function["oncheckpoint"].name
      region  = var.region
    }
  }
  service_account = google_service_account.trigger.email
  # No retry_policy block: its only value is a single attempt. Without the block an event is redelivered for 24 hours.
  depends_on = [
    google_project_iam_member.trigger,
    google_project_iam_member.storage_agent,
    google_cloud_run_v2_service_iam_member.caller,
    google_storage_bucket.uploads,
  ]
}

locals {
  # projects/P/subscriptions/S
  subscriptions = { for bucket, trigger in google_eventarc_trigger.upload : bucket => try(trigger.transport[0].pubsub[0].subscription, "") }
  # The default ack deadline is 10 s, cold start included. After that Pub/Sub redelivers while the first call still runs.
  ack_deadline_sec = local.functions.oncheckpoint.timeout_sec
  ack_deadline_commands = {
    for bucket, trigger in google_eventarc_trigger.upload :
    bucket => "gcloud pubsub subscriptions update $(gcloud eventarc triggers describe ${trigger.name} --project=${var.project} --location=${trigger.location} --format='value(transport.pubsub.subscription)') --ack-deadline=${local.ack_deadline_sec}"
  }
}

# The provider has no field for the ack deadline: https://github.com/hashicorp/terraform-provider-google/issues/17701
resource "terraform_data" "ack_deadline" {
  for_each         = var.raise_ack_deadline ? var.upload_buckets : {}
  triggers_replace = [local.ack_deadline_commands[each.key], local.subscriptions[each.key]]
  provisioner "local-exec" {
    command = local.ack_deadline_commands[each.key]
  }
}
