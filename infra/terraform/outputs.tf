output "function_urls" {
  description = "URL of each function."
  value       = { for key, function in google_cloudfunctions2_function.function : key => function.service_config[0].uri }
}

output "service_accounts" {
  description = "Email of each service account."
  value = merge(
    { for key, account in google_service_account.function : key => account.email },
    { build = google_service_account.build.email, trigger = google_service_account.trigger.email, scheduler = google_service_account.scheduler.email },
  )
}

output "kubernetes_names" {
  description = "The lines of names.yaml (infra/kubernetes/overlays) that name the functions' service accounts."
  value = join("\n", concat(
    [
      "  aggregate: ${google_service_account.function["aggregate"].email}",
      "  onCheckpoint: ${google_service_account.function["oncheckpoint"].email}",
    ],
    var.deploy_enabled ? ["  deploy: ${google_service_account.function["deploy"].email}"] : [],
  ))
}

output "state_uri" {
  description = "Address of the state, gs://BUCKET."
  value       = local.environment.STATE_URI
}

output "values_uri" {
  description = "Address of the configured values document. null: none is configured."
  value       = local.environment.VALUES_URI
}

output "bundle" {
  description = "The object that the functions were built from. Its name contains the hash."
  value       = "gs://${google_storage_bucket.source.name}/${google_storage_bucket_object.bundle.name}"
}

locals {
  try_it = merge(
    {
      runs          = "curl -s -H \"Authorization: Bearer $(gcloud auth print-identity-token)\" ${local.aggregate_url}/"
      tasks         = "curl -s -H \"Authorization: Bearer $(gcloud auth print-identity-token)\" ${local.aggregate_url}/tasks"
      dry_run       = "curl -s -X POST -H \"Authorization: Bearer $(gcloud auth print-identity-token)\" -H 'Content-Type: application/yaml' --data-binary @values.yaml '${local.aggregate_url}/?dryRun=true'"
      aggregate     = "curl -s -X POST -H \"Authorization: Bearer $(gcloud auth print-identity-token)\" -H 'Content-Type: application/yaml' --data-binary @values.yaml ${local.aggregate_url}/"
      browse        = "gcloud run services proxy ${local.functions.aggregate.name} --project=${var.project} --region=${var.region} --port=8080"
      sweep         = "gcloud scheduler jobs run ${google_cloud_scheduler_job.sweep.name} --project=${var.project} --location=${google_cloud_scheduler_job.sweep.region}"
      logs          = "gcloud functions logs read ${local.functions.aggregate.name} --gen2 --project=${var.project} --region=${var.region} --limit=20"
      triggers      = "gcloud eventarc triggers list --project=${var.project} --location=-"
      upload_values = var.values_uri == null ? null : "gcloud storage cp values.yaml ${var.values_uri}"
    },
    var.deploy_enabled ? {
      release_dry_run = "curl -s -X POST -H \"Authorization: Bearer $(gcloud auth print-identity-token)\" -H 'Content-Type: application/yaml' --data-binary @values.yaml '${google_cloudfunctions2_function.function["deploy"].service_config[0].uri}/models?dryRun=server'"
      release         = "curl -s -X POST -H \"Authorization: Bearer $(gcloud auth print-identity-token)\" -H 'Content-Type: application/yaml' --data-binary @values.yaml ${google_cloudfunctions2_function.function["deploy"].service_config[0].uri}/models"
    } : {},
    { for name, job in google_cloud_scheduler_job.schedule : "schedule ${name}" => "gcloud scheduler jobs run ${job.name} --project=${var.project} --location=${job.region}" },
  )
}

output "try_it" {
  description = "Commands to try the system, by name. `to_paste` has them as lines."
  value       = local.try_it
}

output "to_paste" {
  description = "The same commands as lines to paste: terraform output -raw to_paste. The invokers may run those with curl; those with gcloud need their own roles."
  value = join("\n", concat(
    [for name, command in local.try_it : "# ${name}\n${command}" if command != null],
    [for bucket, command in local.ack_deadline_commands : "# the ack deadline of ${bucket}, once\n${command}"],
    [""],
  ))
}

output "ack_deadline_commands" {
  description = "Commands that raise the ack deadline of each trigger's subscription. Run them once after the first apply, unless raise_ack_deadline is true."
  value       = local.ack_deadline_commands
}
