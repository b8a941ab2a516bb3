#!/bin/bash
# Runs suites under the address or the thread sanitizer, and fails on anything that one reports.
#
# Usage: Tests/Sanitize/sanitize.sh address|thread [FILTER]
#   FILTER  a regular expression of tests, as `swift test --filter` takes it
#
# address  the suites whose code, or whose C libraries, hold bare pointers: decoders, store, adapters,
#          inference.
# thread   the trainers' threads, and the real agent, built with the sanitizer, against a real broker:
#          ingest and model delivery. The back office that trains for it is .build/release's.
#
# Builds into .build/sanitize-NAME, optimized and without whole modules. First a program with a known
# fault must be reported: a sanitizer that sees nothing would pass everything. Every process writes
# its reports to files of its own, because tests throw away what their children say. Prints one line.
set -euo pipefail
cd "$(dirname "$0")/../.."
root=$PWD
kind=${1:-}
case $kind in
address)
    suites='StrictJSONTests InferenceTests EdgeProtocolTests AdapterTests EdgeRuntimeTests
        ParquetTests FuzzTests'
    products=nacellePackageTests
    filter=${2:-.}
    # Heap objects end with the process; what leaks while it runs is the soak's question.
    options=detect_leaks=0:detect_stack_use_after_return=1
    # Thousands of stores each: the same code runs in the other suites of the store.
    skip='PowerCutTests|StoredWorldTests|DiskBudgetStoreTests'
    ;;
thread)
    suites='TrainingTests AdapterTests EndToEndTests'
    products='edge-agent nacellePackageTests'
    # An LSTM takes a hundred times as long under this sanitizer, and its agent gives up waiting.
    filter=${2:-RecurrentTrainerTests|RecurrentGradientTests|Mosquitto|IngestTests|ModelDelivery}
    skip=swapToOtherType
    options=halt_on_error=0
    ;;
*)
    sed -n '2,16s/^# \{0,1\}//p' "$0" >&2
    exit 64
    ;;
esac
scratch=$root/.build/sanitize-$kind
reports=$scratch/reports
log=$scratch/run.log
rm -rf "$reports"
mkdir -p "$reports"
suites=$(echo $suites)
export NACELLE_SUITES=$suites NACELLE_SANITIZE=$kind
# A fault prints its message and ends; the debugger that would start takes minutes.
export SWIFT_BACKTRACE=enable=no
started=$SECONDS

# The sanitizer's own variable, ASAN_OPTIONS or TSAN_OPTIONS, with reports under a name.
options_for() {
    case $kind in
    address) echo "ASAN_OPTIONS=$options:log_path=$1" ;;
    thread) echo "TSAN_OPTIONS=$options:log_path=$1" ;;
    esac
}

# A program that reads behind its memory, or whose two threads write to one place.
check_the_sanitizer() {
    case $kind in
    address)
        cat >"$scratch/broken.swift" <<'PROGRAM'
let bytes = UnsafeMutablePointer<UInt8>.allocate(capacity: 8)
print(bytes[Int(CommandLine.argc) + 7])
PROGRAM
        ;;
    thread)
        cat >"$scratch/broken.swift" <<'PROGRAM'
import Glibc
let shared = UnsafeMutablePointer<Int>.allocate(capacity: 1)
shared.pointee = 0
var thread = pthread_t()
pthread_create(&thread, nil, { place in
    place?.assumingMemoryBound(to: Int.self).pointee += 1
    return nil
}, shared)
shared.pointee += 1
pthread_join(thread, nil)
print(shared.pointee)
PROGRAM
        ;;
    esac
    # The linker warns of hundreds of symbols that it does not export.
    swiftc -O -swift-version 5 -sanitize="$kind" "$scratch/broken.swift" -o "$scratch/broken" \
        >"$scratch/check.log" 2>&1 || {
        tail -n 20 "$scratch/check.log" >&2
        exit 1
    }
    env "$(options_for "$scratch/expected")" "$scratch/broken" >/dev/null 2>&1 || true
    grep -qs "Sanitizer: " "$scratch"/expected.* || {
        echo "sanitize: the $kind sanitizer does not report a known fault on this machine" >&2
        exit 1
    }
    rm -f "$scratch"/expected.*
}

check_the_sanitizer
echo "building for the $kind sanitizer, into $scratch" >&2
flags=(-c debug -Xswiftc -O --sanitize "$kind" --scratch-path "$scratch")
if [ "$kind" = thread ]; then
    clang -O2 -fsanitize=thread -c Tests/Sanitize/mutex.c -o "$scratch/mutex.o"
    flags+=(-Xlinker "$scratch/mutex.o")
fi
for product in $products; do
    if ! swift build "${flags[@]}" --product "$product" \
        >"$scratch/build.log" 2>&1; then
        tail -n 40 "$scratch/build.log" >&2
        exit 1
    fi
done
built=$((SECONDS - started))
if [ "$kind" = thread ]; then
    mkdir -p "$scratch/programs"
    ln -sfn "$scratch/debug/edge-agent" "$scratch/programs/edge-agent"
    ln -sfn "$root/.build/release/backoffice" "$scratch/programs/backoffice"
    export NACELLE_PROGRAMS=$scratch/programs
fi

status=0
env "$(options_for "$reports/report")" timeout --kill-after=10 1200 \
    swift test "${flags[@]}" --skip-build --filter "$filter" --skip "$skip" >"$log" 2>&1 || status=$?
passed=$(sed -n 's/.*Test run with \([0-9]* tests\{0,1\} in [0-9]* suites\{0,1\}\) .*/\1/p' "$log" |
    tail -n 1)
count=$(find "$reports" -type f | wc -l)
for report in "$reports"/*; do
    [ -e "$report" ] || continue
    echo "--- $report" >&2
    head -n 60 "$report" >&2
done
# A report on standard error is one, too: a process may begin before it has read where to write.
if grep -E 'WARNING: ThreadSanitizer|ERROR: (Address|Leak)Sanitizer' "$log" >&2; then
    count=$((count + 1))
fi
if [ $status -ne 0 ]; then
    grep -E 'recorded an issue|Fatal error|failed after' "$log" | head -n 40 >&2 || true
fi
echo "$kind sanitizer: ${passed:-no tests}, $count reports, exit $status," \
    "built in $built s, run in $((SECONDS - started - built)) s"
[ "$count" -eq 0 ] && [ $status -eq 0 ] && [ -n "$passed" ]
