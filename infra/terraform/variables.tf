# Where it runs, and what it is called.

variable "project" {
  description = "Id of the Google Cloud project that everything is made in."
  type        = string
  validation {
    condition     = can(regex("^([a-z0-9.-]+:)?[a-z][a-z0-9-]{4,28}[a-z0-9]$", var.project))
    error_message = "project must be a project's id (6 to 30 lower-case letters, digits and '-'), not its name or number."
  }
}

variable "region" {
  description = "Region of the functions and of the Scheduler jobs, such as \"europe-west4\". Best the cluster's."
  type        = string
  validation {
    condition     = can(regex("^[a-z]+-[a-z]+[0-9]{1,2}$", var.region))
    error_message = "region must be a region such as \"europe-west4\", not a zone and not a multi-region."
  }
}

variable "name" {
  description = "Begins every name that is made here: \"tio\" makes the function \"tio-aggregate\". Another one allows a second system in the same project."
  type        = string
  default     = "tio"
  validation {
    condition     = can(regex("^[a-z]([a-z0-9-]{0,15}[a-z0-9])?$", var.name))
    error_message = "name must be 1 to 17 lower-case letters, digits and '-', beginning with a letter: a service account's id, NAME-oncheckpoint, has 30 at most."
  }
}

variable "labels" {
  description = "Labels on everything that takes labels, besides \"app\" and \"managed-by\"."
  type        = map(string)
  default     = {}
  validation {
    condition     = alltrue([for key, value in var.labels : can(regex("^[a-z][a-z0-9_-]{0,62}$", key)) && can(regex("^[a-z0-9_-]{0,63}$", value))])
    error_message = "labels must have keys and values of up to 63 lower-case letters, digits, '_' and '-'; a key begins with a letter."
  }
  validation {
    condition     = length(setintersection(keys(var.labels), ["app", "managed-by"])) == 0
    error_message = "labels must not name \"app\" and \"managed-by\": they are set here."
  }
}

variable "bundle" {
  description = "Path of the zip of dist/. null: bundle.zip in this folder, which `npm run build && npm run zip` makes. A changed one is deployed by the next apply."
  type        = string
  default     = null
  validation {
    condition     = fileexists(coalesce(var.bundle, "${path.module}/bundle.zip"))
    error_message = "bundle: there is no such file. Make it with: npm run build && npm run zip"
  }
}

variable "enable_services" {
  description = "Whether the APIs that are needed are turned on. false where another team does that; `services.tf` lists them."
  type        = bool
  default     = true
}

# What the functions may touch.

variable "namespaces" {
  description = "Kubernetes namespaces that values and requests may name (ALLOWED_NAMESPACES); the first is where Jobs go when they name none. Each needs the Roles of infra/kubernetes."
  type        = list(string)
  validation {
    condition     = length(var.namespaces) > 0 && alltrue([for each in var.namespaces : can(regex("^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$", each))])
    error_message = "namespaces must hold at least one name of a Kubernetes namespace: lower-case letters, digits and '-'."
  }
  validation {
    condition     = length(setintersection(var.namespaces, ["kube-system", "kube-public", "kube-node-lease"])) == 0
    error_message = "namespaces must not hold one of Kubernetes itself: whoever may create Jobs there can read every Secret of it."
  }
}

variable "images" {
  description = "Image repositories that Jobs and services may use, or prefixes that end in \"/\" (ALLOWED_IMAGES). Empty: the three of the chart on Docker Hub."
  type        = list(string)
  default     = []
  validation {
    condition     = alltrue([for each in var.images : can(regex("^[a-z0-9][a-z0-9._:/-]*$", each))])
    error_message = "images must be repositories without a tag, such as \"europe-docker.pkg.dev/p/r/flea-aggregator\", or prefixes that end in \"/\"."
  }
}

variable "release_name" {
  description = "Begins the names of Jobs (RELEASE_NAME). null: \"flea-aggregator\", as the chart's."
  type        = string
  default     = null
  validation {
    condition     = var.release_name == null || can(regex("^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$", var.release_name))
    error_message = "release_name must be lower-case letters, digits and '-'."
  }
}

variable "values" {
  description = "The values document (YAML): aggregator defaults, rounds, lists, schedules, e.g. file(\"values.yaml\"). It is kept in a bucket that the functions can only read; a changed one is in force at the next call, without a new revision."
  type        = string
  default     = null
  validation {
    condition     = var.values == null || can(keys(yamldecode(var.values)))
    error_message = "values must be the text of a YAML mapping; give file(\"values.yaml\"), not its path."
  }
}

variable "values_uri" {
  description = "A values document that somebody else writes, gs://BUCKET/NAME, in place of `values`."
  type        = string
  default     = null
  validation {
    condition     = var.values_uri == null || can(regex("^gs://[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]/.+$", var.values_uri))
    error_message = "values_uri must be gs://BUCKET/NAME."
  }
  validation {
    condition     = var.values_uri == null || var.values == null
    error_message = "values_uri contradicts values: give one of them."
  }
}

# Who may call.

