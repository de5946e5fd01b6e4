#!/usr/bin/env bash
# The same system as Terraform makes of this folder, by gcloud. It may be run again at any time: what is there is kept or
# brought up to date, the functions are deployed anew.
#
#   infra/deploy.sh --settings FILE             makes it
#   infra/deploy.sh --settings FILE --dry-run   prints the commands, a script, and calls nothing
#
# settings.example.env tells the settings. dist/ must be built: npm run build
# shellcheck source-path=SCRIPTDIR
set -euo pipefail

CALLED_IN=$PWD
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
DRY_RUN=no
SETTINGS=

usage() { sed -n '2,8s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"; }

while [ $# -gt 0 ]; do
  case $1 in
  --dry-run) DRY_RUN=yes ;;
  --settings) SETTINGS=${2:?--settings needs the name of a file} && shift ;;
  -h | --help) usage && exit 0 ;;
  *) printf 'deploy.sh: "%s" is not an option.\n\n' "$1" >&2 && usage >&2 && exit 2 ;;
  esac
  shift
done

# shellcheck source=deploy/settings.sh
. "$ROOT/infra/deploy/settings.sh"
# shellcheck source=deploy/doing.sh
. "$ROOT/infra/deploy/doing.sh"
# shellcheck source=deploy/environment.sh
. "$ROOT/infra/deploy/environment.sh"
# shellcheck source=deploy/alerts.sh
. "$ROOT/infra/deploy/alerts.sh"

enable_services() {
  heading "APIs"
  local services="artifactregistry cloudbuild cloudfunctions cloudresourcemanager cloudscheduler container eventarc iam logging monitoring pubsub run storage"
  [ -z "$CONNECT_GATEWAY" ] || services+=" connectgateway gkeconnect gkehub"
  [ -z "$NETWORK$SUBNET" ] || services+=" compute"
  local apis=()
  for each in $services; do apis+=("$each.googleapis.com"); done
  run gcloud services enable "${apis[@]}" "${in_project[@]}"
}

make_identities() {
  heading "Identities: one per function, and of builds, triggers and the Scheduler"
  for each in "${functions[@]}" build trigger scheduler; do
    upsert gcloud iam service-accounts describe "$(email "$each")" "${in_project[@]}" -- \
      gcloud iam service-accounts create "$NAME-$each" "--display-name=tensorio-trigger: $each" "${in_project[@]}"
  done
  for role in roles/artifactregistry.writer roles/logging.logWriter roles/storage.objectViewer; do
    grant_project "$PROJECT" "serviceAccount:$(email build)" "$role"
  done
}

