#!/bin/bash
# The whole loop in one go: a fleet's runs become a model, the model reaches an edge agent over a
# real broker, unseen units stream past it, and its log comes home.
#
#   Tests/Demo/demo.sh                                  a simulated fleet of 100 units
#   CMAPSS=folder SUBSET=FD001 Tests/Demo/demo.sh       NASA's files
#
# Everything lies in .demo/ and stays there to be looked at; everything started is stopped. The last
# line is JSON: units, predictions, rmse (last cycles, capped at 125), lost, duplicates_suppressed.
set -euo pipefail
cd "$(dirname "$0")/../.."

bin=$PWD/.build/release
demo=$PWD/.demo
workspace=$demo/workspace
fleet=demo
agent=agent-1
prefix=turbofan/v1/$fleet
started=()
trap stop_all EXIT

main() {
    need mosquitto mosquitto_pub mosquitto_sub awk
    [ -x "$bin/edge-agent" ] && [ -x "$bin/backoffice" ] || fail "build first: make build"
    rm -rf "$demo"
    mkdir -p "$demo"
    choose_data
    start_broker
    make_model
    start_agent
    stream_readings
    pull_logs
    report
}

# MARK: Steps

choose_data() {
    if [ -n "${CMAPSS:-}" ]; then
        subset=${SUBSET:-FD001}
        data=$CMAPSS
        step "NASA C-MAPSS $subset from $data"
    else
        subset=SIM
        data=$demo/data
        step "Simulating a fleet of 100 units that run to failure, and 100 that are still flying"
        office simulate --out "$data" --units 100 --seed 7 --regimes 1 --fault-modes 1 \
            >"$demo/simulate.txt"
    fi
    unpack "test_$subset" "$demo/test.txt"
    unpack "RUL_$subset" "$demo/rul.txt"
}

start_broker() {
    step "Starting a private broker"
    mkdir "$demo/broker"
    for _ in 1 2 3 4 5 6 7 8; do
        port=$((20000 + RANDOM % 40000))
        ! answers "$port" || continue
        printf 'listener %s 127.0.0.1\nallow_anonymous true\nmax_queued_messages 0\n' "$port" \
            >"$demo/broker/mosquitto.conf"
        # Started by root, it would become a user who may not read this folder.
        [ "$(id -u)" -ne 0 ] || echo 'user root' >>"$demo/broker/mosquitto.conf"
        start "$demo/broker/log" mosquitto -c "$demo/broker/mosquitto.conf"
        broker=$last_started
        until answers "$port" || ! kill -0 "$broker" 2>/dev/null; do sleep 0.1; done
        kill -0 "$broker" 2>/dev/null || continue
        echo "127.0.0.1:$port"
        return
    done
    fail "mosquitto did not start: $(cat "$demo/broker/log")"
}

make_model() {
    step "Training trees and an LSTM, combining them, promoting and pushing the best"
    office keys create --workspace "$workspace" >"$demo/keys.txt"
    office preprocess --workspace "$workspace" --data "$data" --subset "$subset" \
        >"$demo/preprocess.json"
    for type in xgboost lstm ensemble; do
        office train --workspace "$workspace" --type "$type"
    done
    # Two of the expected types are enough for a demonstration.
    export EXPECTED_MODEL_TYPES=xgboost,lstm,ensemble
    office evaluate --workspace "$workspace" >"$demo/evaluation.txt"
    office promote --workspace "$workspace"
    office push --workspace "$workspace" \
        --broker-host 127.0.0.1 --broker-port "$port" --fleet "$fleet"
}

start_agent() {
    step "Starting the edge agent; it fetches the model from the broker"
    start "$demo/agent.log" "$bin/edge-agent" run --broker-host 127.0.0.1 --broker-port "$port" \
        --fleet "$fleet" --agent-id "$agent" --data "$demo/device" \
        --public-key "$workspace/keys/model.pub"
    edge=$last_started
    local status run_id=none
    for _ in $(seq 120); do
        alive "$edge" "$demo/agent.log"
        status=$(retained "agents/$agent/status")
        run_id=$(printf '%s' "$status" | text_of run_id)
        case $status in *'"online"'*) [ "$run_id" = none ] || break ;; esac
        sleep 0.25
    done
    [ "${run_id:-none}" != none ] || fail "the agent has no model after 30 s: $status"
    echo "$agent is online with model $run_id"
}

