# How the functions reach the cluster. Exactly one of cluster, connect_gateway and kubernetes_endpoint is set.

variable "cluster" {
  description = "The GKE cluster. project: the cluster's project, if it differs from `project`. endpoint: \"dns\" (needs no network path, has a public certificate), \"public\" or \"private\" (IP endpoints; private needs `vpc`)."
  type = object({
    project  = optional(string)
    location = string
    name     = string
    endpoint = optional(string, "dns")
  })
  default = null
  validation {
    condition     = length([for each in [var.cluster, var.connect_gateway, var.kubernetes_endpoint] : each if each != null]) == 1
    error_message = "Give exactly one of cluster, connect_gateway and kubernetes_endpoint: it identifies the cluster."
  }
  validation {
    condition     = var.cluster == null || contains(["dns", "public", "private"], try(var.cluster.endpoint, ""))
    error_message = "cluster.endpoint must be dns, public or private."
  }
  validation {
    condition     = try(var.cluster.endpoint, null) != "private" || var.vpc != null
    error_message = "cluster.endpoint is private: set vpc to a network that can reach the control plane, or use the dns endpoint, which needs no network."
  }
}

variable "connect_gateway" {
  description = "A fleet membership, reached through Connect Gateway. project_number: number of the fleet's host project (the gateway does not accept its id). project: id of the host project, if it differs from `project`."
  type = object({
    project_number = string
    location       = string
    membership     = string
    project        = optional(string)
  })
  default = null
  validation {
    condition     = var.connect_gateway == null || can(regex("^[0-9]+$", var.connect_gateway.project_number))
    error_message = "connect_gateway.project_number must be the number of the fleet's host project: gcloud projects describe ID --format='value(projectNumber)'"
  }
}

variable "kubernetes_endpoint" {
  description = "Address of an API server. No lookup is made. ca: PEM certificate of its certificate authority; without it the public authorities are trusted, which is right for a GKE DNS endpoint."
  type = object({
    server = string
    ca     = optional(string)
  })
  default = null
  validation {
    condition     = var.kubernetes_endpoint == null || can(regex("^https://[^/]+$", var.kubernetes_endpoint.server))
    error_message = "kubernetes_endpoint.server must be https://HOST, or https://HOST:PORT."
  }
  validation {
    condition     = try(var.kubernetes_endpoint.ca, null) == null || can(regex("^-----BEGIN CERTIFICATE-----", var.kubernetes_endpoint.ca))
    error_message = "kubernetes_endpoint.ca must be a PEM certificate that starts with -----BEGIN CERTIFICATE-----."
  }
}

variable "vpc" {
  description = "Direct VPC egress, for IP endpoints. network and subnetwork: names, or full paths in a Shared VPC. egress: PRIVATE_RANGES_ONLY, or ALL_TRAFFIC, which needs Private Google Access or Cloud NAT for Google's APIs. A NAT address can be an authorized network of the cluster."
  type = object({
    network    = string
    subnetwork = string
    tags       = optional(list(string), [])
    egress     = optional(string, "PRIVATE_RANGES_ONLY")
  })
  default = null
  validation {
    condition     = var.vpc == null || contains(["PRIVATE_RANGES_ONLY", "ALL_TRAFFIC"], try(var.vpc.egress, ""))
    error_message = "vpc.egress must be PRIVATE_RANGES_ONLY or ALL_TRAFFIC."
  }
}
