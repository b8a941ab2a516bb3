"""Prints the reports that accuracy.sh left as a Markdown table: mean ± sd over the seeds."""

import json
import statistics
import sys

folder, subsets, seeds, models = sys.argv[1], *(words.split() for words in sys.argv[2:])


def spread(values, digits):
    deviation = statistics.stdev(values) if len(values) > 1 else 0.0
    return f"{statistics.mean(values):.{digits}f} ± {deviation:.{digits}f}"


for subset in subsets:
    nights = [json.load(open(f"{folder}/{subset}-{seed}.json")) for seed in seeds]
    print(f"\n{subset}, official test file, seeds {', '.join(seeds)}\n")
    print("| model | RMSE capped | each seed | uncapped | MAE | PHM08 | inside, width "
          "| RUL ≤ 30: inside, width | bytes |")
    print("|---|---|---|---|---|---|---|---|---|")
    # Reports come in the order of training.
    for model, runs in zip(models, zip(*nights, strict=True), strict=True):
        def each(*path):
            values = runs
            for key in path:
                values = [value[key] for value in values]
            return values

        rmse, sizes = each("capped", "rmse"), each("bundle_bytes")
        interval, near = "interval", "interval_rul_30"
        print(
            f"| {model} | {spread(rmse, 2)} | {' '.join(f'{value:.2f}' for value in rmse)} "
            f"| {spread(each('uncapped', 'rmse'), 2)} | {spread(each('capped', 'mae'), 2)} "
            f"| {spread(each('capped', 'phm08'), 0)} "
            f"| {spread(each(interval, 'coverage'), 3)}, {spread(each(interval, 'mean_width'), 1)} "
            f"| {spread(each(near, 'coverage'), 3)}, {spread(each(near, 'mean_width'), 1)} "
            f"| {min(sizes):,} to {max(sizes):,} |")
