# What the Scheduler calls, and who is told when something fails.

variable "schedules" {
  description = "Scheduled aggregations, by the name of the Scheduler job. Those of `values` (schedules[]) need no entry here; one here adds to it. cron: unix-cron; time_zone: IANA; body: the JSON of the request, fields of the aggregator; retry_count: further attempts of a failed call, 0 to 5; paused: the job is there and does not run."
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
    error_message = "schedules must be keyed by ids of Scheduler jobs: letters, digits, '-' and '_'."
  }
  validation {
    condition     = alltrue([for each in values(var.schedules) : each.cron == null || can(regex("^\\S+ \\S+ \\S+ \\S+ \\S+$", each.cron))])
    error_message = "schedules: cron must be a unix-cron schedule of five fields with one space between, such as \"0 3 * * *\"."
  }
  validation {
    condition     = alltrue([for each in values(var.schedules) : can(keys(jsondecode(each.body)))])
    error_message = "schedules: body must be the text of a JSON object; write jsonencode({...})."
  }
  validation {
    condition     = alltrue([for each in values(var.schedules) : each.retry_count >= 0 && each.retry_count <= 5])
    error_message = "schedules: retry_count must be 0 to 5."
  }
  validation {
    condition     = alltrue([for name, each in var.schedules : each.cron != null || contains([for known in try(yamldecode(var.values).schedules, []) : known.name], name)])
    error_message = "schedules: an entry without cron must be one of the schedules[] of values, which has it."
  }
  validation {
    condition = alltrue([for known in try(yamldecode(var.values).schedules, []) :
      try(var.schedules[known.name].cron, null) == null || try(var.schedules[known.name].cron, null) == known.cron
    ])
    error_message = "schedules: cron differs from that of the schedules[] of values, and its ticks would count as missing; give it in one place."
  }
}

variable "sweep_cron" {
  description = "When the sweep runs: it starts rounds whose time has come, and finishes what a crash left."
  type        = string
  default     = "* * * * *"
  validation {
    condition     = can(regex("^\\S+ \\S+ \\S+ \\S+ \\S+$", var.sweep_cron))
    error_message = "sweep_cron must be a unix-cron schedule of five fields with one space between."
  }
}

variable "scheduler_region" {
  description = "Region of the Scheduler jobs, where Cloud Scheduler is not offered in `region`. null: `region`."
  type        = string
  default     = null
  validation {
    condition     = var.scheduler_region == null || can(regex("^[a-z]+-[a-z]+[0-9]{1,2}$", var.scheduler_region))
    error_message = "scheduler_region must be a region such as \"europe-west1\"."
  }
}

variable "alerts_enabled" {
  description = "Whether alert policies are made of the log lines of failed rounds, missed ticks, failed releases, overdue tasks and failed sweeps. Their log-based metrics are made in any case."
  type        = bool
  default     = true
}

variable "notification_channels" {
  description = "Who is told: projects/P/notificationChannels/ID. Empty: incidents are opened, nobody is told."
  type        = list(string)
  default     = []
  validation {
    condition     = alltrue([for each in var.notification_channels : can(regex("^projects/[^/]+/notificationChannels/[0-9]+$", each))])
    error_message = "notification_channels must be projects/P/notificationChannels/ID: gcloud beta monitoring channels list --format='value(name)'"
  }
}
