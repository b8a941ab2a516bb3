#!/bin/sh
# Gives every decoder mutated inputs for a while, beginning with real payloads.
#
# Usage: Tests/Fuzz/fuzz.sh [SECONDS [DECODER...]]
#   SECONDS   for each decoder, 20 unless given
#   DECODER   all of them unless given
#
# What breaks a decoder is kept in Tests/Fuzz/Crashers/DECODER, where the suite FuzzTests finds it.
# Inputs that reach new code are kept in .build/fuzz/corpus, where the next run goes on from.
# Prints one line per decoder; ends with 1 if one broke.
set -eu
cd "$(dirname "$0")/../.."
seconds=${1:-20}
[ $# -eq 0 ] || shift

scratch=.build/fuzz
log=$scratch/build.log
mkdir -p "$scratch/corpus" "$scratch/runs"
echo "building the decoders with coverage, into $scratch" >&2
# libFuzzer brings a main of its own; the program's, named on the command line, comes first. Debian's
# default linker fails on that, the toolchain's does not.
if ! NACELLE_FUZZ=1 NACELLE_SUITES= swift build -c release --scratch-path "$scratch" \
    -Xswiftc -sanitize=fuzzer -Xlinker --allow-multiple-definition \
    -Xswiftc -Xclang-linker -Xswiftc -fuse-ld=lld --product Fuzz >"$log" 2>&1; then
    tail -n 40 "$log" >&2
    exit 1
fi
fuzz=$scratch/release/Fuzz
# A crash prints its message and ends; the debugger that would start takes minutes.
export SWIFT_BACKTRACE=enable=no
"$fuzz" seeds "$scratch/seeds"
cp -R Tests/Fuzz/Seeds/. "$scratch/seeds/"
[ $# -gt 0 ] || set -- $("$fuzz" list)

status=0
printf '%-14s %12s %10s %9s %s\n' decoder runs runs/s inputs result
for decoder in "$@"; do
    crashers=Tests/Fuzz/Crashers/$decoder
    corpus=$scratch/corpus/$decoder
    output=$scratch/runs/$decoder.log
    mkdir -p "$corpus" "$crashers"
    result=ok
    # 65,536 bytes is the largest payload that is parsed; bundles of the seeds have less.
    NACELLE_DECODER=$decoder "$fuzz" -max_total_time="$seconds" -max_len=65536 -timeout=10 \
        -rss_limit_mb=1024 -print_final_stats=1 -verbosity=1 -artifact_prefix="$crashers/" \
        "$corpus" "$scratch/seeds/$decoder" >"$output" 2>&1 || result=BROKEN
    if [ $result = BROKEN ]; then
        status=1
        grep -E 'Fatal error|ERROR|SUMMARY|Test unit written' "$output" | cut -c1-300 >&2 || true
    fi
    rmdir "$crashers" 2>/dev/null || true
    awk -v decoder="$decoder" -v inputs="$(ls "$corpus" | wc -l)" -v result=$result '
        /stat::number_of_executed_units/ { runs = $2 }
        /stat::average_exec_per_sec/ { rate = $2 }
        END { printf "%-14s %12d %10d %9d %s\n", decoder, runs, rate, inputs, result }
    ' "$output"
done
exit $status
