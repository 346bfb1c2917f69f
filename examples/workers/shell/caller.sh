#!/usr/bin/env bash
# A caller of the Workflow Engine: validates a workflow, executes it, watches it to its end and prints what came out.
# Exit code 0 means that it completed.
#
#   ./caller.sh [http://HOST:PORT] [DOCUMENT.json]
set -euo pipefail

readonly SERVER=${1:-${WORKFLOW_ENGINE_URL:-http://localhost:8006}}
readonly DEADLINE=$((SECONDS + 120))
# What runs when no document is given: one step, done by worker.sh.
readonly HELLO='{
  "workflow_config": {
    "name": "Hello from a shell",
    "steps": [{"step_id": "secret", "step_type": "shell.rot13", "input_mapping": {"text": "${input.text}"}}],
    "output": {"text": "${steps.secret.output.text}"}
  },
  "input_data": {"text": "Hello, Wide World!"}
}'

umask 077
folder=$(mktemp -d)
readonly folder
trap 'rm -rf "$folder"' EXIT
if [ -n "${2:-}" ]; then cp "$2" "$folder/body"; else echo "$HELLO" >"$folder/body"; fi
echo 'Content-Type: application/json' >"$folder/headers" # a file: what stands in a command line is seen by everybody
[ -z "${WORKFLOW_ENGINE_API_KEY:-}" ] || echo "Authorization: Bearer $WORKFLOW_ENGINE_API_KEY" >>"$folder/headers"

# curl's arguments; the answer goes to a file. Repeated while the server is away: only what is safe to repeat is called so.
call() {
    local status
    while ((SECONDS < DEADLINE)); do
        status=$(curl --silent --max-time 60 --header "@$folder/headers" \
            --output "$folder/answer" --write-out '%{http_code}' "$@") || status=503
        case $status in
            2*) return 0 ;;
            429 | 5*) sleep "0.$((RANDOM % 9 + 1))" ;;
            *) break ;;
        esac
    done
    echo "$status $(cat "$folder/answer" 2>/dev/null)" >&2
    return 1
}

call --data-binary @<(jq '.workflow_config // .' "$folder/body") "$SERVER/workflows/validate"
if [ "$(jq .is_valid "$folder/answer")" != true ]; then
    jq . "$folder/answer" >&2
    exit 1
fi

# With a key of its own, repeating it after a broken connection starts nothing twice.
call --header "Idempotency-Key: $(date +%s%N)-$$" --data-binary "@$folder/body" "$SERVER/workflows/execute"
id=$(jq -r .execution_id "$folder/answer")
echo "started $id"

# Every event once, in order, whatever happens to the connection.
after=0 ended=''
while [ -z "$ended" ]; do
    ((SECONDS < DEADLINE)) || { echo 'it took too long' >&2; exit 1; }
    while read -r line; do
        [[ $line == data:* ]] || continue
        jq -r '"\(.seq) \(.kind) \(.path // "")"' <<<"${line#data:}"
        after=$(jq .seq <<<"${line#data:}")
        case $(jq -r .kind <<<"${line#data:}") in
            execution_completed | execution_failed | execution_cancelled) ended=yes ;;
        esac
    done < <(curl --silent --no-buffer --max-time 120 --header "@$folder/headers" --header 'Accept: text/event-stream' \
        --header "Last-Event-ID: $after" "$SERVER/executions/$id/events")
    [ -n "$ended" ] || { echo "the connection broke; watching on from $after"; sleep "0.$((RANDOM % 9 + 1))"; }
done

call "$SERVER/executions/$id/results"
jq -r '.step_results | to_entries[] | "\(.key): \(.value.status) \(.value.output_data)"' "$folder/answer"
jq -r --arg id "$id" '"watched \($id) to its end: \(.status) \(.output)"' "$folder/answer"
[ "$(jq -r .status "$folder/answer")" = completed ]
