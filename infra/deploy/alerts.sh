# Metrics of the functions' log lines, and alerts; part of deploy.sh.
# shellcheck shell=bash

# make_alert KEY TITLE SEVERITY RATE_LIMIT FILTER [LABEL=FIELD...]; the texts of monitoring.tf, a test compares them.
make_alert() {
  local key=$1 title=$2 severity=$3 rate=$4 labels='' extractors='' pair service names=()
  for service in "${functions[@]}"; do names+=("\"$NAME-$service\""); done
  local services
  services=$(printf '%s\n' "${names[@]}" | LC_ALL=C sort | paste -sd '|' - | sed 's/|/ OR /g')
  local filter="resource.type=\"cloud_run_revision\" AND resource.labels.location=\"$REGION\" AND resource.labels.service_name=($services) AND $5"
  shift 5
  for pair in "$@"; do
    labels+="${labels:+, }{\"key\": \"${pair%=*}\", \"valueType\": \"STRING\"}"
    extractors+="${extractors:+, }\"${pair%=*}\": \"EXTRACT(jsonPayload.${pair#*=})\""
  done
  write_file "metric-$key.json" <<END
{"name": "$NAME/$key", "description": "tensorio-trigger: $title", "filter": $(json_text "$filter"),
 "metricDescriptor": {"metricKind": "DELTA", "valueType": "INT64", "labels": [$labels]}, "labelExtractors": {$extractors}}
END
  upsert gcloud logging metrics describe "$NAME/$key" "${in_project[@]}" -- \
    gcloud logging metrics create "$NAME/$key" "${in_project[@]}" "--config-from-file=$FILES/metric-$key.json" -- \
    gcloud logging metrics update "$NAME/$key" "${in_project[@]}" "--config-from-file=$FILES/metric-$key.json"
  [ "$ALERTS" = yes ] || return 0
  write_file "policy-$key.json" <<END
{"displayName": "$NAME: $title", "combiner": "OR", "severity": "$severity",
 "conditions": [{"displayName": "$title", "conditionMatchedLog": {"filter": $(json_text "$filter"), "labelExtractors": {$extractors}}}],
 "alertStrategy": {"autoClose": "86400s", "notificationRateLimit": {"period": "${rate}s"}}}
END
  make_policy "$NAME: $title" "policy-$key.json"
}

# A policy that is there is kept as it is: people change them.
make_policy() {
  local list=(gcloud alpha monitoring policies list "${in_project[@]}" "--filter=displayName=\"$1\"" '--format=value(name)')
  local create=(gcloud alpha monitoring policies create "${in_project[@]}" "--policy-from-file=$FILES/$2" ${NOTIFICATION_CHANNELS:+"--notification-channels=$NOTIFICATION_CHANNELS"})
  if [ "$DRY_RUN" = yes ]; then
    # shellcheck disable=SC2016 # printed, not expanded
    printf '[ -n "$(%s)" ] || %s\n' "$(line "${list[@]}")" "$(line "${create[@]}")"
  else
    # In two steps: a listing that fails must stop the script, and not count as none.
    local found
    found=$("${list[@]}")
    [ -n "$found" ] || run "${create[@]}"
  fi
}

# make_late_events_alert BUCKET: events that are delivered and not acknowledged, of the trigger's $SUBSCRIPTION.
make_late_events_alert() {
  [ "$ALERTS" = yes ] || return 0
  # shellcheck disable=SC2016 # printed, not expanded
  local id='${SUBSCRIPTION##*/}'
  [ "$DRY_RUN" = yes ] || id=${SUBSCRIPTION##*/}
  local filter="resource.type=\"pubsub_subscription\" AND resource.labels.subscription_id=\"$id\" AND metric.type=\"pubsub.googleapis.com/subscription/oldest_unacked_message_age\""
  write_file "policy-late-$1.json" <<END
{"displayName": "$NAME: events of $1 are late", "combiner": "OR", "severity": "WARNING",
 "conditions": [{"displayName": "oldest event is 10 minutes old", "conditionThreshold": {"filter": $(json_text "$filter"),
  "comparison": "COMPARISON_GT", "thresholdValue": 600, "duration": "300s",
  "aggregations": [{"alignmentPeriod": "60s", "perSeriesAligner": "ALIGN_MAX"}]}}],
 "alertStrategy": {"autoClose": "86400s"}}
END
  make_policy "$NAME: events of $1 are late" "policy-late-$1.json"
}

# What the functions do not log: that nobody calls them.
make_no_sweeps_alert() {
  [ "$ALERTS" = yes ] || return 0
  local filter="resource.type=\"cloud_run_revision\" AND resource.labels.location=\"$REGION\" AND resource.labels.service_name=\"$NAME-aggregate\" AND metric.type=\"run.googleapis.com/request_count\" AND metric.labels.response_code_class=\"2xx\""
  write_file "policy-no-sweeps.json" <<END
{"displayName": "$NAME: nothing sweeps", "combiner": "OR", "severity": "ERROR",
 "conditions": [{"displayName": "no call of $NAME-aggregate succeeded for 30 minutes", "conditionAbsent": {"filter": $(json_text "$filter"),
  "duration": "1800s",
  "aggregations": [{"alignmentPeriod": "300s", "perSeriesAligner": "ALIGN_DELTA", "crossSeriesReducer": "REDUCE_SUM"}]}}],
 "alertStrategy": {"autoClose": "86400s"}}
END
  make_policy "$NAME: nothing sweeps" "policy-no-sweeps.json"
}

make_alerts() {
  heading "Metrics of the functions' log lines, and alerts"
  make_alert failed_rounds 'a round failed' ERROR 300 'jsonPayload.done=~"^fail "' task_id=taskId
  make_alert failed_runs 'an aggregation failed' ERROR 300 'jsonPayload.runTrouble=~"^(failed|held-up)$"' aggregation_id=aggregationId trouble=runTrouble
  make_alert missed_ticks 'a scheduled aggregation did not run' ERROR 300 'jsonPayload.missedTick=true' schedule=schedule tick=tick
  [ "$WITH_DEPLOY" = no ] || make_alert failed_releases 'a release failed' ERROR 300 "resource.labels.service_name=\"$NAME-deploy\" AND jsonPayload.method=\"POST\" AND jsonPayload.status>=500" path=path
  make_alert overdue_tasks 'a task is overdue' WARNING 3600 'jsonPayload.decision="wait" AND jsonPayload.reason=~"^Overdue since "' task_id=taskId
  make_alert held_up_tasks 'a task is held up' ERROR 3600 'severity>=ERROR AND jsonPayload.message=~"^Task .* could not be advanced: "' task_id=taskId
  make_alert failed_sweeps 'the sweep fails' ERROR 3600 'jsonPayload.path="/sweep" AND jsonPayload.status>=500'
  make_no_sweeps_alert
}
