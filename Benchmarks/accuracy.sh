#!/bin/bash
# The accuracy of every model type and of ensembles on NASA's official test files: the bundles that
# would ship, decoded from their bytes and run by the device's code.
#
#   Benchmarks/accuracy.sh CMAPSS-folder [output-folder [seed ...]]
#
# SUBSETS (default "FD001 FD002"), MODELS and ENSEMBLES choose what is trained; seeds default to 1 to
# 5, each for the unit roles and the training. A subset's seed that was finished before is not done
# again. Ends with a Markdown table: mean ± standard deviation over the seeds.
set -euo pipefail
cd "$(dirname "$0")/.."

data=${1:?"name the folder of C-MAPSS files: Benchmarks/accuracy.sh CMAPSS-folder"}
out=${2:-.build/accuracy}
shift $(($# < 2 ? $# : 2))
seeds=("$@")
[ ${#seeds[@]} -gt 0 ] || seeds=(1 2 3 4 5)
read -ra subsets <<<"${SUBSETS:-FD001 FD002}"
read -ra models <<<"${MODELS:-xgboost lstm gru trend}"
read -ra ensembles <<<"${ENSEMBLES:-xgboost=0.6,lstm=0.4 xgboost=0.7,lstm=0.3}"
office=.build/release/backoffice
[ -x "$office" ] || { echo "build first: make build" >&2; exit 1; }
mkdir -p "$out"

file() { # the plain or gzip file of a name
    for path in "$data/$1.txt" "$data/$1.txt.gz"; do
        [ ! -e "$path" ] || { echo "$path"; return; }
    done
    echo "$data has no $1.txt, which is needed to score" >&2
    exit 1
}

run() { "$office" "$@" >>"$out/log" 2>&1 || { tail -n 5 "$out/log" >&2; exit 1; }; }

for subset in "${subsets[@]}"; do
    test=$(file "test_$subset")
    rul=$(file "RUL_$subset")
    for seed in "${seeds[@]}"; do
        report=$out/$subset-$seed.json
        [ ! -s "$report" ] || continue
        workspace=$out/$subset-$seed
        rm -rf "$workspace"
        begin=$SECONDS
        run preprocess --workspace "$workspace" --data "$data" --subset "$subset" \
            --roles official --roles-seed "$seed"
        for model in "${models[@]}"; do
            run train --workspace "$workspace" --type "$model" --seed "$seed"
        done
        for ensemble in "${ensembles[@]}"; do
            run train --workspace "$workspace" --type ensemble --seed "$seed" \
                --ensemble "$ensemble"
        done
        trained=$((SECONDS - begin))
        "$office" evaluate --workspace "$workspace" --protocol official --test "$test" \
            --rul "$rul" --expected-model-types "$(IFS=,; echo "${models[*]}")" \
            --purpose "docs/accuracy.md" --json >"$report.part" 2>>"$out/log"
        mv "$report.part" "$report"
        echo "$subset, seed $seed: trained in $trained s" >&2
    done
done

python3 Benchmarks/accuracy_table.py "$out" "${subsets[*]}" "${seeds[*]}" \
    "${models[*]} ${ensembles[*]}"
