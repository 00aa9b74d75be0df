#!/usr/bin/env bash
# Sends requests made from openapi.yaml, right ones and wrong ones, to a real
# server, and holds every answer against the document: schemathesis. Event
# streams are left out, since their answers do not end. See `make api-fuzz`.
#   [SEED=1] [PHASES=fuzzing,stateful] api-fuzz.sh TOURNEY SCHEMATHESIS CASES-AN-OPERATION
set -euo pipefail
tourney=$1 schemathesis=$2 cases=$3
phases=${PHASES:-examples,coverage,fuzzing,stateful}
work=$(mktemp -d)
server=
stop() {
  if [ -n "$server" ]; then kill "$server" && wait "$server" || true; fi
  rm -rf "$work"
}
trap stop EXIT

: > "$work/log"
"$tourney" up --workers 0 --addr 127.0.0.1:0 --data-dir "$work/data" 2> "$work/log" &
server=$!
url=
for _ in $(seq 300); do
  url=$(sed -n 's/.*\(http:\/\/127\.0\.0\.1:[0-9]*\).*/\1/p' "$work/log" | head -1)
  [ -n "$url" ] && break
  sleep 0.1
done
[ -n "$url" ] || { cat "$work/log"; exit 1; }

# Something to find: a table and a sweep, and a token, which closes the server
# to whoever has none.
printf 'x,y\n%s' "$(seq 200 | awk '{ print $1 "," $1 % 2 }')" |
  curl -sS --fail-with-body -o /dev/null -H 'Content-Type: text/csv' --data-binary @- "$url/api/v1/datasets?name=telco&target=y"
curl -sS --fail-with-body -o /dev/null -H 'Content-Type: application/json' "$url/api/v1/sweeps" \
  -d '{"dataset":"telco","trainer":"linear","run_cap":4,"parameters":{"learning_rate":{"min":0.01,"max":0.1}}}'
token=$(curl -sS --fail-with-body -H 'Content-Type: application/json' -d '{"name":"fuzz","scope":"admin"}' "$url/api/v1/tokens" |
  sed 's/.*"token":"\([^"]*\)".*/\1/')

cd "$work"
# Who sends many wrong tokens is not listened to for a while: to the check that
# sends them, that 429 is a refusal like the 401 before it. Headers and paths that are
# larger than Go's server reads it answers itself, as plain text; a test of ours has them.
cat > hooks.py <<'END'
from urllib.parse import urlencode

import schemathesis
from schemathesis.specs.openapi import checks

checks.AUTH_REJECTION_STATUSES = frozenset({401, 403, 429})

@schemathesis.hook
def filter_case(context, case):
    headers = sum(len(str(k)) + len(str(v).encode(errors="replace")) for k, v in (case.headers or {}).items())
    return headers + len(urlencode(case.query or {}, doseq=True, errors="replace")) < 12_000
END
# What is wrong with a sweep file is what validate is asked for: its answer is
# 200. A body that is too large is refused for that, whatever is in it. Not every
# sweep that fits the schema is one: there must be its dataset, for one.
cat > schemathesis.toml <<'END'
hooks = "hooks.py"

[checks]
positive_data_acceptance.enabled = false
use_after_free.enabled = false
ensure_resource_availability.enabled = false
allow_header_conformance.enabled = false
object_level_authorization.enabled = false
negative_data_rejection.expected-statuses = [400, 401, 403, 404, 405, 406, 409, 412, 413, 415, 422, 428, 429, 431]

[[operations]]
include-name = "POST /api/v1/sweeps/validate"
checks.negative_data_rejection.enabled = false
END
failed=0
"$schemathesis" run "$url/api/openapi.yaml" --url "$url" -H "Authorization: Bearer $token" \
  --max-examples "$cases" --rate-limit 45/s --request-timeout 30 --continue-on-failure --seed "${SEED:-1}" \
  --exclude-path-regex '/events$' --exclude-operation-id revokeToken \
  --phases "$phases" --suppress-health-check all --warnings off || failed=$?
if grep -E 'level=ERROR|panic' "$work/log"; then failed=1; fi # what a 500 was about, too
curl -sS --fail-with-body -o /dev/null "$url/readyz" # it is alive and well
exit "$failed"
