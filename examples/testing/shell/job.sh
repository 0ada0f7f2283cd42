#!/usr/bin/env bash
# Lists the tasks of the org. This is the program under test: it knows nothing of an emulator.
# IDMC_USER and IDMC_PASSWORD say who signs in.
set -euo pipefail

login=https://dm-us.informaticacloud.com/ma/api/v2/user/login
base='' session='' refused=''

# sign_in: sets `base` and `session`. A refused password is never sent again: the account would be locked.
sign_in() {
  local reply status
  if [[ -n $refused ]]; then
    echo "not signed in: $refused" >&2
    return 1
  fi
  reply=$(jq -n '{"@type": "login", username: env.IDMC_USER, password: env.IDMC_PASSWORD}' |
    curl -sS "$login" -H 'Content-Type: application/json' -d @- -w '\n%{http_code}')
  status=${reply##*$'\n'} reply=${reply%$'\n'*}
  case $status in
    200) ;;
    400 | 401 | 403) refused=$(jq -r .description <<<"$reply") ;;
  esac
  if [[ $status != 200 ]]; then
    echo "not signed in: ${refused:-status $status}" >&2
    return 1
  fi
  base=$(jq -r .serverUrl <<<"$reply")
  session=$(jq -r .icSessionId <<<"$reply")
}

# get PATH: sets `answer`. Signs in again once if the session has ended; --retry obeys Retry-After.
get() {
  local status try
  [[ -n $session ]] || sign_in || return
  for try in first second; do
    answer=$(curl -sf --retry 3 "$base$1" -H @<(echo "icSessionId: $session") -w '\n%{http_code}') || true
    status=${answer##*$'\n'} answer=${answer%$'\n'*}
    [[ $status == 401 && $try == first ]] || break
    sign_in || return
  done
  [[ $status == 200 ]] || { echo "$1: status $status" >&2; return 1; }
}

tasks() {
  get /api/v2/task && jq -r '.[].name' <<<"$answer"
}

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  tasks
fi
