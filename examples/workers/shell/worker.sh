#!/usr/bin/env bash
# A worker of the Workflow Engine in a shell: long polls over REST by curl, JSON by jq.
#
#   ./worker.sh [http://HOST:PORT]
set -euo pipefail

# --- the step type: a contract and a function. This is the part to change.

readonly SLOTS=4
readonly CONTRACT='{
  "step_type": "shell.rot13",
  "name": "ROT13 of a text",
  "description": "Turns every Latin letter into the one 13 places on; twice gives back the text.",
  "version": "1.0.0",
  "execution_type": "poll",
  "effect": "pure",
  "input_schema": {"type": "object", "properties": {"text": {"type": "string"}},
                   "required": ["text"], "additionalProperties": false},
  "parameters_schema": {"type": "object", "additionalProperties": false,
                        "properties": {"delay_ms": {"type": "integer", "minimum": 0, "maximum": 60000}}},
  "output_schema": {"type": "object", "properties": {"text": {"type": "string"}},
                    "required": ["text"], "additionalProperties": false}
}'

rot13() { # assignment on stdin, output on stdout; a failure is what it says on stderr
    local assignment
    assignment=$(cat)
    sleep "$(jq '(.config.delay_ms // 0) / 1000' <<<"$assignment")" # so that you can see what happens to a slow step
    jq -j .input.text <<<"$assignment" | tr 'A-Za-z' 'N-ZA-Mn-za-m' | jq -Rs '{text: .}'
}

# --- what this process holds: a folder for each hand-over, until the server has acked its result

readonly SERVER=${1:-${WORKFLOW_ENGINE_URL:-http://localhost:8006}}
readonly WORKER_ID="shell-$(hostname)-$$"
umask 077 # leases are secrets
state=$(mktemp -d)
readonly state
trap 'rm -rf "$state"' EXIT
mkdir "$state/held"
shopt -s nullglob
set -m # every step is a job of its own, so that it can be stopped with all its children

session='' draining='' drained='' failures=0 renewed=0 lease_seconds=60
log() { echo "[shell] $*"; }
# One word for a lease, or for what has one (JSON on stdin), that a file can be named by.
key() { jq -r '(.lease // .) | "\(.execution_id) \(.path) \(.delivery)" | @uri'; }
has_work() { local folders=("$state"/held/*); ((${#folders[@]})); }
# All files of this name in the folders, as one JSON list.
all() { cat /dev/null "$state"/held/*/"$1" 2>/dev/null | jq -cs .; }

# --- the way to the server

echo 'Content-Type: application/json' >"$state/headers" # a file: what stands in a command line is seen by everybody
[ -z "${WORKFLOW_ENGINE_API_KEY:-}" ] || echo "Authorization: Bearer $WORKFLOW_ENGINE_API_KEY" >>"$state/headers"

post() { # path, file for the answer; body on stdin. 0: done, 4: refused, 1: not reached, or not now
    local status
    status=$(curl --silent --max-time 60 --header "@$state/headers" --data-binary @- \
        --output "$2" --write-out '%{http_code}' "$SERVER$1") || return 1
    case $status in
        2*) return 0 ;;
        408 | 429 | 5*) return 1 ;;
        *) return 4 ;;
    esac
}

# --- the steps

start() { # assignment
    local folder
    folder="$state/held/$(key <<<"$1")"
    [ ! -d "$folder" ] || return 0
    mkdir "$folder"
    echo "$1" >"$folder/assignment"
    jq -c .lease <<<"$1" >"$folder/lease"
    echo "$SECONDS" >"$folder/renewed"
    log "working on $(jq -r '"\(.lease.execution_id) \(.lease.path), attempt \(.attempt)"' <<<"$1")"
    work "$folder" &
    echo $! >"$folder/job"
}

work() { # folder; runs as a job
    local outcome
    if rot13 <"$1/assignment" >"$1/output" 2>"$1/errors"; then
        outcome=$(jq -c '{output: .}' "$1/output")
    else
        outcome=$(jq -cRs '{failure: {code: "rot13-failed", message: .}}' "$1/errors")
    fi
    jq -c --argjson outcome "$outcome" '{lease: .} + $outcome' "$1/lease" >"$1/result.new"
    mv "$1/result.new" "$1/result" # whole, or not at all
    # When this is not answered, the main loop sends it again in its next session.
    jq -cs '{results: .}' "$1/result" | post "/workers/$(<"$state/session")/report" "$1/answer" || return 0
    acked "$1/answer"
}

acked() { # file with the answer to a report of results
    local answer
    jq -c '.result_acks[] | select(.code != "unavailable")' "$1" | while read -r answer; do
        rm -rf "$state/held/$(key <<<"$answer")"
        log "$(jq -r '(if .code == "ok" then "served" else "\(.code) (\(.message))" end)
            + " \(.lease.execution_id) \(.lease.path)"' <<<"$answer")"
    done
}

stop() { # lease, reason; a finished step is only forgotten
    local folder
    folder="$state/held/$(key <<<"$1")"
    [ -f "$folder/job" ] || return 0
    local job
    job=$(<"$folder/job")
    if [ ! -f "$folder/result" ] && kill -- "-$job" 2>/dev/null; then
        { wait "$job" || true; } 2>/dev/null # it has really ended, and bash does not say so
    fi
    rm -rf "$folder"
    log "stopped $(jq -r '"\(.execution_id) \(.path)"' <<<"$1"): $2"
}

