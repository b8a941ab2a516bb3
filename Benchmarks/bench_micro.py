"""Predictions and features one at a time, in turns with the peers that run the same models."""

import os
import subprocess
import time

import numpy as np
import tl2cgen
import treelite

from peer_models import Unit


class Ours:
    """bench-inference, asked line by line."""

    def __init__(self, program, bundle, readings):
        self.process = subprocess.Popen(
            [program, bundle, readings], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return self.process.stdout.readline()

    def nanos(self, line):
        return float(self.ask(line))


def inputs(models, readings, count=512):
    """Windows and features of the first readings, as bench-inference has them."""
    windows, engineered, unit, before = [], [], None, None
    with open(readings) as lines:
        for _, line in zip(range(count), lines):
            words = line.split()
            if words[0] != before:
                unit, before = Unit(models.bundle), words[0]
            unit.append(int(words[1]), np.array(words[2:], np.float32).astype(float))
            windows.append(unit.window())
            engineered.append(unit.engineered())
    return np.array(windows), np.array(engineered)


def nanos(count, body):
    start = time.perf_counter_ns()
    for index in range(count):
        body(index)
    return (time.perf_counter_ns() - start) / count


def compiled_trees(models, folder, rows):
    """Nanoseconds per row of the trees compiled by tl2cgen, called from C; None without a compiler."""
    source = os.path.join(folder, "trees")
    model = treelite.frontend.from_xgboost(models.booster)
    tl2cgen.generate_c_code(model, dirpath=source, params={"parallel_comp": 0})
    np.ascontiguousarray(rows, np.float32).tofile(os.path.join(folder, "rows.f32"))
    with open(os.path.join(source, "time.c"), "w") as file:
        file.write(TIMER.replace("COLUMNS", str(rows.shape[1])).replace("ROWS", str(len(rows))))
    program = os.path.join(folder, "trees-timer")
    files = [os.path.join(source, name) for name in os.listdir(source) if name.endswith(".c")]
    for compiler in ("gcc", "clang"):
        try:
            subprocess.run([compiler, "-O2", *files, "-lm", "-o", program], check=True)
            break
        except (OSError, subprocess.CalledProcessError):
            program = None
    if program is None:
        return None
    path = os.path.join(folder, "rows.f32")
    return lambda: float(subprocess.run(
        [program, path], check=True, capture_output=True, text=True).stdout)


TIMER = """
#include <stdio.h>
#include <time.h>
#include "header.h"
static union Entry rows[ROWS][COLUMNS];
int main(int count, char **words) {
    FILE *file = fopen(words[1], "rb");
    if (count < 2 || !file || fread(rows, sizeof rows[0], ROWS, file) != ROWS) return 1;
    struct timespec start, end;
    float result[8], sum = 0;
    for (int turn = 0; turn < 11; turn++) {
        if (turn == 1) clock_gettime(CLOCK_MONOTONIC, &start);
        for (int row = 0; row < ROWS; row++) {
            union Entry copy[COLUMNS];
            for (int i = 0; i < COLUMNS; i++) copy[i] = rows[row][i];
            predict(copy, 1, result);
            sum += result[0];
        }
    }
    clock_gettime(CLOCK_MONOTONIC, &end);
    double nanos = (end.tv_sec - start.tv_sec) * 1e9 + end.tv_nsec - start.tv_nsec;
    printf("%f\\n", nanos / 10 / ROWS + 0 * sum);
}
"""


def measure(models, ours, readings, folder, rounds):
    """Per contender the nanoseconds of each round."""
    windows, engineered = inputs(models, readings)
    rows = np.ascontiguousarray(engineered[:, models.columns])
    disagreement = 0.0
    sessions = {"ORT float": models.session(models.float_path)}
    sessions["ORT int8"] = models.session(models.int8_path)
    ours.process.stdin.write("agree 512\n")
    ours.process.stdin.flush()
    mine = np.array([ours.process.stdout.readline().split() for _ in range(512)], float)
    theirs = models.rul(sessions["ORT float"], windows, engineered)
    mine = mine @ np.array(models.weight)
    disagreement = float(np.sqrt(((mine - theirs) ** 2).mean()))
    steps = [np.ascontiguousarray(w[:, None, :]) for w in windows]
    trees = compiled_trees(models, folder, rows)
    variants = ours.ask("variants").split()
    results = {}

    def note(name, value):
        results.setdefault(name, []).append(value)

    for _ in range(rounds):
        for variant in variants:
            note(f"lstm {variant}", ours.nanos(f"lstm {variant} 2000"))
        for name, session in sessions.items():
            note(name, nanos(1000, lambda i: session.run(None, {"x": steps[i % 512]})))
        note("trees", ours.nanos("trees 20000"))
        if trees:
            note("tl2cgen", trees())
        note("xgboost", nanos(500, lambda i: models.booster.inplace_predict(rows[i % 512][None])))
        for what in ("plan", "features", "row", "json"):
            note(what, ours.nanos(f"{what} 5000"))
    return results, variants, disagreement
