#!/bin/bash
# Streams readings of many units through the real agent and broker, and watches its memory.
#
#   Benchmarks/soak.sh
#   READINGS=100000 Benchmarks/soak.sh
#
# Sends 5,000,000 readings of UNITS=10000 units. BUDGET is the agent's DISK_BUDGET in MB, so small
# that most readings must leave it again: the oldest, counted, or with PULL=60 those that a pull
# each minute brought home. RESIDENT is its RESIDENT_UNITS; EVERY the seconds between two samples;
# AHEAD the readings that may wait at the broker; BIN the folder of the programs; SVG a file to draw
# the memory into.
#
# Units fly in turn, so that each comes back after all others: with fewer resident units than units
# every reading rebuilds a feature state. Afterwards every reading must have been scored once and
# lie in the store or be among the released ones, once, and with PULL be in the pulled log once.
# Prints a Markdown table; the last line is JSON. Exit code 0 if all of that holds and the memory
# did not grow, 1 if not. LIMIT ends the publishing after so many seconds: then as many count as
# were sent.
set -euo pipefail
cd "$(dirname "$0")/.."

readings=${READINGS:-5000000}
units=${UNITS:-10000}
budget=${BUDGET:-512}
every=${EVERY:-5}
pull=${PULL:-0}
ahead=${AHEAD:-20000}
publishers=2
bin=${BIN:-$PWD/.build/release}
fleet=soak
agent=agent-1
prefix=turbofan/v1/$fleet
folder=$(mktemp -d "${TMPDIR:-/tmp}/nacelle-soak-XXXXXX")
workspace=$folder/workspace
store=$folder/device/nacelle.sqlite
started=()
trap finish EXIT

main() {
    local name
    for name in mosquitto mosquitto_pub mosquitto_sub sqlite3 python3; do
        command -v "$name" >/dev/null || fail "$name is missing: make deps"
    done
    [ -x "$bin/edge-agent" ] && [ -x "$bin/backoffice" ] || fail "build first: make build"
    [ $((readings % units)) -eq 0 ] || fail "READINGS must be a multiple of UNITS=$units"
    cycles=$((readings / units))
    [ "$cycles" -le 20000 ] || fail "READINGS is at most 20000 times UNITS"
    start_broker
    train
    start_agent
    publish
    watch
    if [ "$pull" -gt 0 ]; then
        pull_log
        "$bin/backoffice" logs export --workspace "$workspace" --format jsonl \
            >"$folder/log.jsonl"
    fi
    python3 Benchmarks/soak_report.py "$folder" "$units" "$cycles" "$seconds" ${SVG:+"$SVG"}
}

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
        broker_pid=$broker
        return
    done
    fail "mosquitto did not start: $(cat "$folder/broker/log")"
}

train() {
    step "training a model"
    office simulate --out "$folder/data" --units 40 --seed 7 --regimes 1 --fault-modes 1
    office keys create --workspace "$workspace"
    office preprocess --workspace "$workspace" --data "$folder/data" --subset SIM
    office train --workspace "$workspace" --type xgboost
    office promote --workspace "$workspace" --expected-model-types xgboost
    office push --workspace "$workspace" --broker-host 127.0.0.1 --broker-port "$port" \
        --fleet "$fleet"
}

start_agent() {
    start "$folder/agent.log" "$bin/edge-agent" run --broker-host 127.0.0.1 \
        --broker-port "$port" --fleet "$fleet" --agent-id "$agent" --data "$folder/device" \
        --public-key "$workspace/keys/model.pub" --disk-budget "$budget" \
        --resident-units "${RESIDENT:-4096}" --backfill-rate 100000 \
        --log-full "$([ "$pull" -gt 0 ] && echo stop || echo release-oldest-counted)"
    edge=$last_started
    local status=''
    for _ in $(seq 100); do
        status=$(mosquitto_sub -h 127.0.0.1 -p "$port" -V 5 -C 1 -W 1 \
            -t "$prefix/agents/$agent/status" 2>/dev/null || true)
        case $status in
        *'"run_id":"none"'*) ;;
        *'"online"'*)
            start "$folder/health" mosquitto_sub -h 127.0.0.1 -p "$port" -V 5 \
                -t "$prefix/agents/$agent/health" -F '%p'
            return
            ;;
        esac
        sleep 0.2
    done
    fail "the agent is not online with a model: $status $(tail -n 3 "$folder/agent.log")"
}

# Each publisher has its own units: the readings of one unit stay in order.
publish() {
    step "publishing $readings readings of $units units"
    started_at=$SECONDS
    publishing=()
    local number
    for ((number = 1; number <= publishers; number++)); do
        python3 Benchmarks/soak_readings.py "$store" "$number" "$units" "$publishers" "$cycles" \
            "$ahead" "$folder/sent" "${LIMIT:-0}" 2>"$folder/readings.$number.log" |
            mosquitto_pub -h 127.0.0.1 -p "$port" -V 5 -i "sensors-$number" -q 1 \
                -t "$prefix/readings" -l >"$folder/publisher.$number.log" 2>&1 &
        publishing+=($!)
        started+=($!)
    done
}

