#!/bin/bash
# Runs suites under the address sanitizer, and the real agent under the thread sanitizer.
#
# Usage: Tests/Sanitize/sanitize.sh [address] [thread]      both unless given
#
# Debug builds in .build/address and .build/thread; training is too slow in them, so the suites are
# those of core, adapters and device, and end to end those whose work the device does. What a
# sanitizer says goes to a file, and any file fails the run: the tests' own lines would still pass.
set -euo pipefail
cd "$(dirname "$0")/../.."
root=$PWD
[ $# -gt 0 ] || set -- address thread

core="StrictJSONTests PrognosticsTests InferenceTests ModelBundleTests EdgeProtocolTests"
core="$core EdgeCoreTests AdapterTests EdgeRuntimeTests ParquetTests FuzzTests"
# Threads: the agent's own, and the client library's in what talks to it.
threads="AdapterTests EndToEndTests"
# Files of the back office's programs are not instrumented: their training takes OpenMP's threads.
filter_threads='AdapterTests|EndToEndTests.(IngestTests|EngineEventTests|DamagedStoreTests)'
# Power cuts and destroyed pages are thousands of runs of C code that is not instrumented.
skip_address='PowerCutTests|SalvageTests|DiskBudgetStoreTests'

export SWIFT_BACKTRACE=enable=no
for sanitizer in "$@"; do
    scratch=$root/.build/$sanitizer
    reports=$scratch/reports
    mkdir -p "$scratch"
    rm -rf "$reports"
    mkdir "$reports"
    options="halt_on_error=1:exitcode=66:log_path=$reports/report"
    options="$options:suppressions=$root/Tests/Sanitize/$sanitizer.txt"
    build=(swift build --scratch-path "$scratch" --sanitize="$sanitizer")
    echo "== $sanitizer sanitizer: building into $scratch"
    case $sanitizer in
    address)
        # Swift's run-time keeps what it allocates once.
        export NACELLE_SUITES=$core ASAN_OPTIONS="$options:detect_leaks=0"
        "${build[@]}" --product nacellePackageTests
        run=(--skip "$skip_address")
        ;;
    thread)
        export NACELLE_SUITES=$threads TSAN_OPTIONS=$options NACELLE_PROGRAMS=$scratch/debug
        "${build[@]}" --product edge-agent
        "${build[@]}" --product nacellePackageTests
        run=(--filter "$filter_threads")
        ;;
    *)
        echo "'$sanitizer' is neither address nor thread" >&2
        exit 64
        ;;
    esac
    echo "== $sanitizer sanitizer: running ${NACELLE_SUITES}"
    status=0
    swift test --scratch-path "$scratch" --sanitize="$sanitizer" --skip-build "${run[@]}" ||
        status=$?
    for report in "$reports"/*; do
        [ -e "$report" ] || continue
        status=1
        echo "== $sanitizer sanitizer: $report" >&2
        head -n 60 "$report" >&2
    done
    [ "$status" -eq 0 ] || exit 1
done
