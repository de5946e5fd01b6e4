locals {
  values_object = "values.yaml"
}

# The state bucket: a few JSON objects, written with generation preconditions.
resource "google_storage_bucket" "state" {
  project                     = var.project
  name                        = local.state_bucket
  location                    = local.state_location
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"
  labels                      = local.labels
  # Prevents `terraform destroy` from deleting the state by mistake.
  deletion_policy = "PREVENT"
  versioning {
    enabled = var.state_keep_days > 0
  }
  # Set explicitly, because removing the block later would not change the bucket.
  soft_delete_policy {
    retention_duration_seconds = var.state_keep_days * 86400
  }
  dynamic "lifecycle_rule" {
    for_each = var.state_keep_days > 0 ? [var.state_keep_days] : []
    content {
      action {
        type = "Delete"
      }
      condition {
        days_since_noncurrent_time = lifecycle_rule.value
        with_state                 = "ARCHIVED"
      }
    }
  }
  depends_on = [google_project_service.service]
}

# The source bucket: the bundle and the values document. The functions can only read it.
resource "google_storage_bucket" "source" {
  project                     = var.project
  name                        = local.source_bucket
  location                    = local.state_location
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"
  labels                      = local.labels
  versioning {
    enabled = true
  }
  soft_delete_policy {
    retention_duration_seconds = 0
  }
  lifecycle_rule {
    action {
      type = "Delete"
    }
    condition {
      days_since_noncurrent_time = 30
      with_state                 = "ARCHIVED"
    }
  }
  depends_on = [google_project_service.service]
}

# The name contains the hash, so a function is redeployed if and only if its code changed.
resource "google_storage_bucket_object" "bundle" {
  bucket       = google_storage_bucket.source.name
  name         = "functions-${filesha256(local.bundle)}.zip"
  source       = local.bundle
  content_type = "application/zip"
  lifecycle {
    create_before_destroy = true
  }
}

resource "google_storage_bucket_object" "values" {
  count        = var.values == null ? 0 : 1
  bucket       = google_storage_bucket.source.name
  name         = local.values_object
  content      = var.values
  content_type = "application/yaml"
}

resource "google_storage_bucket" "uploads" {
  for_each                    = { for name, each in var.upload_buckets : name => each if each.create }
  project                     = var.project
  name                        = each.key
  location                    = each.value.location
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"
  labels                      = local.labels
  deletion_policy             = "PREVENT"
  soft_delete_policy {
    retention_duration_seconds = 604800
  }
  dynamic "lifecycle_rule" {
    for_each = each.value.delete_after_days == null ? [] : [each.value]
    content {
      action {
        type = "Delete"
      }
      condition {
        age            = lifecycle_rule.value.delete_after_days
        matches_prefix = lifecycle_rule.value.delete_prefix == null ? [] : [lifecycle_rule.value.delete_prefix]
      }
    }
  }
  depends_on = [google_project_service.service]
}
