#!/bin/sh
# Wall time, processor time and peak memory of a full night, step by step, on NASA's files: every
# model type and the ensemble, evaluated, promoted and pushed through a private broker.
#
#   Benchmarks/night.sh CMAPSS-folder [SUBSET...]        FD001 FD002 FD003 FD004
#
# TRAIN_JOBS and TRAIN_MEMORY_MB are those of the night; BIN names the folder of the programs. Ends
# with a Markdown table. Wall time means little on a machine that does something else, too.
set -eu
cd "$(dirname "$0")/.."
data=${1:?"name the folder of C-MAPSS files: Benchmarks/night.sh CMAPSS-folder"}
shift
[ $# -gt 0 ] || set -- FD001 FD002 FD003 FD004
exec python3 Benchmarks/night.py "$data" "$@"
