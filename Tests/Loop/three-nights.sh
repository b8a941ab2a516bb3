#!/bin/bash
# Does a fleet whose engines begin to wear by another law get a better model, all by itself?
#
#   Tests/Loop/three-nights.sh                    three nights, each learning from the day before
#   Tests/Loop/three-nights.sh --without-pull     the same, but no log is pulled
#
# Night 1 knows recorded runs with gradual wear. Then engines fly past a real agent whose wear is
# sudden: most fail, some are removed in working order, some still fly. Nights 2 and 3 are the
# command that the timer starts, and nothing else. After each night the promoted model is judged on
# the last cycles of 60 further engines of the new law, which nobody learns from.
#
# BIN names the folder of the programs, PATIENCE the seconds to wait for what does not come, UNITS
# the engines of a day. Prints a table, then JSON; the exit code says only whether all steps ran.
set -euo pipefail
cd "$(dirname "$0")/../.."

bin=${BIN:-$PWD/.build/release}
patience=${PATIENCE:-120}
units=${UNITS:-24}
fleet=loop
agent=agent-1
prefix=turbofan/v1/$fleet
folder=$(mktemp -d "${TMPDIR:-/tmp}/nacelle-loop-XXXXXX")
workspace=$folder/workspace
pull=true
started=()
table=()
nights=()
sent=0
trap finish EXIT

main() {
    case "${1:-}" in
        '') ;;
        --without-pull) pull=false ;;
        *) fail "'$1' is no option; there is --without-pull" ;;
    esac
    need mosquitto mosquitto_pub mosquitto_sub awk
    [ -x "$bin/edge-agent" ] && [ -x "$bin/backoffice" ] || fail "build first: make build"
    simulate base 7 60 gradual
    simulate day1 21 "$units" sudden
    simulate day2 22 "$units" sudden
    simulate judge 23 60 sudden
    start_broker
    office keys create --workspace "$workspace" >"$folder/keys.txt"
    night 1
    start_agent
    wait_for_model
    fly day1 a
    night 2
    wait_for_model
    fly day2 b
    night 3
    wait_for_model
    report
}

# MARK: Days and nights

simulate() {
    office simulate --out "$folder/$1" --seed "$2" --units "$3" --wear "$4" >>"$folder/simulate.txt"
}

# Streams a fleet past the agent: every 6th engine is removed, every 7th of the others flies on.
fly() {
    local data=$folder/$1 name=$2
    step "day ${name}: $units engines fly"
    awk -v name="$name" -v events="$folder/events-$name.txt" '
        function end(fate) { if (unit != "") print unit, fate, last > events }
        function fate() { return number % 6 == 0 ? "removed" : number % 7 == 0 ? "flies" : "failed" }
        NF { if (number != $1) { if (number) end(fate()); number = $1 }
             unit = name "-" $1; last = $2; $1 = unit; print }
        END { end(fate()) }' "$data/train_SIM.txt" >"$folder/all-$name.txt"
    # Who does not fail is seen for a part of its life only.
    awk 'NR == FNR { last[$1] = $2 == "failed" ? $3 : int($3 * 6 / 10); next } $2 <= last[$1]' \
        "$folder/events-$name.txt" "$folder/all-$name.txt" >"$folder/stream-$name.txt"
    publish -t "$prefix/readings" -l <"$folder/stream-$name.txt"
    local unit fate cycle
    while read -r unit fate cycle; do
        [ "$fate" != flies ] || continue
        [ "$fate" = failed ] || cycle=$((cycle * 6 / 10))
        publish -t "$prefix/engines/$unit/events" -m "{\"event\":\"$fate\",\"cycle\":$cycle}"
    done <"$folder/events-$name.txt"
    # Events are outside of the readings' count: this one more reading comes after all of them.
    awk -v name="$name" 'NR == 1 { $1 = "last-" name; print }' "$folder/all-$name.txt" |
        publish -t "$prefix/readings" -l
    sent=$((sent + $(wc -l <"$folder/stream-$name.txt") + 1))
    wait_for "the agent to account for $sent readings" all_is_done
}

all_is_done() {
    local health
    health=$(retained "agents/$agent/health")
    [ "$(printf '%s' "$health" | number_of received)" = "$sent" ] &&
        [ "$(printf '%s' "$health" | number_of in_flight)" = 0 ]
}

