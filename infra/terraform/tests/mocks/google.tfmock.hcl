# What Google Cloud would answer: ids and addresses that others are built of.
mock_resource "google_service_account" {
  defaults = {
    id     = "projects/my-project/serviceAccounts/mock@my-project.iam.gserviceaccount.com"
    email  = "mock@my-project.iam.gserviceaccount.com"
    member = "serviceAccount:mock@my-project.iam.gserviceaccount.com"
  }
}

mock_resource "google_cloudfunctions2_function" {
  defaults = {
    service_config = {
      uri = "https://mock-abc123-ez.a.run.app"
    }
  }
}

mock_resource "google_project_iam_custom_role" {
  defaults = {
    id = "projects/my-project/roles/tioClusterConnect"
  }
}

mock_data "google_storage_project_service_account" {
  defaults = {
    email_address = "service-1@gs-project-accounts.iam.gserviceaccount.com"
    member        = "serviceAccount:service-1@gs-project-accounts.iam.gserviceaccount.com"
  }
}
