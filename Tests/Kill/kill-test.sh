#!/bin/bash
# Is any reading lost or scored twice when the agent is killed again and again?
#
#   Tests/Kill/kill-test.sh [KILLS [READINGS [RATE]]]   50 kills, 20,000 readings, 300 per second
#   Tests/Kill/kill-test.sh 1000 120000 100             twenty minutes
#   WORKSPACE=folder Tests/Kill/kill-test.sh            with the model promoted there
#
# BIN names the folder of the programs, PATIENCE the seconds to wait for what does not come.
#
# Readings of 20 units arrive at QoS 1 while the agent is ended by SIGKILL, each time after it has
# taken at least one since its start. Afterwards every published key must have exactly one row in
# the device's store, must have been published as a prediction, and must be in the pulled log once.
#
# A naive subscriber (Tests/Kill/Naive) gets the same readings at another session of the same
# broker, is killed in the same moments, and is held to nothing: what it lost and what it has twice
# is for scale.
#
# Exit code 0 if the agent's part holds, 1 with a sentence if not. The last line is JSON.
set -euo pipefail
cd "$(dirname "$0")/../.."

kills=${1:-50}
readings=${2:-20000}
rate=${3:-300}
units=20
bin=${BIN:-$PWD/.build/release}
fleet=kill-test
agent=agent-1
prefix=turbofan/v1/$fleet
folder=$(mktemp -d "${TMPDIR:-/tmp}/nacelle-kill-XXXXXX")
workspace=${WORKSPACE:-$folder/workspace}
store=$folder/device/nacelle.sqlite
started=()
edge=''
naive=''
trap finish EXIT

main() {
    local value
    need mosquitto mosquitto_pub mosquitto_sub sqlite3 awk
    for value in edge-agent backoffice naive-subscriber; do
        [ -x "$bin/$value" ] || fail "$bin/$value is missing, build first: make build"
    done
    for value in "$readings" "$rate" "$kills"; do
        [[ $value =~ ^[1-9][0-9]*$ ]] || fail "KILLS, READINGS and RATE are whole numbers, not '$value'"
    done
    [ $((readings / units)) -le 20000 ] || fail "READINGS is at most $((units * 20000))"
    write_readings
    start_broker
    push_model
    start_agent
    wait_for_model
    start_naive
    wait_for_naive
    start_subscriber
    start_publisher
    kill_again_and_again
    wait_until_all_is_done
    pull_log
    judge
}

# MARK: What is sent

# Rows of all units in turn, each with its own slow drift: 24 measurements like FD001's.
write_readings() {
    awk -v readings="$readings" -v units="$units" 'BEGIN {
        count = split("-0.0007 -0.0004 100 518.67 641.82 1589.7 1400.6 14.62 21.61 554.36 " \
            "2388.06 9046.19 1.3 47.47 521.66 2388.02 8138.62 8.4195 0.03 392 2388 100 " \
            "39.06 23.419", base, " ")
        for (n = 0; n < readings; n++) {
            unit = n % units + 1
            cycle = int(n / units) + 1
            printf "unit-%d %d", unit, cycle
            for (column = 1; column <= count; column++) {
                noise = (cycle * (column + 7) + unit * 131) % 97 / 97 - 0.5
                printf " %.4f", base[column] * (1 + noise / 500 + cycle * 2e-6)
            }
            printf "\n"
        }
    }' >"$folder/readings.txt"
    awk '{ print $1, $2 }' "$folder/readings.txt" | LC_ALL=C sort >"$folder/sent.keys"
}

