# Schedules and alerts.

variable "schedules" {
  description = "Scheduled aggregations, by the name of the Scheduler job. schedules[] of `values` need no entry here; an entry of the same name extends them. cron: unix-cron. time_zone: IANA name. body: JSON of the request, the aggregator's fields. retry_count: retries of a failed call, 0 to 5. paused: whether the job is created without running."
  type = map(object({
    cron        = optional(string)
    time_zone   = optional(string)
    body        = optional(string, "{}")
    retry_count = optional(number, 3)
    paused      = optional(bool, false)
  }))
  default = {}
  validation {
    condition     = alltrue([for name in keys(var.schedules) : can(regex("^[A-Za-z0-9_-]{1,500}$", name))])
    error_message = "schedules: each key must be the id of a Scheduler job: letters, digits, '-' and '_'."
  }
  validation {
    condition     = alltrue([for each in values(var.schedules) : each.cron == null || can(regex("^\\S+ \\S+ \\S+ \\S+ \\S+$", each.cron))])
    error_message = "schedules: cron must be a unix-cron schedule of five fields, separated by one space, such as \"0 3 * * *\"."
  }
  validation {
    condition     = alltrue([for each in values(var.schedules) : can(keys(jsondecode(each.body)))])
    error_message = "schedules: body must be the text of a JSON object. Write jsonencode({...})."
  }
  validation {
    condition     = alltrue([for each in values(var.schedules) : each.retry_count >= 0 && each.retry_count <= 5])
    error_message = "schedules: retry_count must be 0 to 5."
  }
  validation {
    condition     = alltrue([for name, each in var.schedules : each.cron != null || contains([for known in try(yamldecode(var.values).schedules, []) : known.name], name)])
    error_message = "schedules: an entry without cron must have the name of one of schedules[] of values."
  }
  validation {
    condition = alltrue([for known in try(yamldecode(var.values).schedules, []) :
      try(var.schedules[known.name].cron, null) == null || try(var.schedules[known.name].cron, null) == known.cron
    ])
    error_message = "schedules: cron differs from the cron in schedules[] of values, so its ticks would count as missed. Set it in one place."
  }
}

variable "sweep_cron" {
  description = "When the sweep runs, in unix-cron. The sweep starts due rounds and completes interrupted work."
  type        = string
  default     = "* * * * *"
  validation {
    condition     = can(regex("^\\S+ \\S+ \\S+ \\S+ \\S+$", var.sweep_cron))
    error_message = "sweep_cron must be a unix-cron schedule of five fields, separated by one space."
  }
}

variable "scheduler_region" {
  description = "Region of the Scheduler jobs, for a `region` that does not offer Cloud Scheduler. null: `region`."
  type        = string
  default     = null
  validation {
    condition     = var.scheduler_region == null || can(regex("^[a-z]+-[a-z]+[0-9]{1,2}$", var.scheduler_region))
    error_message = "scheduler_region must be a region such as \"europe-west1\"."
  }
}

variable "alerts_enabled" {
  description = "Whether alert policies are created for failed rounds and runs, missed ticks, failed releases, overdue and blocked tasks, failed and missing sweeps, and late events. The log-based metrics are always created."
  type        = bool
  default     = true
}

variable "notification_channels" {
  description = "Notification channels of the alerts: projects/P/notificationChannels/ID. Empty: incidents are opened without a notification."
  type        = list(string)
  default     = []
  validation {
    condition     = alltrue([for each in var.notification_channels : can(regex("^projects/[^/]+/notificationChannels/[0-9]+$", each))])
    error_message = "notification_channels must be projects/P/notificationChannels/ID. List them with: gcloud beta monitoring channels list --format='value(name)'"
  }
}