# The command of the timer; then the promoted model is judged, which changes nothing.
night() {
    local options=() said=$folder/night-$1.txt
    $pull || options=(--without-pull)
    step "night $1"
    office nightly --workspace "$workspace" --data "$folder/base" --subset SIM \
        --expected-model-types xgboost --ensemble none --broker-host 127.0.0.1 \
        --broker-port "$port" --fleet "$fleet" "${options[@]}" >"$said" 2>"$said.log" ||
        [ $? -eq 2 ] || fail "night $1 ended badly: $(tail -n 5 "$said.log")"
    local hash metadata promoted rmse decision candidates
    hash=$(sed -n 's/^configuration //p' "$said")
    metadata=$workspace/objects/processed-data/$hash/metadata.json
    decision=$(sed -n -e 's/^\(promoted\|kept\|held\) version \([0-9]*\).*/\1 version \2/p' \
        -e 's/^\(nothing to retrain\).*/\1/p' "$said")
    candidates=$(grep -c ' trained: version ' "$said" || true)
    promoted=$(number_of version <"$workspace/objects/model-promotion/current.json")
    rmse=$(office evaluate --workspace "$workspace" --protocol official --model "$promoted" \
        --test "$folder/judge/test_SIM.txt" --rul "$folder/judge/RUL_SIM.txt" \
        --purpose 'field error after a night' --json 2>>"$said.log" |
        { grep -o '"rmse":[0-9.]*' || true; } | head -n 1 | cut -d : -f 2)
    [ -n "$rmse" ] || fail "version $promoted was not judged: $(tail -n 5 "$said.log")"
    table+=("$(printf '%5s  %9s  %11s  %10s  %-22s  %10.2f' "$1" "$(number_of rows <"$metadata")" \
        "$(number_of field_units <"$metadata")" "$candidates" "$decision" "$rmse")")
    nights+=("{\"night\":$1,\"rows\":$(number_of rows <"$metadata"),\"field_units\":$(
        number_of field_units <"$metadata"),\"candidates\":$candidates,\"decision\":\"$decision\"$(
        ),\"promoted\":$promoted,\"field_rmse\":$rmse}")
}

report() {
    printf '%5s  %9s  %11s  %10s  %-22s  %10s\n' night 'data rows' 'field lives' candidates \
        decision 'field RMSE'
    printf '%s\n' "${table[@]}"
    local IFS=,
    printf '{"pull":%s,"nights":[%s]}\n' "$pull" "${nights[*]}"
}

# MARK: Broker and agent

start_broker() {
    mkdir "$folder/broker"
    for _ in 1 2 3 4 5 6 7 8; do
        port=$((20000 + RANDOM % 40000))
        ! answers "$port" || continue
        printf 'listener %s 127.0.0.1\nallow_anonymous true\nmax_queued_messages 0\n' "$port" \
            >"$folder/broker/mosquitto.conf"
        # Started by root, it would become a user who may not read this folder.
        [ "$(id -u)" -ne 0 ] || echo 'user root' >>"$folder/broker/mosquitto.conf"
        start "$folder/broker/log" mosquitto -c "$folder/broker/mosquitto.conf"
        until answers "$port" || ! kill -0 "$last_started" 2>/dev/null; do sleep 0.1; done
        if kill -0 "$last_started" 2>/dev/null; then return; fi
    done
    fail "mosquitto did not start: $(cat "$folder/broker/log")"
}

start_agent() {
    start "$folder/agent.log" "$bin/edge-agent" run --broker-host 127.0.0.1 \
        --broker-port "$port" --fleet "$fleet" --agent-id "$agent" --data "$folder/device" \
        --public-key "$workspace/keys/model.pub"
}

wait_for_model() { wait_for "the agent to run the promoted model" runs_promoted; }

runs_promoted() {
    local status
    status=$(retained "agents/$agent/status")
    case $status in *'"online"'*) ;; *) return 1 ;; esac
    [ "$(printf '%s' "$status" | text_of run_id)" = \
        "$(text_of run_id <"$workspace/objects/model-promotion/current.json")" ]
}

# MARK: Pieces

step() { echo "three-nights: $1" >&2; }

fail() {
    echo "three-nights: $1" >&2
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

publish() { mosquitto_pub -h 127.0.0.1 -p "$port" -V 5 -q 1 "$@"; }

# The retained message of a topic below the fleet's, or nothing within two seconds.
retained() {
    mosquitto_sub -h 127.0.0.1 -p "$port" -V 5 -C 1 -W 2 -t "$prefix/$1" 2>/dev/null || true
}

# The first number, or the first text, under a key of JSON on standard input; empty without one.
number_of() { { grep -o "\"$1\":[0-9]*" || true; } | head -n 1 | cut -d : -f 2; }
text_of() { { grep -o "\"$1\":\"[^\"]*" || true; } | head -n 1 | cut -d '"' -f 4; }

wait_for() {
    local what=$1 end=$((SECONDS + patience))
    shift
    until "$@"; do
        [ "$SECONDS" -lt "$end" ] || fail "waited $patience s for $what"
        sleep 0.25
    done
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

# In reverse: who talks to the broker goes before it.
finish() {
    local status=$? index
    for ((index = ${#started[@]} - 1; index >= 0; index--)); do
        kill "${started[index]}" 2>/dev/null || true
        wait "${started[index]}" 2>/dev/null || true
    done
    if [ "$status" -eq 0 ]; then rm -rf "$folder"; else step "what is left is in $folder"; fi
}

main "$@"
