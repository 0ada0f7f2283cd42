#!/usr/bin/env bash
# What the job does when its session ends, when it asks too often, and when its password is wrong.
set -euo pipefail
source "${BASH_SOURCE[0]%/*}/job.sh"

export IDMC_USER=admin IDMC_PASSWORD='Emulated-1!'
emulator=$LATCHKEY_EMULATOR_URL/_emulator

# expect COUNT QUERY: so many requests were asked.
expect() {
  local found
  found=$(curl -sSf "$emulator/requests/count?$2" | jq .count)
  [[ $found == "$1" ]] || { echo "expected $1 requests of $2, found $found" >&2; exit 1; }
}

begin() {
  echo "-- $1"
  curl -sSf -o /dev/null -X POST "$emulator/reset"
  base='' session='' refused=''
}

begin 'it signs in again when half an hour has gone by'
get /api/v2/task
curl -sSf -o /dev/null "$emulator/clock" -d '{"advance":"31m"}'
get /api/v2/task
[[ $(jq -r '.[].name' <<<"$answer") == nightly ]]
expect 1 'path=/saas/api/v2/task&status=401'
expect 2 'path=/ma/api/v2/user/login&status=200'

begin 'it waits when it asks too often, and keeps its session'
curl -sSf -o /dev/null "$emulator/faults" -d '{"kind":"call","nth":1,"effect":{"status":429,"retry_after":"1s"}}'
[[ $(tasks) == nightly ]]
expect 1 'path=/saas/api/v2/task&status=429'
expect 1 'path=/ma/api/v2/user/login'

begin 'a refused password is sent once'
IDMC_PASSWORD=wrong
for _ in 1 2 3; do
  ! get /api/v2/task 2>/dev/null || exit 1
done
expect 1 'path=/ma/api/v2/user/login&status=4xx'
