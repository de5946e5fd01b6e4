# Buckets of devices and models, and the bucket of state.

variable "upload_buckets" {
  description = "Buckets whose uploads call onCheckpoint, by name. location: the bucket's own (a region, or EU, US, ASIA); the trigger must be there. create: make the bucket here; then delete_after_days and delete_prefix give it a lifecycle: uploads below the prefix are deleted at that age."
  type = map(object({
    location          = string
    create            = optional(bool, false)
    delete_after_days = optional(number)
    delete_prefix     = optional(string)
  }))
  default = {}
  validation {
    condition     = alltrue([for name in keys(var.upload_buckets) : can(regex("^[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]$", name))])
    error_message = "upload_buckets must be keyed by names of buckets, without gs://."
  }
  validation {
    condition     = alltrue([for each in values(var.upload_buckets) : can(regex("^[A-Za-z]+(-[A-Za-z]+[0-9]{1,2})?$|^[A-Za-z]+[0-9]{1,2}$", each.location))])
    error_message = "upload_buckets: location must be the bucket's, such as \"europe-west4\" or \"EU\": gcloud storage buckets describe gs://BUCKET --format='value(location)'"
  }
  validation {
    condition     = alltrue([for each in values(var.upload_buckets) : each.create || (each.delete_after_days == null && each.delete_prefix == null)])
    error_message = "upload_buckets: delete_after_days and delete_prefix are for a bucket that is made here (create = true); give an existing bucket its lifecycle where it is made."
  }
  validation {
    condition     = alltrue([for each in values(var.upload_buckets) : each.delete_after_days != null || each.delete_prefix == null])
    error_message = "upload_buckets: delete_prefix needs delete_after_days."
  }
  validation {
    condition     = alltrue([for each in values(var.upload_buckets) : coalesce(each.delete_after_days, 8) >= 8])
    error_message = "upload_buckets: delete_after_days must be 8 at least: an update that waits for its round must not be deleted, and rounds remember uploads for 7 days (settledWindowSec)."
  }
}

variable "read_buckets" {
  description = "More buckets that lists and updates may lie in; nothing is triggered by them."
  type        = set(string)
  default     = []
  validation {
    condition     = alltrue([for name in var.read_buckets : can(regex("^[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]$", name))])
    error_message = "read_buckets must be names of buckets, without gs://."
  }
}

variable "output_buckets" {
  description = "Buckets that averages are written to. The functions only look whether an output is there."
  type        = set(string)
  default     = []
  validation {
    condition     = alltrue([for name in var.output_buckets : can(regex("^[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]$", name))])
    error_message = "output_buckets must be names of buckets, without gs://."
  }
  validation {
    condition     = length(var.upload_buckets) + length(var.read_buckets) + length(var.output_buckets) > 0
    error_message = "Give at least one bucket (upload_buckets, read_buckets, output_buckets): nothing else may be named by lists and outputs (ALLOWED_BUCKETS)."
  }
}

variable "raise_ack_deadline" {
  description = "Whether `gcloud` on the machine that applies raises the ack deadline of the triggers' subscriptions from 10 s to that of the function: there is no field for it. false: output \"to_paste\" tells the commands."
  type        = bool
  default     = false
}

variable "state_bucket" {
  description = "Name of the bucket of state, which is made here. null: PROJECT-NAME-state."
  type        = string
  default     = null
  validation {
    condition     = var.state_bucket == null || can(regex("^[a-z0-9][a-z0-9._-]{1,61}[a-z0-9]$", var.state_bucket))
    error_message = "state_bucket must be the name of a bucket, without gs://."
  }
  validation {
    condition     = var.state_bucket == null || !contains(keys(var.upload_buckets), coalesce(var.state_bucket, "-"))
    error_message = "state_bucket must not be an upload bucket: every write of state would be an event."
  }
}

variable "state_location" {
  description = "Location of the buckets that are made for state and source. null: the region."
  type        = string
  default     = null
  validation {
    condition     = var.state_location == null || can(regex("^[A-Za-z]+(-[A-Za-z]+[0-9]{1,2})?$|^[A-Za-z]+[0-9]{1,2}$", var.state_location))
    error_message = "state_location must be a bucket's location, such as \"europe-west4\" or \"EU\"."
  }
}

variable "state_keep_days" {
  description = "How long an overwritten or deleted object of state can be brought back, in days: noncurrent versions are kept that long, and what is deleted for good stays soft-deleted as long again. Both are billed. 0 to 90; 0 keeps nothing."
  type        = number
  default     = 7
  validation {
    condition     = contains(concat([0], range(7, 91)), var.state_keep_days)
    error_message = "state_keep_days must be 0, or 7 to 90 (Cloud Storage's bounds of soft delete)."
  }
}
