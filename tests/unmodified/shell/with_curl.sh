#!/usr/bin/env bash
# Signs in with curl and lists the objects of the org.
set -euo pipefail

# field NAME: the first text with this name in the JSON on stdin.
field() { sed -E "s/.*\"$1\":\"([^\"]+)\".*/\1/"; }

answer=$(curl --silent --show-error --fail https://dm-us.informaticacloud.com/saas/public/core/v3/login \
  --header 'Content-Type: application/json' \
  --data "{\"username\":\"$LATCHKEY_EMULATOR_USER\",\"password\":\"$LATCHKEY_EMULATOR_PASSWORD\"}")
session=$(field sessionId <<<"$answer")
base=$(field baseApiUrl <<<"$answer")
[[ $base == https://*.informaticacloud.com/saas ]]
curl --silent --show-error --fail "$base/public/core/v3/objects?q=type=='TASKFLOW'" --header "INFA-SESSION-ID: $session" |
  grep --quiet nightly_load
