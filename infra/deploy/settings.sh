# Reads and checks the settings; part of deploy.sh.
# shellcheck shell=bash

FAULTS=()
fault() { FAULTS+=("$1"); }

if [ -n "$SETTINGS" ] && [ ! -r "$SETTINGS" ]; then
  printf 'deploy.sh: the settings "%s" cannot be read.\n' "$SETTINGS" >&2
  exit 2
fi
# Set before they are read: what the caller's environment happens to hold under these names means nothing here.
PROJECT='' REGION='' NAME=tio NAMESPACES='' IMAGES='' RELEASE_NAME=''
GKE_CLUSTER='' GKE_ENDPOINT=dns CONNECT_GATEWAY='' FLEET_PROJECT='' KUBERNETES_ENDPOINT='' KUBERNETES_CA_FILE=''
UPLOAD_BUCKETS='' READ_BUCKETS='' OUTPUT_BUCKETS='' VALUES_DOCUMENT='' VALUES_URI=''
SCHEDULES='' SWEEP_CRON='* * * * *' INVOKERS='' DEPLOY_INVOKERS='' AGGREGATOR_MEMBERS=''
NETWORK='' SUBNET='' NETWORK_TAGS='' VPC_EGRESS=private-ranges-only
WITH_DEPLOY=yes AGGREGATION_BY_DEPLOY=no CUSTOM_ROLE=yes ALERTS=yes NOTIFICATION_CHANNELS='' STATE_LOCATION='' STATE_KEEP_DAYS=7
SOURCE=$ROOT/dist

