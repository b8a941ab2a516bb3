#!/bin/bash
# Strips the device binary into .build/edge/ and prints what it weighs: size, what it needs of the
# system, memory and time until it serves, without a model and on a private broker.
set -euo pipefail
cd "$(dirname "$0")/.."

built=.build/release/edge-agent
out=$PWD/.build/edge
agent=$out/edge-agent
started=()
trap stop_all EXIT

main() {
    [ -x "$built" ] || fail "build first: make edge"
    for tool in mosquitto strip readelf nm; do
        command -v "$tool" >/dev/null || fail "$tool is missing: make deps"
    done
    if nm "$built" | grep -q -e '\$s10Foundation' -e '\$s20FoundationEssentials'; then
        fail "the binary holds Foundation"
    fi
    rm -rf "$out"
    mkdir -p "$out/run"
    strip -o "$agent" "$built"
    echo "binary    $(awk -v b="$(stat -c %s "$agent")" 'BEGIN { printf "%.2f MB", b / 1e6 }'), $agent"
    echo "needs     $(readelf -d "$agent" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' | paste -sd ' ')"
    start_broker
    # Any well-formed key will do: nobody signs with it.
    echo 'nacelle-ed25519-public 72640cc13f64cec84e2cc9cd863e60838c1d9f5305a255a534de2c4227c0e922' \
        '167db5b13ce43388' >"$out/run/key.pub"
    local millis=() number
    # The first start creates the store; the next five find it.
    for number in 0 1 2 3 4 5; do
        run_once
        [ "$number" = 0 ] && echo "first     $took ms until it listens, creating its store" ||
            millis+=("$took")
    done
    echo "start     $(printf '%s\n' "${millis[@]}" | sort -n | sed -n 3p) ms until it listens," \
        "median of 5"
    echo "memory    $(awk '/VmRSS/ { printf "%.1f MB resident", $2 / 1024 }' <<<"$memory"), of which" \
        "$(awk '/RssAnon/ { printf "%.1f MB", $2 / 1024 }' <<<"$memory") its own"
}

# Starts the agent, waits until it listens, and ends it: leaves `took` and `memory`.
run_once() {
    local begin log=$out/run/agent.log line
    begin=$(date +%s%N)
    coproc AGENT { exec "$agent" run --broker-host 127.0.0.1 --broker-port "$port" --fleet edge \
        --agent-id edge --data "$out/run/device" --public-key "$out/run/key.pub" 2>&1; }
    local pid=$AGENT_PID
    started+=("$pid")
    while read -r -t 20 line <&"${AGENT[0]}"; do
        echo "$line" >>"$log"
        case $line in *'ingest connected'*) break ;; esac
    done
    took=$((($(date +%s%N) - begin) / 1000000))
    memory=$(cat "/proc/$pid/status") || fail "the agent ended: $(tail -n 3 "$log")"
    kill "$pid"
    wait "$pid" || true
    started=("${started[0]}")
}

start_broker() {
    for _ in 1 2 3 4 5 6 7 8; do
        port=$((20000 + RANDOM % 40000))
        ! answers "$port" || continue
        printf 'listener %s 127.0.0.1\nallow_anonymous true\n' "$port" >"$out/run/mosquitto.conf"
        [ "$(id -u)" -ne 0 ] || echo 'user root' >>"$out/run/mosquitto.conf"
        mosquitto -c "$out/run/mosquitto.conf" >"$out/run/broker.log" 2>&1 &
        started=($!)
        until answers "$port" || ! kill -0 "${started[0]}" 2>/dev/null; do sleep 0.1; done
        kill -0 "${started[0]}" 2>/dev/null && return
    done
    fail "mosquitto did not start: $(cat "$out/run/broker.log")"
}

answers() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

stop_all() {
    local pid
    for pid in "${started[@]}"; do kill "$pid" 2>/dev/null || true; done
}

fail() {
    echo "edge: $1" >&2
    exit 1
}

main
