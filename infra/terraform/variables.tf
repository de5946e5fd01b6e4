# Project, region and names.

variable "project" {
  description = "Id of the Google Cloud project in which all resources are created."
  type        = string
  validation {
    condition     = can(regex("^([a-z0-9.-]+:)?[a-z][a-z0-9-]{4,28}[a-z0-9]$", var.project))
    error_message = "project must be the id of a project (6 to 30 lowercase letters, digits and '-'), not its name or number."
  }
}

variable "region" {
  description = "Region of the functions and the Scheduler jobs, such as \"europe-west4\". Use the region of the cluster."
  type        = string
  validation {
    condition     = can(regex("^[a-z]+-[a-z]+[0-9]{1,2}$", var.region))
    error_message = "region must be a region such as \"europe-west4\", not a zone and not a multi-region."
  }
}

variable "name" {
  description = "Prefix of all names: with \"tio\", a function is named \"tio-aggregate\". A second system in the same project needs another prefix."
  type        = string
  default     = "tio"
  validation {
    condition     = can(regex("^[a-z]([a-z0-9-]{0,15}[a-z0-9])?$", var.name))
    error_message = "name must be 1 to 17 lowercase letters, digits and '-', starting with a letter: the service account id NAME-oncheckpoint may have at most 30 characters."
  }
}

variable "labels" {
  description = "Labels of all resources that accept labels, in addition to \"app\" and \"managed-by\"."
  type        = map(string)
  default     = {}
  validation {
    condition     = alltrue([for key, value in var.labels : can(regex("^[a-z][a-z0-9_-]{0,62}$", key)) && can(regex("^[a-z0-9_-]{0,63}$", value))])
    error_message = "labels must have keys and values of at most 63 lowercase letters, digits, '_' and '-'. A key starts with a letter."
  }
  validation {
    condition     = length(setintersection(keys(var.labels), ["app", "managed-by"])) == 0
    error_message = "labels must not contain \"app\" or \"managed-by\": this configuration sets them."
  }
}

variable "bundle" {
  description = "Path of the functions' bundle, the zip of dist/. null: bundle.zip in the folder of this configuration, which `npm run build && npm run zip` writes. A module that is used by its git address needs a path. The next apply deploys a changed bundle."
  type        = string
  default     = null
  validation {
    condition     = fileexists(coalesce(var.bundle, "${path.module}/bundle.zip"))
    error_message = "bundle: the file does not exist. Create it with: npm run build && npm run zip"
  }
}

variable "enable_services" {
  description = "Whether this configuration enables the required APIs. Set false if another team does that; services.tf lists the APIs."
  type        = bool
  default     = true
}

# Limits of the functions.

variable "namespaces" {
  description = "Kubernetes namespaces that values and requests may name (ALLOWED_NAMESPACES). The first one is the default. Each needs the Roles of infra/kubernetes."
  type        = list(string)
  validation {
    condition     = length(var.namespaces) > 0 && alltrue([for each in var.namespaces : can(regex("^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$", each))])
    error_message = "namespaces must contain at least one name of a Kubernetes namespace: lowercase letters, digits and '-'."
  }
  validation {
    condition     = length(setintersection(var.namespaces, ["kube-system", "kube-public", "kube-node-lease"])) == 0
    error_message = "namespaces must not contain a system namespace of Kubernetes: the right to create Jobs in a namespace gives access to all its Secrets."
  }
}

variable "images" {
  description = "Image repositories that Jobs and services may use, or prefixes that end in \"/\" (ALLOWED_IMAGES). Empty: the three repositories of the chart on Docker Hub."
  type        = list(string)
  default     = []
  validation {
    condition     = alltrue([for each in var.images : can(regex("^[a-z0-9][a-z0-9._:/-]*$", each))])
    error_message = "images must be repositories without a tag, such as \"europe-docker.pkg.dev/p/r/flea-aggregator\", or prefixes that end in \"/\"."
  }
}

variable "caller_fields" {
  description = "Fields of the aggregator, such as \"aggregator.nodeSelector\", that a caller may set to other values than the configured ones (CALLER_FIELDS)."
  type        = list(string)
  default     = []
  validation {
    condition     = alltrue([for each in var.caller_fields : can(regex("^aggregator\\.[A-Za-z]+$", each))])
    error_message = "caller_fields must be value paths such as \"aggregator.nodeSelector\"."
  }
}

variable "repository_urls" {
  description = "URLs, or prefixes that end in \"/\", to which a caller may set aggregator.repositoryUrl (ALLOWED_REPOSITORY_URLS)."
  type        = list(string)
  default     = []
  validation {
    condition     = alltrue([for each in var.repository_urls : can(regex("^https?://[^/,]+", each))])
    error_message = "repository_urls must be http:// or https:// URLs, or prefixes of them that end in \"/\"."
  }
}

variable "service_accounts" {
  description = "Kubernetes service accounts to which a caller may set aggregator.serviceAccountName (ALLOWED_SERVICE_ACCOUNTS)."
  type        = list(string)
  default     = []
  validation {
    condition     = alltrue([for each in var.service_accounts : can(regex("^[a-z0-9][a-z0-9.-]*$", each))])
    error_message = "service_accounts must be names of Kubernetes service accounts."
  }
}

variable "release_name" {
  description = "Prefix of the names of Jobs (RELEASE_NAME). null: \"flea-aggregator\", as in the chart."
  type        = string
  default     = null
  validation {
    condition     = var.release_name == null || can(regex("^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$", var.release_name))
    error_message = "release_name must be lowercase letters, digits and '-'."
  }
}