touch_lease() { echo "$2" 2>/dev/null >"$1/renewed" || true; } # folder, when; its step may be over and away

renew() { # in one batch; what cannot be renewed for the time of a lease is given up
    local folder answer sent=$SECONDS
    if post "/workers/$session/report" "$state/renew" <<<"{\"renew\": $(all lease)}"; then
        renewed=$sent
        while read -r answer; do
            folder="$state/held/$(key <<<"$answer")"
            case $(jq -r .code <<<"$answer") in
                ok) touch_lease "$folder" "$sent" ;;
                unavailable) ;;
                *) [ -f "$folder/result" ] || stop "$(jq -c .lease <<<"$answer")" 'its lease was not renewed' ;;
            esac
        done < <(jq -c '.renewed[]' "$state/renew")
    fi
}

give_up_expired() {
    local folder
    for folder in "$state"/held/*; do
        [ ! -f "$folder/result" ] && [ -f "$folder/renewed" ] || continue
        ((SECONDS - $(cat "$folder/renewed" || echo "$SECONDS") < lease_seconds)) ||
            stop "$(<"$folder/lease")" 'its lease ran out'
    done
}

# --- sessions

open_session() { # says who we are, what we serve and what we hold
    local lease folder code=0
    jq -n --arg id "$WORKER_ID" --arg sdk "bash $BASH_VERSION" --argjson slots "$SLOTS" --argjson contract "$CONTRACT" \
        --argjson held "$(all lease)" '{
            hello: {worker_id: $id, proto_min: 1, proto_max: 1, sdk: $sdk, capabilities: ["cancel"]},
            register: {steps: [$contract]}, credits: {slots: {"": $slots}}, resume: {held: $held}, explicit_acks: true
        }' | post /workers/sessions "$state/open" || code=$?
    if ((code == 4)); then
        log "giving up: $(cat "$state/open")"
        exit 1
    fi
    ((code == 0)) || return 1
    session=$(jq -r .welcome.session_id "$state/open")
    echo "$session" >"$state/session"
    lease_seconds=$(jq '.welcome.lease_seconds | floor' "$state/open")
    renewed=$SECONDS failures=0
    log "welcome: session $session, serving $(jq -r '.registered.serves | join(", ")' "$state/open")"
    while read -r lease; do stop "$lease" 'the server gave it away'; done < <(
        jq -c '.verdicts.items[]? | select(.code != "keep") | .lease' "$state/open")
    for folder in "$state"/held/*; do touch_lease "$folder" "$SECONDS"; done
    # What was finished and not acked, once more.
    if [ "$(all result)" != '[]' ]; then
        post "/workers/$session/report" "$state/again" <<<"{\"results\": $(all result)}" && acked "$state/again"
    fi
    [ -z "$draining" ] || drain
}

drain() {
    draining=yes
    [ -n "$session" ] || return 0
    if ! post "/workers/$session/drain" "$state/drain" <<<'{}'; then session=''; return; fi
    if [ "$(jq .drained "$state/drain")" = true ]; then drained=yes session=''; fi
}

poll() { # waits for steps and cancels; 1 when the session is over
    local job code=0 seconds=$((lease_seconds / 4 < 25 ? lease_seconds / 4 : 25))
    post "/workers/$session/poll?wait=$seconds" "$state/poll" <<<'{}' &
    job=$!
    # SIGTERM ends the wait, not the poll: what it brings must be taken.
    until wait "$job" || { code=$?; ((code < 128)); }; do code=0; done
    return "$code"
}

take() { # what a poll brought
    local item
    # Acked at once: what is not returns to the queue, so that an answer that got lost loses no step.
    jq -c '{acks: [.assignments[]?.lease], cancel_acks: [.cancels[]?.lease]} | select(any(length > 0))' \
        "$state/poll" >"$state/acks"
    while read -r item; do start "$item"; done < <(jq -c '.assignments[]?' "$state/poll")
    while read -r item; do
        stop "$(jq -c .lease <<<"$item")" "$(jq -r .reason <<<"$item")"
    done < <(jq -c '.cancels[]?' "$state/poll")
    [ ! -s "$state/acks" ] || post "/workers/$session/report" "$state/answer" <"$state/acks" || true
}

pause() { # grows with every failure in a row, jittered so that a thousand workers do not come back at once
    local full=$((failures < 6 ? 200 << failures : 10000))
    failures=$((failures + 1))
    local milliseconds=$((full / 2 + RANDOM * full / 65536))
    log "disconnected; again in $milliseconds ms"
    sleep "$((milliseconds / 1000)).$(printf %03d $((milliseconds % 1000)))" &
    wait $! || true # SIGTERM cuts it short
}

trap 'log draining; drain' TERM
while true; do
    give_up_expired
    if [ -n "$draining" ] && [ -z "$session" ] && ! has_work; then break; fi
    if [ -z "$session" ]; then open_session || { pause; continue; }; fi
    poll || { session=''; pause; continue; }
    take
    if [ "$(jq .drained "$state/poll")" = true ]; then
        wait # for jobs that still report; what cannot be reported now is brought in a session of its own
        drained=yes session=''
    elif [ "$(jq -r '.go_away.reason // empty' "$state/poll")" ]; then
        session=''
        pause # the server is about to stop
    fi
    if [ -n "$session" ] && has_work && ((SECONDS - renewed >= lease_seconds / 4)); then renew; fi
done
[ -z "$drained" ] || log drained
