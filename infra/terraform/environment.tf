# The functions' environment variables. A test compares the names with EnvironmentSchema in src/config.ts and with
# docs/configuration.md, and parses the planned environment with src/config.ts. Variables that are null are not set.
locals {
  environment = {
    STATE_URI                = "gs://${local.state_bucket}"
    GKE_CLUSTER              = local.cluster_id
    GKE_ENDPOINT             = try(var.cluster.endpoint, null)
    CONNECT_GATEWAY          = try("projects/${var.connect_gateway.project_number}/locations/${var.connect_gateway.location}/memberships/${var.connect_gateway.membership}", null)
    KUBERNETES_ENDPOINT      = try(var.kubernetes_endpoint.server, null)
    KUBERNETES_CA            = try(var.kubernetes_endpoint.ca, null)
    NAMESPACE                = var.namespaces[0]
    ALLOWED_NAMESPACES       = join(",", var.namespaces)
    ALLOWED_IMAGES           = length(var.images) == 0 ? null : join(",", var.images)
    ALLOWED_BUCKETS          = join(",", local.allowed_buckets)
    CALLER_FIELDS            = length(var.caller_fields) == 0 ? null : join(",", var.caller_fields)
    ALLOWED_REPOSITORY_URLS  = length(var.repository_urls) == 0 ? null : join(",", var.repository_urls)
    ALLOWED_SERVICE_ACCOUNTS = length(var.service_accounts) == 0 ? null : join(",", var.service_accounts)
    RELEASE_NAME             = var.release_name
    VALUES_URI               = var.values == null ? var.values_uri : "gs://${local.source_bucket}/${local.values_object}"
    GOOGLE_CLOUD_PROJECT     = var.project
    # Headers of Cloud Scheduler are accepted from the account that its jobs call with, and from no other caller.
    SCHEDULER_SERVICE_ACCOUNT = local.scheduler_email
    UPSTREAM_TIMEOUT_SEC      = tostring(var.upstream_timeout_sec)
  }

  function_environment = {
    for key, each in local.functions : key => merge(
      { for name, value in local.environment : name => value if value != null },
      {
        # Shorter than the platform's timeout, so that the function itself answers, and the answer names the operation.
        REQUEST_TIMEOUT_SEC = tostring(each.timeout_sec - 10)
        # The platform adds it; it is set here so that a plan shows no change.
        LOG_EXECUTION_ID = "true"
      },
    )
  }
}