variable "values" {
  description = "The values document as YAML text: aggregator defaults, rounds, lists and schedules, for example file(\"values.yaml\"). It is stored in a bucket that the functions can only read. A change takes effect at the next call, without a new revision."
  type        = string
  default     = null
  validation {
    condition     = var.values == null || can(keys(yamldecode(var.values)))
    error_message = "values must be the text of a YAML mapping. Write file(\"values.yaml\"), not the path."
  }
}

variable "values_uri" {
  description = "Address of a values document that another system writes, gs://BUCKET/NAME. Replaces `values`."
  type        = string
  default     = null
  validation {
    condition     = var.values_uri == null || can(regex("^gs://[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]/.+$", var.values_uri))
    error_message = "values_uri must be gs://BUCKET/NAME."
  }
  validation {
    condition     = var.values_uri == null || var.values == null
    error_message = "values_uri and values exclude each other: set one of them."
  }
}

# Callers.

variable "invokers" {
  description = "IAM members that may call each function, such as \"group:ml@example.com\". Cloud Scheduler and the triggers are always allowed."
  type = object({
    aggregate = optional(set(string), [])
    deploy    = optional(set(string), [])
  })
  default = {}
  validation {
    condition     = alltrue([for member in setunion(var.invokers.aggregate, var.invokers.deploy) : can(regex("^(user|group|serviceAccount|domain|principal|principalSet):.+$", member))])
    error_message = "invokers must be IAM members such as \"user:a@example.com\", \"group:...\" or \"serviceAccount:...\". allUsers and allAuthenticatedUsers are refused: anyone could start Jobs."
  }
}

variable "aggregator_members" {
  description = "IAM members that the aggregator's pods use: the service account of their key file, or a principal of Workload Identity. They may read the state bucket (checkpoint lists of rounds) and the buckets with uploads and lists, and write to output_buckets. Empty: the grants are made elsewhere."
  type        = set(string)
  default     = []
  validation {
    condition     = alltrue([for member in var.aggregator_members : can(regex("^(serviceAccount|principal|principalSet):.+$", member))])
    error_message = "aggregator_members must be service accounts (\"serviceAccount:...\") or principals of Workload Identity."
  }
}

variable "custom_role" {
  description = "Whether a custom role with only the needed permissions is created in the cluster's project. false: roles/container.clusterViewer or roles/gkehub.gatewayEditor is granted instead, for organizations that forbid custom roles."
  type        = bool
  default     = true
}

# Functions.

variable "aggregation_by_deploy" {
  description = "Whether deploy may launch the aggregation of values with aggregator.release: true. It then gets the same rights on the buckets as aggregate. Use it together with infra/kubernetes/options/aggregation-by-deploy."
  type        = bool
  default     = false
  nullable    = false
}

variable "deploy_enabled" {
  description = "Whether the function deploy, which releases services, is created."
  type        = bool
  default     = true
}

variable "functions" {
  description = "Size and ingress of each function. timeout_sec: timeout of one request. memory: at least \"512Mi\". max_instances: limits the number of clients of the API server. ingress: ALLOW_ALL, ALLOW_INTERNAL_ONLY or ALLOW_INTERNAL_AND_GCLB. IAM checks each caller in any case; Cloud Scheduler and Eventarc of the same project count as internal."
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
    error_message = "functions: timeout_sec must be a whole number from 30 to 3600."
  }
  validation {
    condition     = var.functions.aggregate.timeout_sec <= 1780
    error_message = "functions.aggregate.timeout_sec must be at most 1780: Cloud Scheduler waits at most 30 minutes for the sweep."
  }
  validation {
    condition     = var.functions.oncheckpoint.timeout_sec <= 540
    error_message = "functions.oncheckpoint.timeout_sec must be at most 540, the limit for functions that are called by events."
  }
  validation {
    condition     = alltrue([for each in values(var.functions) : can(regex("^([5-9][0-9]{2}|[1-9][0-9]{3})Mi$|^[1-9][0-9]?Gi$", each.memory))])
    error_message = "functions: memory must be at least 500Mi, such as \"512Mi\" or \"2Gi\"."
  }
  validation {
    condition     = alltrue([for each in values(var.functions) : each.max_instances >= 1 && each.min_instances >= 0 && each.min_instances <= each.max_instances])
    error_message = "functions: max_instances must be at least 1, and min_instances must not exceed it."
  }
  validation {
    condition     = alltrue([for each in values(var.functions) : contains(["ALLOW_ALL", "ALLOW_INTERNAL_ONLY", "ALLOW_INTERNAL_AND_GCLB"], each.ingress)])
    error_message = "functions: ingress must be ALLOW_ALL, ALLOW_INTERNAL_ONLY or ALLOW_INTERNAL_AND_GCLB."
  }
}

variable "upstream_timeout_sec" {
  description = "Timeout in seconds of one call to Kubernetes or Google Cloud, including its retries (UPSTREAM_TIMEOUT_SEC)."
  type        = number
  default     = 10
  validation {
    condition     = var.upstream_timeout_sec >= 1 && var.upstream_timeout_sec <= 300 && floor(var.upstream_timeout_sec) == var.upstream_timeout_sec
    error_message = "upstream_timeout_sec must be a whole number from 1 to 300."
  }
}