# Passes a file on at the asked rate, in twenty pieces a second, by the clock.
pace() {
    local chunk=$(((rate + 19) / 20)) start=${EPOCHREALTIME/./} sent=0 ahead lines
    while mapfile -n "$chunk" -t lines && [ ${#lines[@]} -gt 0 ]; do
        printf '%s\n' "${lines[@]}"
        sent=$((sent + ${#lines[@]}))
        ahead=$((start + sent * 1000000 / rate - ${EPOCHREALTIME/./}))
        [ "$ahead" -le 0 ] || pause "$ahead"
    done <"$1"
}

# MARK: Who takes part

start_broker() {
    mkdir "$folder/broker"
    local broker
    for _ in 1 2 3 4 5 6 7 8; do
        port=$((20000 + RANDOM % 40000))
        ! answers "$port" || continue
        printf 'listener %s 127.0.0.1\nallow_anonymous true\nmax_queued_messages 0\n' "$port" \
            >"$folder/broker/mosquitto.conf"
        # Started by root, it would become a user who may not read this folder.
        [ "$(id -u)" -ne 0 ] || echo 'user root' >>"$folder/broker/mosquitto.conf"
        start "$folder/broker/log" mosquitto -c "$folder/broker/mosquitto.conf"
        broker=$last_started
        until answers "$port" || ! kill -0 "$broker" 2>/dev/null; do sleep 0.1; done
        kill -0 "$broker" 2>/dev/null || continue
        return
    done
    fail "mosquitto did not start: $(cat "$folder/broker/log")"
}

push_model() {
    if [ -z "${WORKSPACE:-}" ]; then
        step "training a model"
        office simulate --out "$folder/data" --units 40 --seed 7 --regimes 1 --fault-modes 1
        office keys create --workspace "$workspace"
        office preprocess --workspace "$workspace" --data "$folder/data" --subset SIM
        office train --workspace "$workspace" --type xgboost
        office promote --workspace "$workspace" --expected-model-types xgboost
    fi
    office push --workspace "$workspace" --broker-host 127.0.0.1 --broker-port "$port" \
        --fleet "$fleet"
}

start_agent() {
    "$bin/edge-agent" run --broker-host 127.0.0.1 --broker-port "$port" --fleet "$fleet" \
        --agent-id "$agent" --data "$folder/device" --public-key "$workspace/keys/model.pub" \
        >>"$folder/agent.log" 2>&1 &
    edge=$!
}

start_naive() {
    "$bin/naive-subscriber" "$port" naive "$prefix/readings" "$folder/naive.sqlite" \
        >>"$folder/naive.log" 2>&1 &
    naive=$!
}

wait_for_naive() {
    for _ in $(seq 100); do
        ! grep -q subscribed "$folder/naive.log" || return 0
        sleep 0.1
    done
    fail "the naive subscriber does not subscribe: $(cat "$folder/naive.log")"
}

# From here on the session exists: no reading can be missed for want of a subscriber.
wait_for_model() {
    local status=''
    for _ in $(seq 60); do
        status=$(mosquitto_sub -h 127.0.0.1 -p "$port" -V 5 -C 1 -W 1 \
            -t "$prefix/agents/$agent/status" 2>/dev/null || true)
        case $status in
        *'"run_id":"none"'*) ;;
        *'"online"'*) return ;;
        esac
        sleep 0.2
    done
    fail "the agent is not online with a model: $status $(tail -n 3 "$folder/agent.log")"
}

start_subscriber() {
    local reader=(mosquitto_sub -h 127.0.0.1 -p "$port" -V 5 -i watcher -c -x 3600 -q 1
        -t "$prefix/engines/+/predictions")
    "${reader[@]}" -E
    start "$folder/predictions.jsonl" "${reader[@]}"
}

start_publisher() {
    step "publishing $readings readings at $rate/s"
    started_at=${EPOCHREALTIME/./}
    pace "$folder/readings.txt" | mosquitto_pub -h 127.0.0.1 -p "$port" -V 5 -i sensors -q 1 \
        -t "$prefix/readings" -l >"$folder/publisher.log" 2>&1 &
    publisher=$!
    started+=("$publisher")
}

# MARK: What happens to them

# Kills spread over the time that the readings take, each after a reading since the start.
kill_again_and_again() {
    local number before wait span=$((readings * 1000000 / rate))
    kills_while_publishing=0
    for ((number = 1; number <= kills; number++)); do
        before=$(query 'SELECT received FROM progress')
        # On a busy machine the readings may all have arrived before the kills are done.
        if [ "$(query 'SELECT count(*) FROM readings')" -ge "$readings" ]; then
            kills=$((number - 1))
            break
        fi
        [ "$number" -eq 1 ] || {
            start_agent
            start_naive
        }
        wait_for "$before" 'SELECT received FROM progress' ||
            fail "the agent took no reading in two minutes: $(tail -n 3 "$folder/agent.log")"
        # Between nothing and twice its share of the time that is left: about evenly, unforeseen.
        wait=$(((started_at + span - ${EPOCHREALTIME/./}) / (kills - number + 1)))
        [ "$wait" -le 0 ] || pause $((wait / 100 * (RANDOM % 170)))
        ! kill -0 "$publisher" 2>/dev/null || kills_while_publishing=$((kills_while_publishing + 1))
        kill -9 "$edge" "$naive" ||
            fail "one of them ended by itself: $(tail -n 3 "$folder/agent.log" "$folder/naive.log")"
        wait "$edge" "$naive" 2>/dev/null || true
        edge=''
        naive=''
        [ $((number % 50)) -ne 0 ] ||
            step "kill $number of $kills, $(query 'SELECT count(*) FROM readings') readings stored"
    done
    step "killed the agent $kills times"
}

wait_until_all_is_done() {
    wait "$publisher" || fail "mosquitto_pub ended with an error: $(cat "$folder/publisher.log")"
    seconds=$(((${EPOCHREALTIME/./} - started_at) / 1000000))
    start_agent
    start_naive
    # What is still missing when the time is up is for the judge to name.
    wait_for $((readings - 1)) 'SELECT count(*) FROM readings' || true
    wait_for -1 'SELECT published_through - (SELECT max(sequence) FROM readings) FROM progress' ||
        fail "the broker has not acknowledged every prediction after two minutes"
    # What the broker has acknowledged is on its way to the subscriber.
    for _ in $(seq 100); do
        [ "$(prediction_keys | wc -l)" -lt "$readings" ] || break
        sleep 0.1
    done
    stop_naive
}

# Ends the naive subscriber in order, once the broker has nothing more for it.
stop_naive() {
    local before=-1 now
    while now=$(sqlite3 -readonly -cmd '.timeout 2000' "$folder/naive.sqlite" \
        'SELECT count(*) FROM readings') && [ "$now" -ne "$before" ]; do
        before=$now
        sleep 3
    done
    kill "$naive"
    wait "$naive" || fail "the naive subscriber failed: $(tail -n 1 "$folder/naive.log")"
    naive=''
}

pull_log() {
    office logs pull --workspace "$workspace" --broker-host 127.0.0.1 --broker-port "$port" \
        --fleet "$fleet" --agent "$agent"
    "$bin/backoffice" logs export --workspace "$workspace" --format jsonl >"$folder/log.jsonl"
}

# MARK: What must hold

judge() {
    query "SELECT name || ' ' || cycle FROM readings JOIN units USING (unit_id)" |
        LC_ALL=C sort >"$folder/store.keys"
    same "$folder/store.keys" "in the device's store"
    expect 0 "rows that were not scored" 'SELECT count(*) FROM readings WHERE outcome <> 1'
    expect 0 "rows of a second installation" \
        'SELECT count(*) FROM readings WHERE installation <> 1'
    expect 0 "quarantined payloads" 'SELECT count(*) FROM quarantine'
    expect "$readings" "distinct prediction keys" "SELECT count(*) FROM
        (SELECT DISTINCT run_id, unit_id, installation, cycle FROM readings)"
    expect 0 "deliveries without an outcome" \
        'SELECT received - scored - unscored - suppressed - late - quarantined FROM progress'

    prediction_keys >"$folder/predicted.keys"
    same "$folder/predicted.keys" "on the predictions topic"
    local different
    # A repeat after a kill says that it is backfill; all the rest of it is the same.
    different=$(sed 's/,"backfill":[a-z]*//' "$folder/predictions.jsonl" | LC_ALL=C sort -u | wc -l)
    [ "$different" -eq "$readings" ] ||
        fail "$different different predictions were published for $readings readings"

    grep '"kind":"reading"' "$folder/log.jsonl" | keys_of | LC_ALL=C sort >"$folder/pulled.keys"
    same "$folder/pulled.keys" "in the pulled log"

    local suppressed published naive_rows naive_keys
    naive_rows=$(sqlite3 "$folder/naive.sqlite" 'SELECT count(*) FROM readings')
    naive_keys=$(sqlite3 "$folder/naive.sqlite" \
        'SELECT count(*) FROM (SELECT DISTINCT unit, cycle FROM readings)')
    step "of $readings readings   lost  doubled"
    step "$(printf 'the agent           %8d %8d' 0 0)"
    step "$(printf 'a naive subscriber  %8d %8d' \
        $((readings - naive_keys)) $((naive_rows - naive_keys)))"
    suppressed=$(number_in_store 'SELECT suppressed FROM progress')
    published=$(wc -l <"$folder/predictions.jsonl")
    printf '{"readings":%d,"rate":%d,"kills":%d,"kills_while_publishing":%d,"seconds":%d,' \
        "$readings" "$rate" "$kills" "$kills_while_publishing" "$seconds"
    printf '"rows":%d,"lost":0,"scored_twice":0,"suppressed":%d,"predictions":%d,"pulled":%d,' \
        "$(wc -l <"$folder/store.keys")" "$suppressed" "$published" \
        "$(wc -l <"$folder/pulled.keys")"
    printf '"naive_lost":%d,"naive_doubled":%d}\n' \
        $((readings - naive_keys)) $((naive_rows - naive_keys))
}

# Fails unless a sorted list of keys is the list of what was sent, each once.
same() {
    local lost extra
    lost=$(LC_ALL=C comm -13 "$1" "$folder/sent.keys")
    [ -z "$lost" ] ||
        fail "$(wc -l <<<"$lost") readings are not $2, the first is $(head -n 1 <<<"$lost")"
    extra=$(LC_ALL=C comm -23 "$1" "$folder/sent.keys")
    [ -z "$extra" ] ||
        fail "$(wc -l <<<"$extra") keys are $2 once too often, such as $(head -n 1 <<<"$extra")"
}

expect() {
    local found
    found=$(number_in_store "$3")
    [ "$found" = "$1" ] || fail "the store has $found $2, not $1"
}

# MARK: Pieces

step() { echo "kill-test: $1" >&2; }

fail() {
    echo "kill-test: $1" >&2
    echo "kill-test: everything lies in $folder" >&2
    keep=yes
    exit 1
}

need() {
    local name
    for name in "$@"; do
        command -v "$name" >/dev/null || fail "$name is missing: make deps"
    done
}

# A command of the back office, with idle training threads asleep; speaks only when it fails.
office() {
    OMP_WAIT_POLICY=passive "$bin/backoffice" "$@" >"$folder/office.log" 2>&1 ||
        fail "backoffice $1 failed: $(tail -n 3 "$folder/office.log")"
}

# Unit and cycle of each JSON line.
keys_of() { sed -n 's/.*"unit":"\([^"]*\)","installation":[0-9]*,"cycle":\([0-9]*\),.*/\1 \2/p'; }

# Distinct keys on the predictions topic so far; a repeat after a kill is allowed.
prediction_keys() { keys_of <"$folder/predictions.jsonl" | LC_ALL=C sort -u; }

# Looks from outside, reading only: the agent alone writes and checkpoints.
query() { sqlite3 -readonly -cmd '.timeout 2000' "$store" "$1"; }

# One number; 0 while the store is being opened or recovered.
number_in_store() {
    local number
    number=$(query "$1" 2>/dev/null || true)
    echo "${number:-0}"
}

# Waits until a number in the store exceeds a bound; fails after two minutes.
wait_for() {
    local deadline=$((SECONDS + ${PATIENCE:-120}))
    until [ "$(number_in_store "$2")" -gt "$1" ]; do
        kill -0 "$edge" 2>/dev/null || fail "the agent ended: $(tail -n 3 "$folder/agent.log")"
        [ "$SECONDS" -lt "$deadline" ] || return 1
        sleep 0.02
    done
}

# Sleeps so many microseconds.
pause() { sleep "$(printf '%d.%06d' $(($1 / 1000000)) $(($1 % 1000000)))"; }

answers() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# Starts a process whose output goes to a file, to be stopped at the end.
start() {
    local output=$1
    shift
    "$@" >"$output" 2>&1 &
    last_started=$!
    started+=("$last_started")
}

# Stops what was started, who talks to the broker before it, and removes the folder.
finish() {
    local pid index
    for ((index = ${#started[@]} - 1; index >= 0; index--)); do
        [ -z "$edge" ] || {
            kill "$edge" 2>/dev/null || true
            wait "$edge" 2>/dev/null || true
            edge=''
        }
        [ -z "$naive" ] || {
            kill "$naive" 2>/dev/null || true
            wait "$naive" 2>/dev/null || true
            naive=''
        }
        pid=${started[index]}
        # mosquitto_pub would first send what it has read.
        kill -9 "$pid" 2>/dev/null || true
        wait "$pid" 2>/dev/null || true
    done
    [ -n "${keep:-}" ] || rm -rf "$folder"
}

main
