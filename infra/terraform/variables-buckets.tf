# Buckets for uploads, lists and outputs, and the state bucket.

variable "upload_buckets" {
  description = "Buckets whose uploads call onCheckpoint, by name. location: the location of the bucket (a region, or EU, US, ASIA), where its trigger is created. create: whether this configuration creates the bucket. delete_after_days and delete_prefix: lifecycle of a created bucket; objects below the prefix are deleted at that age."
  type = map(object({
    location          = string
    create            = optional(bool, false)
    delete_after_days = optional(number)
    delete_prefix     = optional(string)
  }))
  default = {}
  validation {
    condition     = alltrue([for name in keys(var.upload_buckets) : can(regex("^[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]$", name))])
    error_message = "upload_buckets: each key must be the name of a bucket, without gs://."
  }
  validation {
    condition     = alltrue([for each in values(var.upload_buckets) : can(regex("^[A-Za-z]+(-[A-Za-z]+[0-9]{1,2})?$|^[A-Za-z]+[0-9]{1,2}$", each.location))])
    error_message = "upload_buckets: location must be the location of the bucket, such as \"europe-west4\" or \"EU\": gcloud storage buckets describe gs://BUCKET --format='value(location)'"
  }
  validation {
    condition     = alltrue([for each in values(var.upload_buckets) : each.create || (each.delete_after_days == null && each.delete_prefix == null)])
    error_message = "upload_buckets: delete_after_days and delete_prefix need create = true. Set the lifecycle of an existing bucket where that bucket is managed."
  }
  validation {
    condition     = alltrue([for each in values(var.upload_buckets) : each.delete_after_days != null || each.delete_prefix == null])
    error_message = "upload_buckets: delete_prefix needs delete_after_days."
  }
  validation {
    condition     = alltrue([for each in values(var.upload_buckets) : coalesce(each.delete_after_days, 8) >= 8])
    error_message = "upload_buckets: delete_after_days must be at least 8: an update must not be deleted while it waits for its round, and a task remembers its uploads for 7 days (settledWindowSec)."
  }
}

variable "read_buckets" {
  description = "More buckets that may contain lists and updates. Uploads to them trigger nothing."
  type        = set(string)
  default     = []
  validation {
    condition     = alltrue([for name in var.read_buckets : can(regex("^[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]$", name))])
    error_message = "read_buckets must contain names of buckets, without gs://."
  }
}

variable "output_buckets" {
  description = "Buckets that aggregators write to. The functions only check whether an output exists."
  type        = set(string)
  default     = []
  validation {
    condition     = alltrue([for name in var.output_buckets : can(regex("^[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]$", name))])
    error_message = "output_buckets must contain names of buckets, without gs://."
  }
  validation {
    condition     = length(var.upload_buckets) + length(var.read_buckets) + length(var.output_buckets) > 0
    error_message = "Give at least one bucket in upload_buckets, read_buckets or output_buckets: lists and outputs may name no other bucket (ALLOWED_BUCKETS)."
  }
}

variable "raise_ack_deadline" {
  description = "Whether `terraform apply` runs `gcloud` to raise the ack deadline of the triggers' subscriptions from 10 s to the function's timeout; the provider has no field for it. false: run the commands of the output ack_deadline_commands."
  type        = bool
  default     = false
}

variable "state_bucket" {
  description = "Name of the state bucket, which this configuration creates. null: PROJECT-NAME-state."
  type        = string
  default     = null
  validation {
    condition     = var.state_bucket == null || can(regex("^[a-z0-9][a-z0-9._-]{1,61}[a-z0-9]$", var.state_bucket))
    error_message = "state_bucket must be the name of a bucket, without gs://."
  }
  validation {
    condition     = var.state_bucket == null || !contains(keys(var.upload_buckets), coalesce(var.state_bucket, "-"))
    error_message = "state_bucket must not be an upload bucket: every state write would be an event."
  }
}

variable "state_location" {
  description = "Location of the state bucket and the source bucket. null: `region`."
  type        = string
  default     = null
  validation {
    condition     = var.state_location == null || can(regex("^[A-Za-z]+(-[A-Za-z]+[0-9]{1,2})?$|^[A-Za-z]+[0-9]{1,2}$", var.state_location))
    error_message = "state_location must be the location of a bucket, such as \"europe-west4\" or \"EU\"."
  }
}

variable "state_keep_days" {
  description = "Days for which an overwritten or deleted state object can be restored. Noncurrent versions are kept for this time, and deleted versions stay soft-deleted for the same time again. Both are billed. 0 keeps nothing; otherwise 7 to 90."
  type        = number
  default     = 7
  validation {
    condition     = contains(concat([0], range(7, 91)), var.state_keep_days)
    error_message = "state_keep_days must be 0, or 7 to 90 (the limits of soft delete in Cloud Storage)."
  }
}