# Samples until the agent has scored and published everything, and pulls meanwhile.
watch() {
    local received=0 sent puller='' pulled_at=$SECONDS last=-1 idle=0 pid rss
    echo "second received waiting queue rss_kb store_bytes wal_bytes broker_rss_kb" |
        tr ' ' '\t' >"$folder/samples.tsv"
    while :; do
        kill -0 "$edge" 2>/dev/null || fail "the agent ended: $(tail -n 3 "$folder/agent.log")"
        received=$(query 'SELECT received FROM progress')
        sent=$(sent)
        rss=$(resident "$edge")
        printf '%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\n' $((SECONDS - started_at)) "$received" \
            $((sent > received ? sent - received : 0)) "$(queue_depth)" "$rss" \
            "$(size "$store")" "$(size "$store-wal")" "$(resident "$broker_pid")" \
            >>"$folder/samples.tsv"
        ! all_are_scored || break
        [ "$received" -ne "$last" ] && idle=0 || idle=$((idle + 1))
        [ $((idle * every)) -lt 120 ] || fail "no reading for two minutes, at $received"
        last=$received
        if [ "$pull" -gt 0 ] && [ $((SECONDS - pulled_at)) -ge "$pull" ] &&
            { [ -z "$puller" ] || ! kill -0 "$puller" 2>/dev/null; }; then
            pull_some &
            puller=$!
            pulled_at=$SECONDS
        fi
        sleep "$every"
    done
    seconds=$((SECONDS - started_at))
    [ -z "$puller" ] || wait "$puller" || true
    for pid in "${publishing[@]}"; do
        wait "$pid" || fail "a publisher failed: $(cat "$folder"/publisher.*.log)"
    done
    for _ in $(seq 300); do
        [ "$(query 'SELECT last_sequence - published_through FROM progress')" -gt 0 ] || return 0
        sleep 0.2
    done
}

# MARK: Pieces

# Whether the publishers are done and the agent has scored whatever they sent.
all_are_scored() {
    local pid
    for pid in "${publishing[@]}"; do
        ! kill -0 "$pid" 2>/dev/null || return 1
    done
    [ "$(query 'SELECT scored FROM progress')" -ge "$(sent)" ]
}

# A pull on the way may fail: it goes on where it stopped. The report counts those that did.
pull_some() {
    OMP_WAIT_POLICY=passive "$bin/backoffice" logs pull --workspace "$workspace" \
        --broker-host 127.0.0.1 --broker-port "$port" --fleet "$fleet" --agent "$agent" \
        >"$folder/pull.log" 2>&1 || echo failed >>"$folder/pulls.failed"
}

pull_log() {
    office logs pull --workspace "$workspace" --broker-host 127.0.0.1 --broker-port "$port" \
        --fleet "$fleet" --agent "$agent"
}

sent() {
    local number sum=0
    for ((number = 1; number <= publishers; number++)); do
        sum=$((sum + $(cat "$folder/sent.$number" 2>/dev/null || echo 0)))
    done
    echo "$sum"
}

queue_depth() {
    tail -n 1 "$folder/health" | sed -n 's/.*"queue_depth_max":\([0-9]*\).*/\1/p' | grep . || echo 0
}

resident() { awk '/^VmRSS/ { print $2 }' "/proc/$1/status"; }

size() { stat -c %s "$1" 2>/dev/null || echo 0; }

# Looks from outside, reading only: the agent alone writes and checkpoints.
query() { sqlite3 -readonly -cmd '.timeout 10000' "$store" "$1"; }

step() { echo "soak: $1" >&2; }

fail() {
    echo "soak: $1" >&2
    echo "soak: everything lies in $folder" >&2
    keep=yes
    exit 1
}

# A command of the back office, with idle training threads asleep; speaks only when it fails.
office() {
    OMP_WAIT_POLICY=passive "$bin/backoffice" "$@" >"$folder/office.log" 2>&1 ||
        fail "backoffice $1 failed: $(tail -n 3 "$folder/office.log")"
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

# Stops what was started, who talks to the broker before it, and removes the folder.
finish() {
    local index
    # A puller in the background must not clean up after its parent.
    [ "$BASHPID" = "$$" ] || return 0
    for ((index = ${#started[@]} - 1; index >= 0; index--)); do
        kill "${started[index]}" 2>/dev/null || true
        wait "${started[index]}" 2>/dev/null || true
    done
    [ -n "${keep:-${KEEP:-}}" ] || rm -rf "$folder"
}

main
