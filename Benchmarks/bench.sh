#!/bin/bash
# Measures the device's paths against their peers, in turns within one run, and writes the table into
# docs/performance.md.
#
#   Benchmarks/bench.sh quick    some minutes: make bench
#   Benchmarks/bench.sh full     more rounds, more readings, up to 100,000 units: make bench-full
#
# Models are trained once and kept in .build/bench: on a simulated fleet, or on NASA's files with
# CMAPSS=folder and SUBSET=FD001. The peers come from PyPI into .build/bench-venv.
set -euo pipefail
cd "$(dirname "$0")/.."

mode=${1:-quick}
bench=$PWD/.build/bench
venv=$PWD/.build/bench-venv
bin=$PWD/.build/release
office() { OMP_WAIT_POLICY=passive "$bin/backoffice" "$@" >>"$bench/log" 2>&1 || {
    tail -n 5 "$bench/log" >&2
    exit 1
}; }

[ -x "$bin/edge-agent" ] && [ -x "$bin/bench-inference" ] || {
    echo "bench: build first: make bench" >&2
    exit 1
}
if [ ! -e "$venv/installed" ]; then
    echo "bench: installing the peers" >&2
    python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check -r Benchmarks/requirements.txt
    touch "$venv/installed"
fi
source=${CMAPSS:-simulated}/${SUBSET:-}
if [ "$(cat "$bench/source" 2>/dev/null)" != "$source" ]; then
    echo "bench: training the models once, about a minute" >&2
    rm -rf "$bench"
    mkdir -p "$bench"
    if [ -n "${CMAPSS:-}" ]; then
        data=$CMAPSS subset=${SUBSET:-FD001}
    else
        data=$bench/data subset=SIM
        office simulate --out "$data" --units 100 --seed 7 --regimes 1 --fault-modes 1
    fi
    if [ -e "$data/test_$subset.txt" ]; then
        cp "$data/test_$subset.txt" "$bench/readings.txt"
    else
        gzip -dc "$data/test_$subset.txt.gz" >"$bench/readings.txt"
    fi
    office keys create --workspace "$bench/workspace"
    office preprocess --workspace "$bench/workspace" --data "$data" --subset "$subset"
    for type in xgboost lstm ensemble; do
        office train --workspace "$bench/workspace" --type "$type"
    done
    # The best of the three would be promoted, which may be a single one: the ensemble is measured.
    sqlite3 "$bench/workspace/registry.sqlite" "INSERT INTO promotion_history
        (time, decision, config_hash, version, score, reasons)
        SELECT 0, 'promoted', config_hash, version, 0, '[]'
        FROM model_versions JOIN runs USING (run_id) WHERE model_type = 'ensemble'"
    echo "$source" >"$bench/source"
fi
exec "$venv/bin/python" Benchmarks/bench.py "$mode" "$bin" "$bench"