# Without a slash the shell would look for it on the PATH.
case $SETTINGS in '' | */*) ;; *) SETTINGS=./$SETTINGS ;; esac
# shellcheck source=/dev/null
[ -z "$SETTINGS" ] || . "$SETTINGS"

STATE_LOCATION=${STATE_LOCATION:-$REGION}
# Files are named from where the caller stands.
absolute() { case $1 in '' | /*) printf '%s' "$1" ;; *) printf '%s/%s' "$CALLED_IN" "$1" ;; esac; }
VALUES_DOCUMENT=$(absolute "$VALUES_DOCUMENT")
KUBERNETES_CA_FILE=$(absolute "$KUBERNETES_CA_FILE")
SOURCE=$(absolute "$SOURCE")

matches() { [[ $1 =~ $2 ]]; }
words() { tr -s '[:space:]' '\n' <<<"$1" | sed '/^$/d'; }
joined() { words "$1" | paste -sd ',' -; }

check_settings() {
  local each clusters=0
  [ -n "$SETTINGS" ] || fault "--settings FILE is missing: copy infra/settings.example.env."
  matches "$PROJECT" '^([a-z0-9.-]+:)?[a-z][a-z0-9-]{4,28}[a-z0-9]$' || fault "PROJECT must be the id of a project."
  matches "$REGION" '^[a-z]+-[a-z]+[0-9]{1,2}$' || fault "REGION must be a region such as europe-west4."
  matches "$NAME" '^[a-z]([a-z0-9-]{0,15}[a-z0-9])?$' || fault "NAME must be 1 to 17 lower-case letters, digits and '-'."
  for each in "$GKE_CLUSTER" "$CONNECT_GATEWAY" "$KUBERNETES_ENDPOINT"; do [ -z "$each" ] || clusters=$((clusters + 1)); done
  [ "$clusters" = 1 ] || fault "Give exactly one of GKE_CLUSTER, CONNECT_GATEWAY and KUBERNETES_ENDPOINT: which cluster."
  [ -z "$GKE_CLUSTER" ] || matches "$GKE_CLUSTER" '^projects/[^/]+/locations/[^/]+/clusters/[^/]+$' ||
    fault "GKE_CLUSTER must be projects/P/locations/L/clusters/C."
  [ -z "$CONNECT_GATEWAY" ] || matches "$CONNECT_GATEWAY" '^projects/[0-9]+/locations/[^/]+/memberships/[^/]+$' ||
    fault "CONNECT_GATEWAY must be projects/NUMBER/locations/L/memberships/M."
  [ -z "$KUBERNETES_ENDPOINT" ] || matches "$KUBERNETES_ENDPOINT" '^https://[^/]+$' || fault "KUBERNETES_ENDPOINT must be https://HOST."
  [ -z "$KUBERNETES_CA_FILE" ] || [ -r "$KUBERNETES_CA_FILE" ] || fault "KUBERNETES_CA_FILE \"$KUBERNETES_CA_FILE\" cannot be read."
  matches "$GKE_ENDPOINT" '^(dns|public|private)$' || fault "GKE_ENDPOINT must be dns, public or private."
  [ "$GKE_ENDPOINT" != private ] || [ -n "$NETWORK$SUBNET" ] || fault "GKE_ENDPOINT is private: give NETWORK and SUBNET; or use dns."
  matches "$VPC_EGRESS" '^(private-ranges-only|all)$' || fault "VPC_EGRESS must be private-ranges-only or all."
  [ -n "$NAMESPACES" ] || fault "NAMESPACES must name at least one namespace."
  [ -n "$UPLOAD_BUCKETS$READ_BUCKETS$OUTPUT_BUCKETS" ] || fault "Give at least one bucket: UPLOAD_BUCKETS, READ_BUCKETS or OUTPUT_BUCKETS."
  for each in $UPLOAD_BUCKETS; do
    matches "$each" '^[a-z0-9][a-z0-9._-]*[a-z0-9]@[A-Za-z0-9-]+$' || fault "UPLOAD_BUCKETS: \"$each\" must be BUCKET@LOCATION, such as my-uploads@EU."
  done
  for each in $READ_BUCKETS $OUTPUT_BUCKETS; do
    matches "$each" '^[a-z0-9][a-z0-9._-]*[a-z0-9]$' || fault "\"$each\" must be the name of a bucket, without gs://."
  done
  for each in $INVOKERS $DEPLOY_INVOKERS $AGGREGATOR_MEMBERS; do
    matches "$each" '^(user|group|serviceAccount|domain|principal|principalSet):.+$' || fault "\"$each\" must be an IAM member such as group:ml@example.com; allUsers is not taken."
  done
  [ -z "$VALUES_DOCUMENT" ] || [ -r "$VALUES_DOCUMENT" ] || fault "VALUES_DOCUMENT \"$VALUES_DOCUMENT\" cannot be read."
  [ -z "$VALUES_DOCUMENT" ] || [ -z "$VALUES_URI" ] || fault "VALUES_DOCUMENT contradicts VALUES_URI: give one of them."
  local name cron zone body
  while IFS='|' read -r name cron zone body; do
    { matches "$name" '^[A-Za-z0-9_-]+$' && matches "$cron" '^[^ ]+ [^ ]+ [^ ]+ [^ ]+ [^ ]+$' && [ -n "$zone" ] && [ "${body#\{}" != "$body" ]; } ||
      fault "SCHEDULES: \"$name|$cron|$zone|$body\" must be NAME|CRON|TIME ZONE|JSON BODY."
  done < <(sed '/^$/d' <<<"$SCHEDULES")
  for each in "$WITH_DEPLOY" "$AGGREGATION_BY_DEPLOY" "$CUSTOM_ROLE" "$ALERTS"; do matches "$each" '^(yes|no)$' || fault "WITH_DEPLOY, AGGREGATION_BY_DEPLOY, CUSTOM_ROLE and ALERTS must be yes or no."; done
  matches "$STATE_KEEP_DAYS" '^(0|[7-9]|[1-8][0-9]|90)$' || fault "STATE_KEEP_DAYS must be 0, or 7 to 90."
}

check_tools() {
  [ "$DRY_RUN" = no ] || return 0
  [ -f "$SOURCE/index.js" ] || fault "$SOURCE holds no bundle: npm run build"
  if ! command -v gcloud >/dev/null; then
    fault "There is no gcloud on the PATH: https://cloud.google.com/sdk/docs/install"
    return 0
  fi
  [ -n "$(gcloud auth list --filter=status:ACTIVE --format='value(account)' 2>/dev/null)" ] || fault "gcloud has no account: gcloud auth login"
  local major
  major=$(gcloud version --format='value("Google Cloud SDK")' 2>/dev/null | cut -d. -f1)
  [ -z "$NETWORK$SUBNET" ] || [ "${major:-0}" -ge 545 ] || fault "NETWORK and SUBNET need gcloud 545 or newer: gcloud components update"
}

check_settings
check_tools
if [ ${#FAULTS[@]} -gt 0 ]; then
  printf 'deploy.sh: nothing was done.\n' >&2
  printf '  - %s\n' "${FAULTS[@]}" >&2
  exit 2
fi