variable "invokers" {
  description = "Who may call which function, as IAM members such as \"group:ml@example.com\". The Scheduler and the triggers are allowed besides."
  type = object({
    aggregate = optional(set(string), [])
    deploy    = optional(set(string), [])
  })
  default = {}
  validation {
    condition     = alltrue([for member in setunion(var.invokers.aggregate, var.invokers.deploy) : can(regex("^(user|group|serviceAccount|domain|principal|principalSet):.+$", member))])
    error_message = "invokers must be IAM members such as \"user:a@example.com\", \"group:...\" or \"serviceAccount:...\"; allUsers and allAuthenticatedUsers are not taken: a function that anybody may call starts Jobs for anybody."
  }
}

variable "aggregator_members" {
  description = "IAM members as whom the aggregator's pods reach the buckets: the service account of their key file, or of Workload Identity. They may read the state (checkpoint lists of rounds), the buckets with uploads and lists, and write to output_buckets. Empty: granted elsewhere."
  type        = set(string)
  default     = []
  validation {
    condition     = alltrue([for member in var.aggregator_members : can(regex("^(serviceAccount|principal|principalSet):.+$", member))])
    error_message = "aggregator_members must be service accounts (\"serviceAccount:...\") or principals of Workload Identity."
  }
}

variable "custom_role" {
  description = "Whether a custom role with just the permissions that are needed is made for the cluster's project. false where custom roles are forbidden: roles/container.clusterViewer, or roles/gkehub.gatewayEditor, instead."
  type        = bool
  default     = true
}

# Sizes.

variable "aggregation_by_deploy" {
  description = "Whether deploy may launch the aggregation of values with aggregator.release: true: it then reads and writes state, and reads the buckets, as aggregate does. Goes with the option aggregation-by-deploy of kubernetes/."
  type        = bool
  default     = false
  nullable    = false
}

variable "deploy_enabled" {
  description = "Whether the function that releases services is made."
  type        = bool
  default     = true
}

variable "functions" {
  description = "Size and reach of each function. timeout_sec: of one request; memory: \"512Mi\" or more; max_instances bounds the clients of the API server; ingress: ALLOW_ALL, ALLOW_INTERNAL_ONLY or ALLOW_INTERNAL_AND_GCLB (IAM checks each caller in any case; Scheduler and Eventarc of the same project count as internal)."
  type = object({
    aggregate = optional(object({
      timeout_sec   = optional(number, 300)
      memory        = optional(string, "512Mi")
      min_instances = optional(number, 0)
      max_instances = optional(number, 3)
      ingress       = optional(string, "ALLOW_ALL")
    }), {})
    oncheckpoint = optional(object({
      timeout_sec   = optional(number, 60)
      memory        = optional(string, "512Mi")
      min_instances = optional(number, 0)
      max_instances = optional(number, 3)
      ingress       = optional(string, "ALLOW_INTERNAL_ONLY")
    }), {})
    deploy = optional(object({
      timeout_sec   = optional(number, 3600)
      memory        = optional(string, "512Mi")
      min_instances = optional(number, 0)
      max_instances = optional(number, 2)
      ingress       = optional(string, "ALLOW_ALL")
    }), {})
  })
  default = {}
  validation {
    condition     = alltrue([for each in values(var.functions) : each.timeout_sec >= 30 && each.timeout_sec <= 3600 && floor(each.timeout_sec) == each.timeout_sec])
    error_message = "functions: timeout_sec must be 30 to 3600 whole seconds."
  }
  validation {
    condition     = var.functions.aggregate.timeout_sec <= 1780
    error_message = "functions.aggregate.timeout_sec must be 1780 at most: Cloud Scheduler waits 30 minutes at most for the sweep."
  }
  validation {
    condition     = var.functions.oncheckpoint.timeout_sec <= 540
    error_message = "functions.oncheckpoint.timeout_sec must be 540 at most, as of every function that is called by events."
  }
  validation {
    condition     = alltrue([for each in values(var.functions) : can(regex("^([5-9][0-9]{2}|[1-9][0-9]{3})Mi$|^[1-9][0-9]?Gi$", each.memory))])
    error_message = "functions: memory must be 500Mi or more, such as \"512Mi\" or \"2Gi\"."
  }
  validation {
    condition     = alltrue([for each in values(var.functions) : each.max_instances >= 1 && each.min_instances >= 0 && each.min_instances <= each.max_instances])
    error_message = "functions: max_instances must be at least 1, and min_instances not more than it."
  }
  validation {
    condition     = alltrue([for each in values(var.functions) : contains(["ALLOW_ALL", "ALLOW_INTERNAL_ONLY", "ALLOW_INTERNAL_AND_GCLB"], each.ingress)])
    error_message = "functions: ingress must be ALLOW_ALL, ALLOW_INTERNAL_ONLY or ALLOW_INTERNAL_AND_GCLB."
  }
}

variable "upstream_timeout_sec" {
  description = "Of one call to Kubernetes or Google Cloud, its retries included (UPSTREAM_TIMEOUT_SEC)."
  type        = number
  default     = 10
  validation {
    condition     = var.upstream_timeout_sec >= 1 && var.upstream_timeout_sec <= 300 && floor(var.upstream_timeout_sec) == var.upstream_timeout_sec
    error_message = "upstream_timeout_sec must be 1 to 300 whole seconds."
  }
}
