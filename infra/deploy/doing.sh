# Runs commands, or prints them as a script; part of deploy.sh.
# shellcheck shell=bash

# What is known only once the commands before have run; in a dry run each stands for itself.
LATER='FILES|STORAGE_AGENT|AGGREGATE_URL|SUBSCRIPTION'

quote() {
  if [[ $1 =~ \$($LATER) ]]; then
    printf '"%s"' "${1//\"/\\\"}"
  elif [[ $1 =~ ^[A-Za-z0-9_./:=@,%+-]+$ ]]; then
    printf '%s' "$1"
  else
    printf "'%s'" "${1//\'/\'\\\'\'}"
  fi
}

line() {
  local word first=yes
  for word in "$@"; do
    [ "$first" = yes ] || printf ' '
    first=no
    quote "$word"
  done
}

heading() { printf '\n# %s\n' "$*"; }

run() {
  printf '%s\n' "$(line "$@")"
  [ "$DRY_RUN" = yes ] || "$@" >/dev/null
}

# An identity or a role that was made a moment ago is not known everywhere yet.
run_patiently() {
  local tries=$1 seconds=$2
  shift 2
  printf '%s\n' "$(line "$@")"
  [ "$DRY_RUN" = no ] || return 0
  until "$@" >/dev/null; do
    tries=$((tries - 1))
    [ "$tries" -gt 0 ] || return 1
    printf '# not yet; once more in %s s\n' "$seconds"
    sleep "$seconds"
  done
}

# upsert DESCRIBE... -- CREATE... [-- UPDATE...]
upsert() {
  local part=0 word describe=() create=() update=()
  for word in "$@"; do
    if [ "$word" = -- ]; then
      part=$((part + 1))
    elif [ "$part" = 0 ]; then
      describe+=("$word")
    elif [ "$part" = 1 ]; then
      create+=("$word")
    else
      update+=("$word")
    fi
  done
  if [ "$DRY_RUN" = no ]; then
    if "${describe[@]}" >/dev/null 2>&1; then
      [ ${#update[@]} = 0 ] || run "${update[@]}"
    else
      run "${create[@]}"
    fi
  elif [ ${#update[@]} = 0 ]; then
    printf '%s >/dev/null 2>&1 || %s\n' "$(line "${describe[@]}")" "$(line "${create[@]}")"
  else
    printf 'if %s >/dev/null 2>&1; then %s; else %s; fi\n' "$(line "${describe[@]}")" "$(line "${update[@]}")" "$(line "${create[@]}")"
  fi
}

# capture VARIABLE COMMAND...
capture() {
  local variable=$1
  shift
  # shellcheck disable=SC2016 # printed, not expanded
  printf '%s=$(%s)\n' "$variable" "$(line "$@")"
  if [ "$DRY_RUN" = yes ]; then
    printf -v "$variable" '$%s' "$variable"
  else
    # In two steps: as an argument of printf, a command that fails would not end the script.
    local value
    value=$("$@")
    printf -v "$variable" '%s' "$value"
  fi
}

if [ "$DRY_RUN" = yes ]; then
  # shellcheck disable=SC2016 # printed, not expanded
  FILES='$FILES'
  # shellcheck disable=SC2016
  printf '#!/usr/bin/env bash\nset -euo pipefail\nFILES=$(mktemp -d)\n'
else
  FILES=$(mktemp -d)
  trap 'rm -rf "$FILES"' EXIT
fi

# write_file NAME: what is given on standard input, as $FILES/NAME.
write_file() {
  if [ "$DRY_RUN" = yes ]; then
    local text end="'END'"
    text=$(cat)
    # What is known later only is filled in when the script runs.
    [[ ! $text =~ \$\{($LATER) ]] || end=END
    printf 'cat >%s <<%s\n%s\nEND\n' "$(quote "$FILES/$1")" "$end" "$text"
  else
    cat >"$FILES/$1"
  fi
}

json_text() {
  local text=${1//\\/\\\\}
  text=${text//\"/\\\"}
  printf '"%s"' "${text//$'\n'/\\n}"
}
