# Identities and grants. Each function has its own service account. Its rights in the cluster are a Role
# (infra/kubernetes); its rights in Google Cloud are below. Only *_iam_member resources are used: a binding or a policy
# would remove grants that were made elsewhere.

resource "google_service_account" "function" {
  for_each     = local.functions
  project      = var.project
  account_id   = each.value.name
  display_name = "tensorio-trigger: function ${each.value.entry_point}"
  depends_on   = [google_project_service.service]
}

resource "google_service_account" "build" {
  project      = var.project
  account_id   = "${var.name}-build"
  display_name = "tensorio-trigger: builds the functions"
  depends_on   = [google_project_service.service]
}

resource "google_service_account" "trigger" {
  project      = var.project
  account_id   = "${var.name}-trigger"
  display_name = "tensorio-trigger: delivers events of uploads"
  depends_on   = [google_project_service.service]
}

# The address of the account below, written out: it is known before the account exists, so a plan shows the functions'
# environment whole. In it, the project "example.com:my-project" reads my-project.example.com.
locals {
  scheduler_email = "${var.name}-scheduler@${join(".", reverse(split(":", var.project)))}.iam.gserviceaccount.com"
}

resource "google_service_account" "scheduler" {
  project      = var.project
  account_id   = "${var.name}-scheduler"
  display_name = "tensorio-trigger: Scheduler jobs"
  depends_on   = [google_project_service.service]
}

# The build of a new project fails unless its service account has these roles: https://cloud.google.com/functions/docs/securing/build-custom-sa
resource "google_project_iam_member" "build" {
  for_each = toset(["roles/artifactregistry.writer", "roles/logging.logWriter", "roles/storage.objectViewer"])
  project  = var.project
  role     = each.key
  member   = google_service_account.build.member
}

# The permission to reach the cluster's API server. It grants nothing inside the cluster. Roles such as
# container.developer would bypass RBAC.
locals {
  way = (
    var.connect_gateway != null ? "gateway" :
    var.cluster != null ? (var.cluster.endpoint == "dns" ? "dns" : "ip") :
    endswith(split(":", trimprefix(var.kubernetes_endpoint.server, "https://"))[0], ".gke.goog") ? "dns-address" : "none"
  )
  cluster_permissions = {
    # `get` looks up the endpoint; the DNS endpoint itself requires `connect`.
    dns         = ["container.clusters.connect", "container.clusters.get"]
    ip          = ["container.clusters.get"]
    dns-address = ["container.clusters.connect"]
    # One permission per HTTP method. `stream` is for exec and attach, which the functions do not use.
    gateway = ["gkehub.gateway.delete", "gkehub.gateway.get", "gkehub.gateway.patch", "gkehub.gateway.post", "gkehub.gateway.put"]
    none    = []
  }
  cluster_role = var.custom_role ? one(google_project_iam_custom_role.cluster_connect[*].id) : local.way == "gateway" ? "roles/gkehub.gatewayEditor" : "roles/container.clusterViewer"
}

resource "google_project_iam_custom_role" "cluster_connect" {
  count       = var.custom_role && local.way != "none" ? 1 : 0
  project     = local.cluster_project
  role_id     = "${replace(var.name, "-", "_")}ClusterConnect"
  title       = "tensorio-trigger: reach the cluster"
  description = "Reach the cluster's API server. A Role in the cluster grants the rights inside it."
  permissions = local.cluster_permissions[local.way]
  depends_on  = [google_project_service.service]
}

resource "google_project_iam_member" "cluster_connect" {
  for_each = local.way == "none" ? {} : local.functions
  project  = local.cluster_project
  role     = local.cluster_role
  member   = google_service_account.function[each.key].member
}

# Functions that create aggregator Jobs need the buckets. deploy stores its revisions in the cluster.
locals {
  launchers = { for key, each in local.functions : key => each if key != "deploy" || var.aggregation_by_deploy }
}

# Overwriting an object needs the permissions to create and to delete objects: objectUser is the smallest role with both.
resource "google_storage_bucket_iam_member" "state" {
  for_each = local.launchers
  bucket   = google_storage_bucket.state.name
  role     = "roles/storage.objectUser"
  member   = google_service_account.function[each.key].member
}

# The functions read lists and updates, and check whether outputs exist. They write nothing to these buckets.
resource "google_storage_bucket_iam_member" "allowed" {
  for_each = {
    for pair in setproduct(keys(local.launchers), local.allowed_buckets) : "${pair[0]} ${pair[1]}" => { function = pair[0], bucket = pair[1] }
  }
  bucket     = each.value.bucket
  role       = "roles/storage.objectViewer"
  member     = google_service_account.function[each.value.function].member
  depends_on = [google_storage_bucket.uploads]
}

# The values document: a policy for the functions, which they must not be able to write. deploy receives its values in
# each request. An allowed bucket already has its grant above: two resources for the same grant would remove each other's.
locals {
  values_bucket = var.values_uri == null ? null : split("/", var.values_uri)[2]
  reads_values  = var.values != null || (local.values_bucket != null && !contains(local.allowed_buckets, coalesce(local.values_bucket, "none")))
}

resource "google_storage_bucket_iam_member" "values" {
  for_each = { for key, each in local.functions : key => each if local.reads_values && key != "deploy" }
  bucket   = var.values == null ? local.values_bucket : google_storage_bucket.source.name
  role     = "roles/storage.objectViewer"
  member   = google_service_account.function[each.key].member
}

resource "google_storage_bucket_iam_member" "aggregator" {
  for_each = {
    for grant in concat(
      [for pair in setproduct(var.aggregator_members, local.allowed_buckets) : { member = pair[0], bucket = pair[1], role = "roles/storage.objectViewer" } if !contains(var.output_buckets, pair[1])],
      [for pair in setproduct(var.aggregator_members, var.output_buckets) : { member = pair[0], bucket = pair[1], role = "roles/storage.objectUser" }],
    ) : "${grant.member} ${grant.bucket}" => grant
  }
  bucket     = each.value.bucket
  role       = each.value.role
  member     = each.value.member
  depends_on = [google_storage_bucket.uploads]
}

# The Job of a round reads its checkpoint list from the state bucket.
resource "google_storage_bucket_iam_member" "aggregator_state" {
  for_each = var.aggregator_members
  bucket   = google_storage_bucket.state.name
  role     = "roles/storage.objectViewer"
  member   = each.key
}

# Callers need a role on the Cloud Run service. A role on a 2nd gen function itself does not allow anyone to call it.
locals {
  callers = merge(
    { "aggregate scheduler" = { function = "aggregate", role = "roles/run.servicesInvoker", member = google_service_account.scheduler.member } },
    { "oncheckpoint trigger" = { function = "oncheckpoint", role = "roles/run.invoker", member = google_service_account.trigger.member } },
    { for member in var.invokers.aggregate : "aggregate ${member}" => { function = "aggregate", role = "roles/run.servicesInvoker", member = member } },
    { for member in var.invokers.deploy : "deploy ${member}" => { function = "deploy", role = "roles/run.servicesInvoker", member = member } if var.deploy_enabled },
  )
}

resource "google_cloud_run_v2_service_iam_member" "caller" {
  for_each = local.callers
  project  = var.project
  location = var.region
  name     = google_cloudfunctions2_function.function[each.value.function].name
  role     = each.value.role
  member   = each.value.member
}
