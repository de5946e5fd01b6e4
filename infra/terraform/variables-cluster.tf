# Which cluster, and by which way: exactly one of the first three.

variable "cluster" {
  description = "The GKE cluster. project: its project, if it is another one. endpoint: \"dns\" (no network path, public certificate), \"public\" or \"private\" (IP endpoints; private needs `vpc`)."
  type = object({
    project  = optional(string)
    location = string
    name     = string
    endpoint = optional(string, "dns")
  })
  default = null
  validation {
    condition     = length([for each in [var.cluster, var.connect_gateway, var.kubernetes_endpoint] : each if each != null]) == 1
    error_message = "Give exactly one of cluster, connect_gateway and kubernetes_endpoint: they say which cluster."
  }
  validation {
    condition     = var.cluster == null || contains(["dns", "public", "private"], try(var.cluster.endpoint, ""))
    error_message = "cluster.endpoint must be dns, public or private."
  }
  validation {
    condition     = try(var.cluster.endpoint, null) != "private" || var.vpc != null
    error_message = "cluster.endpoint is private: give vpc, the network from which the control plane can be reached; or use the dns endpoint, which needs none."
  }
}

variable "connect_gateway" {
  description = "A fleet membership, reached through Connect Gateway. project_number: of the fleet's host project (the gateway does not take its id); project: its id, if it is another one than `project`."
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
  description = "An API server by its address, so that nothing is looked up. ca: its certificate authority (PEM); without it the public ones, which is right for a GKE DNS endpoint."
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
    error_message = "kubernetes_endpoint.ca must be a certificate in PEM, beginning with -----BEGIN CERTIFICATE-----."
  }
}

variable "vpc" {
  description = "Direct VPC egress, for IP endpoints. network and subnetwork: names, or full paths of a shared VPC; egress: PRIVATE_RANGES_ONLY, or ALL_TRAFFIC (which needs Private Google Access or Cloud NAT for Google's APIs; a NAT address can be an authorised network)."
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