stream_readings() {
    # Every 20th row goes out twice: 5 % known duplicates, which must not be scored again.
    awk 'NF { print; if (++n % 20 == 0) print }' "$demo/test.txt" >"$demo/stream.txt"
    sent=$(wc -l <"$demo/stream.txt")
    distinct=$(awk 'NF { n++ } END { print n }' "$demo/test.txt")
    step "Streaming $sent readings of unseen units, $((sent - distinct)) of them duplicates"
    # The reader's session exists before the first reading, so it misses no prediction.
    local reader=(mosquitto_sub -h 127.0.0.1 -p "$port" -V 5 -i demo-reader -c -x 3600 -q 1
        -t "$prefix/engines/+/predictions")
    "${reader[@]}" -E
    start "$demo/predictions.jsonl" "${reader[@]}"
    local begin=$SECONDS health='' received=0
    mosquitto_pub -h 127.0.0.1 -p "$port" -V 5 -q 1 -t "$prefix/readings" -l <"$demo/stream.txt"
    for _ in $(seq 600); do
        alive "$edge" "$demo/agent.log"
        health=$(retained "agents/$agent/health")
        received=$(printf '%s' "$health" | number_of received)
        if [ "${received:-0}" -ge "$sent" ] &&
            [ "$(printf '%s' "$health" | number_of in_flight)" = 0 ] &&
            [ "$(published)" -ge "$(printf '%s' "$health" | number_of scored)" ]; then
            break
        fi
        sleep 0.5
    done
    suppressed=$(printf '%s' "$health" | number_of suppressed)
    printf '%s' "$health" >"$demo/health.json"
    echo "accounted for after $((SECONDS - begin)) s: ${received:-0} received," \
        "$(printf '%s' "$health" | number_of scored) scored," \
        "${suppressed:-0} duplicates suppressed," \
        "$(printf '%s' "$health" | number_of quarantined) quarantined"
}

pull_logs() {
    step "Pulling the agent's log home"
    office logs pull --workspace "$workspace" --broker-host 127.0.0.1 --broker-port "$port" \
        --fleet "$fleet" --agent "$agent" 2>"$demo/pull.log" || fail "$(tail -n 3 "$demo/pull.log")"
    office logs export --workspace "$workspace" --format jsonl >"$demo/logs.jsonl"
    echo "$(wc -l <"$demo/logs.jsonl") lines in .demo/logs.jsonl"
}

# The last cycle of each unit against its true remaining life, the soonest failure first.
report() {
    step "Remaining useful life (RUL) at each unit's last cycle, in flight cycles"
    awk -v rul="$demo/rul.txt" -v test="$demo/test.txt" -f Tests/Demo/report.awk \
        -v predictions="$demo/predictions.jsonl" -v suppressed="${suppressed:-0}" \
        -v summary="$demo/summary.json" "$demo/logs.jsonl" >"$demo/report.txt"
    head -n 21 "$demo/report.txt"
    echo "   ...  all units are in .demo/report.txt"
    tail -n 4 "$demo/report.txt"
    stop_all
    cat "$demo/summary.json"
}

# MARK: Pieces

step() { printf '\n== %s\n' "$1"; }

fail() {
    echo "demo: $1" >&2
    exit 1
}

need() {
    local name
    for name in "$@"; do
        command -v "$name" >/dev/null || fail "$name is missing: make deps"
    done
}

# A command of the back office, with idle training threads asleep.
office() { OMP_WAIT_POLICY=passive "$bin/backoffice" "$@"; }

# Copies a data file, plain or gzip, to where the demo reads it.
unpack() {
    if [ -f "$data/$1.txt" ]; then
        cp "$data/$1.txt" "$2"
    elif [ -f "$data/$1.txt.gz" ]; then
        gzip -dc "$data/$1.txt.gz" >"$2"
    else
        fail "neither $1.txt nor $1.txt.gz is in $data"
    fi
}

answers() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# Starts a process whose output goes to a file, to be stopped at the end.
start() {
    local output=$1
    shift
    "$@" >"$output" 2>&1 &
    last_started=$!
    started+=("$last_started")
}

alive() { kill -0 "$1" 2>/dev/null || fail "the agent ended: $(tail -n 5 "$2")"; }

# The retained message of a topic below the fleet's, or nothing within two seconds.
retained() {
    mosquitto_sub -h 127.0.0.1 -p "$port" -V 5 -C 1 -W 2 -t "$prefix/$1" 2>/dev/null || true
}

# The first number, or the first text, under a key of JSON on standard input; empty without one.
number_of() { { grep -o "\"$1\":[0-9]*" || true; } | head -n 1 | cut -d : -f 2; }
text_of() { { grep -o "\"$1\":\"[^\"]*" || true; } | head -n 1 | cut -d '"' -f 4; }

# Distinct predictions on the topic so far.
published() { sort -u "$demo/predictions.jsonl" | grep -c . || true; }

stop_all() {
    local pid
    [ ${#started[@]} -gt 0 ] || return 0
    # In reverse: who talks to the broker goes before it.
    for ((index = ${#started[@]} - 1; index >= 0; index--)); do
        pid=${started[index]}
        kill "$pid" 2>/dev/null || true
        wait "$pid" 2>/dev/null || true
    done
    started=()
}

main
