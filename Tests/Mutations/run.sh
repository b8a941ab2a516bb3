#!/bin/bash
# Puts one deliberate fault after the other into a copy of the program, and says which suite
# notices.
#
# Usage: Tests/Mutations/run.sh [PATCH...]      all of Tests/Mutations/*.patch unless given
#        Tests/Mutations/run.sh --check         only whether every patch still applies
#
# A patch begins with the promise that it breaks, the suite that must notice, and the programs that
# the suite starts, if any. The copy is the last commit, in .build/mutations; it is built without
# whole-module optimization, so that a patch costs the modules it touches. Each suite runs
# on the unchanged program first: where that fails, nothing else it says counts.
#
# Prints a table, then one line of JSON; ends with 1 unless every fault was caught.
set -euo pipefail
cd "$(dirname "$0")/../.."
root=$PWD

field() { sed -n "s/^$1: //p;/^---/q" "$2"; }

if [ "${1:-}" = --check ]; then
    status=0
    for patch in Tests/Mutations/*.patch; do
        if [ -z "$(field Promise "$patch")" ] || [ -z "$(field Suite "$patch")" ]; then
            echo "$patch: its first lines are no 'Promise: …' and 'Suite: …'" >&2
            status=1
        fi
        git apply --check "$patch" || status=1
    done
    exit $status
fi

patches=("$@")
[ $# -gt 0 ] || patches=(Tests/Mutations/*.patch)
work=$root/.build/mutations
tree=$work/tree
logs=$work/logs
mkdir -p "$logs"
commit=$(git rev-parse HEAD)
if [ -e "$tree/Package.swift" ]; then
    git -C "$tree" checkout --quiet --force --detach "$commit"
else
    git worktree prune
    git worktree add --quiet --detach "$tree" "$commit"
fi
mkdir -p "$tree/.build"
# The dependencies that the program is built with; they are in SwiftPM's cache.
[ ! -e "$root/Package.resolved" ] || cp "$root/Package.resolved" "$tree/"
# The suites look for the programs where a release build leaves them.
ln -sfn debug "$tree/.build/release"
[ ! -d "$root/.build/oracle-venv" ] || ln -sfn "$root/.build/oracle-venv" "$tree/.build/oracle-venv"
export SWIFT_BACKTRACE=enable=no

# Builds what a suite and its programs need; the suite's target is what stands before the dot.
build() {
    local flags=(-c debug -Xswiftc -O)
    cd "$tree"
    export NACELLE_SUITES=${1%%.*}
    for product in $2 nacellePackageTests; do
        swift build "${flags[@]}" --product "$product" || return 1
    done
}

run() {
    cd "$tree"
    export NACELLE_SUITES=${1%%.*}
    timeout --kill-after=10 300 \
        swift test -c debug -Xswiftc -O --skip-build --filter "$1"
}

declare -A sound
caught=0
missed=0
broken=0
printf '%-42s %-11s %s\n' mutation result 'noticed by'
for patch in "${patches[@]}"; do
    name=$(basename "$patch" .patch)
    suite=$(field Suite "$patch")
    programs=$(field Programs "$patch")
    log=$logs/$name.log
    if [ -z "${sound[$suite]:-}" ]; then
        sound[$suite]=no
        if (build "$suite" "$programs" && run "$suite") >"$logs/unchanged-$suite.log" 2>&1; then
            sound[$suite]=yes
        fi
    fi
    by=$suite
    git -C "$tree" apply "$root/$patch"
    if [ "${sound[$suite]}" = no ]; then
        result='NO BASIS'
        by="$suite fails on the unchanged program"
        broken=$((broken + 1))
    elif ! (build "$suite" "$programs") >"$log" 2>&1; then
        result='NOT BUILT'
        by=$(awk '/error:/ { print substr($0, 1, 90); exit }' "$log")
        broken=$((broken + 1))
    elif (run "$suite") >>"$log" 2>&1; then
        result='NOT CAUGHT'
        missed=$((missed + 1))
    else
        result=caught
        caught=$((caught + 1))
        test=$(awk -F ' recorded an issue' '/ Test .* recorded an issue/ {
            sub(/^.* Test /, "", $1); print substr($1, 1, 90); exit }' "$log")
        trap=$(awk -F 'Fatal error: ' '/Fatal error: / {
            print "the program stops itself: " substr($2, 1, 70); exit }' "$log")
        by="$suite: ${test:-${trap:-it crashed or hung}}"
    fi
    git -C "$tree" checkout --quiet --force .
    printf '%-42s %-11s %s\n' "$name" "$result" "$by"
done
printf '{"mutations":%d,"caught":%d,"not_caught":%d,"not_run":%d}\n' \
    "${#patches[@]}" "$caught" "$missed" "$broken"
[ "$caught" -eq "${#patches[@]}" ]
