#!/bin/sh
# Kills a night of the back office with SIGKILL at random instants of its whole length, resumes it,
# and compares everything that it leaves with a night that nobody disturbed.
#
#   Tests/Kill/night-kill-test.sh [KILLS [SEED]]      200 kills under seed 1
#
# BIN names the folder of the programs. Exit code 1 with a sentence if something differs or was done
# twice; the last line is JSON.
set -eu
exec python3 "$(dirname "$0")/night_kills.py" --kills "${1:-200}" --seed "${2:-1}"