open_the_way() {
  heading "The way to the cluster; what may be done there is a Role (infra/kubernetes)"
  local project=$PROJECT permissions='' role=roles/container.clusterViewer
  if [ -n "$CONNECT_GATEWAY" ]; then
    project=${FLEET_PROJECT:-$PROJECT}
    permissions=gkehub.gateway.delete,gkehub.gateway.get,gkehub.gateway.patch,gkehub.gateway.post,gkehub.gateway.put
    role=roles/gkehub.gatewayEditor
  elif [ -n "$GKE_CLUSTER" ]; then
    project=$(cut -d/ -f2 <<<"$GKE_CLUSTER")
    permissions=container.clusters.get
    [ "$GKE_ENDPOINT" != dns ] || permissions=container.clusters.connect,container.clusters.get
  elif matches "$KUBERNETES_ENDPOINT" '\.gke\.goog(:[0-9]+)?$'; then
    permissions=container.clusters.connect
  fi
  [ -n "$permissions" ] || return 0
  if [ "$CUSTOM_ROLE" = yes ]; then
    local id=${NAME//-/_}ClusterConnect
    upsert gcloud iam roles describe "$id" "--project=$project" -- \
      gcloud iam roles create "$id" "--project=$project" '--title=tensorio-trigger: reach the cluster' "--permissions=$permissions" -- \
      gcloud iam roles update "$id" "--project=$project" "--permissions=$permissions"
    role=projects/$project/roles/$id
  fi
  for each in "${functions[@]}"; do grant_project "$project" "serviceAccount:$(email "$each")" "$role"; done
}

make_bucket() {
  upsert gcloud storage buckets describe "gs://$1" "${in_project[@]}" -- \
    gcloud storage buckets create "gs://$1" "${in_project[@]}" "--location=$STATE_LOCATION" --uniform-bucket-level-access --public-access-prevention
}

make_buckets() {
  heading "Buckets: state, and what the functions only read"
  make_bucket "$state_bucket"
  make_bucket "$source_bucket"
  local days=$STATE_KEEP_DAYS
  if [ "$days" = 0 ]; then
    run gcloud storage buckets update "gs://$state_bucket" --uniform-bucket-level-access --public-access-prevention --no-versioning --clear-soft-delete --clear-lifecycle
  else
    write_file state-lifecycle.json <<<"{\"rule\": [{\"action\": {\"type\": \"Delete\"}, \"condition\": {\"daysSinceNoncurrentTime\": $days, \"isLive\": false}}]}"
    run gcloud storage buckets update "gs://$state_bucket" --uniform-bucket-level-access --public-access-prevention --versioning \
      "--soft-delete-duration=${days}d" "--lifecycle-file=$FILES/state-lifecycle.json"
  fi
  write_file source-lifecycle.json <<<'{"rule": [{"action": {"type": "Delete"}, "condition": {"daysSinceNoncurrentTime": 30, "isLive": false}}]}'
  run gcloud storage buckets update "gs://$source_bucket" --uniform-bucket-level-access --public-access-prevention --versioning \
    --clear-soft-delete "--lifecycle-file=$FILES/source-lifecycle.json"
  [ -z "$VALUES_DOCUMENT" ] || run gcloud storage cp "$VALUES_DOCUMENT" "gs://$source_bucket/values.yaml"
}

grant_buckets() {
  heading "Who may read and write which bucket"
  local each member bucket values_bucket=
  [ -z "$VALUES_DOCUMENT" ] || values_bucket=$source_bucket
  [ -z "$VALUES_URI" ] || values_bucket=$(cut -d/ -f3 <<<"$VALUES_URI")
  # One that is read anyway is granted as such.
  if words "$allowed_buckets" | grep -qxF "$values_bucket"; then values_bucket=; fi
  for each in "${functions[@]}"; do
    # deploy keeps its revisions in the cluster, and is given its values with each call.
    [ "$each" != deploy ] || [ "$AGGREGATION_BY_DEPLOY" = yes ] || continue
    grant_bucket "$state_bucket" "serviceAccount:$(email "$each")" roles/storage.objectUser
    [ -z "$values_bucket" ] || [ "$each" = deploy ] || grant_bucket "$values_bucket" "serviceAccount:$(email "$each")" roles/storage.objectViewer
    for bucket in $allowed_buckets; do grant_bucket "$bucket" "serviceAccount:$(email "$each")" roles/storage.objectViewer; done
  done
  for member in $AGGREGATOR_MEMBERS; do
    grant_bucket "$state_bucket" "$member" roles/storage.objectViewer
    for bucket in $allowed_buckets; do
      if words "$OUTPUT_BUCKETS" | grep -qxF "$bucket"; then
        grant_bucket "$bucket" "$member" roles/storage.objectUser
      else
        grant_bucket "$bucket" "$member" roles/storage.objectViewer
      fi
    done
  done
}

deploy_functions() {
  heading "Functions, of dist/ as it was built"
  local each network=()
  [ -z "$NETWORK" ] || network+=("--network=$NETWORK")
  [ -z "$SUBNET" ] || network+=("--subnet=$SUBNET")
  [ -z "$NETWORK_TAGS" ] || network+=("--network-tags=$NETWORK_TAGS")
  [ ${#network[@]} = 0 ] || network+=("--direct-vpc-egress=$VPC_EGRESS")
  for each in "${functions[@]}"; do
    environment_of "$each" | write_file "$each.yaml"
    run_patiently 3 30 gcloud functions deploy "$NAME-$each" --gen2 "${in_region[@]}" --runtime=nodejs24 "--source=$SOURCE" "--entry-point=$(entry_point "$each")" \
      --trigger-http --no-allow-unauthenticated "--run-service-account=$(email "$each")" \
      "--build-service-account=projects/$PROJECT/serviceAccounts/$(email build)" --memory=512Mi --cpu=1 "--concurrency=$(concurrency_of "$each")" \
      "--timeout=$(timeout_of "$each")s" --min-instances=0 "--max-instances=$(max_instances_of "$each")" "--ingress-settings=$(ingress_of "$each")" \
      --runtime-update-policy=automatic "--env-vars-file=$FILES/$each.yaml" --update-labels=app=tensorio-trigger,managed-by=deploy-sh ${network[@]+"${network[@]}"}
  done
}

grant_callers() {
  heading "Callers, on the Cloud Run services"
  local member
  grant_call aggregate "serviceAccount:$(email scheduler)" roles/run.servicesInvoker
  grant_call oncheckpoint "serviceAccount:$(email trigger)" roles/run.invoker
  for member in $INVOKERS; do grant_call aggregate "$member" roles/run.servicesInvoker; done
  [ "$WITH_DEPLOY" = yes ] || return 0
  for member in $DEPLOY_INVOKERS; do grant_call deploy "$member" roles/run.servicesInvoker; done
}

short_hash() { printf '%s' "$1" | { sha256sum 2>/dev/null || shasum -a 256; } | cut -c1-6; }
trigger_name() {
  local clean
  clean=$(printf '%s\n' "${1//[^a-z0-9-]/-}" | cut -c1-34 | sed 's/^-*//; s/-*$//')
  printf '%s-%s-%s' "$NAME" "$clean" "$(short_hash "$1")"
}

make_triggers() {
  [ -n "$UPLOAD_BUCKETS" ] || return 0
  heading "Events of uploads: one trigger per bucket, where the bucket is"
  run gcloud beta services identity create --service=eventarc.googleapis.com "${in_project[@]}"
  capture STORAGE_AGENT gcloud storage service-agent "${in_project[@]}"
  grant_project "$PROJECT" "serviceAccount:$STORAGE_AGENT" roles/pubsub.publisher
  grant_project "$PROJECT" "serviceAccount:$(email trigger)" roles/eventarc.eventReceiver
  local each trigger at
  for each in $UPLOAD_BUCKETS; do
    trigger=$(trigger_name "${each%@*}")
    at=("${in_project[@]}" "--location=$(tr '[:upper:]' '[:lower:]' <<<"${each#*@}")")
    make_trigger "${each%@*}" "$trigger" "${at[@]}"
    capture SUBSCRIPTION gcloud eventarc triggers describe "$trigger" "${at[@]}" '--format=value(transport.pubsub.subscription)'
    # Pub/Sub gives up on a push after 10 s by default, and delivers again while the first call still runs.
    run gcloud pubsub subscriptions update "$SUBSCRIPTION" "${in_project[@]}" "--ack-deadline=$(timeout_of oncheckpoint)"
    make_late_events_alert "${each%@*}"
  done
}

# On a fresh project the first one is refused until Eventarc's agent is known everywhere: minutes.
make_trigger() {
  local bucket=$1 trigger=$2
  shift 2
  if [ "$DRY_RUN" = no ] && gcloud eventarc triggers describe "$trigger" "$@" >/dev/null 2>&1; then return 0; fi
  [ "$DRY_RUN" = no ] || printf '%s >/dev/null 2>&1 || ' "$(line gcloud eventarc triggers describe "$trigger" "$@")"
  run_patiently 8 30 gcloud eventarc triggers create "$trigger" "$@" "--destination-run-service=$NAME-oncheckpoint" "--destination-run-region=$REGION" \
    --event-filters=type=google.cloud.storage.object.v1.finalized "--event-filters=bucket=$bucket" "--service-account=$(email trigger)" \
    --labels=app=tensorio-trigger,managed-by=deploy-sh
}

# make_job NAME CRON ZONE PATH BODY RETRIES
make_job() {
  local at=("${in_project[@]}" "--location=$REGION") call retries=()
  # Above the function's timeout, or a success is reported as DEADLINE_EXCEEDED and called again. The audience is the
  # service's root URL.
  call=("--schedule=$2" "--time-zone=$3" "--uri=$AGGREGATE_URL$4" --http-method=POST "--attempt-deadline=$(($(timeout_of aggregate) + 20))s"
    "--oidc-service-account-email=$(email scheduler)" "--oidc-token-audience=$AGGREGATE_URL")
  [ -z "$5" ] || call+=("--message-body=$5")
  retries=("--max-retry-attempts=$6" --min-backoff=10s --max-backoff=300s --max-doublings=5)
  upsert gcloud scheduler jobs describe "$1" "${at[@]}" -- \
    gcloud scheduler jobs create http "$1" "${at[@]}" "${call[@]}" "${retries[@]}" ${5:+--headers=Content-Type=application/json} -- \
    gcloud scheduler jobs update http "$1" "${at[@]}" "${call[@]}" "${retries[@]}" ${5:+--update-headers=Content-Type=application/json}
}

make_jobs() {
  heading "Ticks of the Scheduler"
  capture AGGREGATE_URL gcloud functions describe "$NAME-aggregate" --gen2 "${in_region[@]}" '--format=value(serviceConfig.uri)'
  # No retries: the next minute is one.
  make_job "$NAME-sweep" "$SWEEP_CRON" Etc/UTC /sweep '' 0
  local name cron zone body
  while IFS='|' read -r name cron zone body <&3; do make_job "$name" "$cron" "$zone" / "$body" 3; done 3< <(sed '/^$/d' <<<"$SCHEDULES")
}

tell() {
  heading "names.yaml of infra/kubernetes/overlays:"
  printf '#   aggregate: %s\n#   onCheckpoint: %s\n' "$(email aggregate)" "$(email oncheckpoint)"
  [ "$WITH_DEPLOY" = no ] || printf '#   deploy: %s\n' "$(email deploy)"
  heading "To try it, as one of the invokers:"
  # shellcheck disable=SC2016 # printed, not expanded
  printf '#   curl -s -H "Authorization: Bearer $(gcloud auth print-identity-token)" %s/tasks\n' "$AGGREGATE_URL"
  printf '#   gcloud scheduler jobs run %s --project=%s --location=%s\n' "$NAME-sweep" "$PROJECT" "$REGION"
}

# --- all of it --------------------------------------------------------------------------------------------------------

enable_services
make_identities
open_the_way
make_buckets
grant_buckets
deploy_functions
grant_callers
make_triggers
make_jobs
make_alerts
tell
[ "$DRY_RUN" = no ] || printf '\nrm -r "%s"\n' "$FILES"
