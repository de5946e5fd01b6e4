locals {
  services = concat(
    [
      "artifactregistry.googleapis.com",
      "cloudbuild.googleapis.com",
      "cloudfunctions.googleapis.com",
      "cloudresourcemanager.googleapis.com",
      "cloudscheduler.googleapis.com",
      "container.googleapis.com",
      "eventarc.googleapis.com",
      "iam.googleapis.com",
      "logging.googleapis.com",
      "monitoring.googleapis.com",
      "pubsub.googleapis.com",
      "run.googleapis.com",
      "storage.googleapis.com",
    ],
    var.connect_gateway == null ? [] : ["connectgateway.googleapis.com", "gkeconnect.googleapis.com", "gkehub.googleapis.com"],
    var.vpc == null ? [] : ["compute.googleapis.com"],
  )
}

resource "google_project_service" "service" {
  for_each = toset(var.enable_services ? local.services : [])
  project  = var.project
  service  = each.key
  # Other systems in the project may use the same APIs.
  disable_on_destroy = false
}
