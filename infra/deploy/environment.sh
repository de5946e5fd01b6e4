# Names, sizes and the functions' environment; part of deploy.sh.
# shellcheck shell=bash

in_project=("--project=$PROJECT")
in_region=("--project=$PROJECT" "--region=$REGION")
bucket_prefix=$(tr ':.' '--' <<<"$PROJECT")-$NAME
state_bucket=$bucket_prefix-state
source_bucket=$bucket_prefix-source
upload_names=$(for each in $UPLOAD_BUCKETS; do printf '%s\n' "${each%@*}"; done)
allowed_buckets=$(printf '%s\n' "$upload_names" "$(words "$READ_BUCKETS")" "$(words "$OUTPUT_BUCKETS")" | sed '/^$/d' | LC_ALL=C sort -u)
functions=(aggregate oncheckpoint)
[ "$WITH_DEPLOY" = no ] || functions+=(deploy)
# Of a project of a domain, example.com:p, the address ends in p.example.com.
email() {
  case $PROJECT in
  *:*) printf '%s@%s.%s.iam.gserviceaccount.com' "$NAME-$1" "${PROJECT#*:}" "${PROJECT%%:*}" ;;
  *) printf '%s@%s.iam.gserviceaccount.com' "$NAME-$1" "$PROJECT" ;;
  esac
}

# Best the same as in locals.tf and variables.tf.
entry_point() { case $1 in oncheckpoint) echo onCheckpoint ;; *) echo "$1" ;; esac; }
timeout_of() { case $1 in aggregate) echo 300 ;; oncheckpoint) echo 60 ;; deploy) echo 3600 ;; esac; }
concurrency_of() { case $1 in deploy) echo 8 ;; *) echo 40 ;; esac; }
max_instances_of() { case $1 in deploy) echo 2 ;; *) echo 3 ;; esac; }
ingress_of() { case $1 in oncheckpoint) echo internal-only ;; *) echo all ;; esac; }

set_variable() { [ -z "$2" ] || printf '%s: %s\n' "$1" "$(json_text "$2")"; }

# The functions' environment, src/config.ts: a test compares the names with environment.tf and README.md.
environment_of() {
  set_variable STATE_URI "gs://$state_bucket"
  set_variable GKE_CLUSTER "$GKE_CLUSTER"
  [ -z "$GKE_CLUSTER" ] || set_variable GKE_ENDPOINT "$GKE_ENDPOINT"
  set_variable CONNECT_GATEWAY "$CONNECT_GATEWAY"
  set_variable KUBERNETES_ENDPOINT "$KUBERNETES_ENDPOINT"
  [ -z "$KUBERNETES_CA_FILE" ] || set_variable KUBERNETES_CA "$(cat "$KUBERNETES_CA_FILE")"
  set_variable NAMESPACE "$(words "$NAMESPACES" | head -n 1)"
  set_variable ALLOWED_NAMESPACES "$(joined "$NAMESPACES")"
  set_variable ALLOWED_IMAGES "$(joined "$IMAGES")"
  set_variable ALLOWED_BUCKETS "$(joined "$allowed_buckets")"
  set_variable RELEASE_NAME "$RELEASE_NAME"
  set_variable VALUES_URI "${VALUES_DOCUMENT:+gs://$source_bucket/values.yaml}$VALUES_URI"
  set_variable GOOGLE_CLOUD_PROJECT "$PROJECT"
  set_variable UPSTREAM_TIMEOUT_SEC 10
  set_variable REQUEST_TIMEOUT_SEC "$(($(timeout_of "$1") - 10))"
  set_variable LOG_EXECUTION_ID true
}

grant_project() { run_patiently 6 10 gcloud projects add-iam-policy-binding "$1" "--member=$2" "--role=$3" --condition=None; }
grant_bucket() { run_patiently 6 10 gcloud storage buckets add-iam-policy-binding "gs://$1" "--member=$2" "--role=$3"; }
grant_call() { run_patiently 6 10 gcloud run services add-iam-policy-binding "$NAME-$1" "${in_region[@]}" "--member=$2" "--role=$3"; }
