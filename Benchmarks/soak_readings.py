"""Writes C-MAPSS rows of many units to standard output, never far ahead of the agent.

soak_readings.py STORE FIRST LAST STEP CYCLES AHEAD COUNT_FILE SECONDS

Units FIRST, FIRST + STEP ... LAST fly in turn, cycle by cycle: the order in which least recently
used units leave soonest. Every second or so it looks into the device's store and waits while the
agent has AHEAD readings of all publishers before it, which COUNT_FILE.* say. Ends early after
SECONDS, unless that is 0; COUNT_FILE.FIRST then says how many rows it wrote.
"""

import glob
import os
import sqlite3
import sys
import time

BASE = [
    -0.0007, -0.0004, 100, 518.67, 641.82, 1589.7, 1400.6, 14.62, 21.61, 554.36, 2388.06, 9046.19,
    1.3, 47.47, 521.66, 2388.02, 8138.62, 8.4195, 0.03, 392, 2388, 100, 39.06, 23.419,
]
KINDS = 97
LOOK_EVERY = 2000


def rows_of(cycle):
    """The 97 different rows of a cycle: drift with age, and a noise that repeats."""
    columns = []
    for index, base in enumerate(BASE, start=1):
        noise = [(cycle * (index + 7) + kind) % KINDS / KINDS - 0.5 for kind in range(KINDS)]
        columns.append([f" {base * (1 + one / 500 + cycle * 2e-6):.4f}" for one in noise])
    return ["".join(column[kind] for column in columns) for kind in range(KINDS)]


def received(store):
    return store.execute("SELECT received FROM progress").fetchone()[0]


def sent(pattern):
    total = 0
    for name in glob.glob(pattern + ".*"):
        with open(name) as file:
            total += int(file.read() or 0)
    return total


def main():
    path, first, last, step, cycles, ahead = sys.argv[1], *map(int, sys.argv[2:7])
    pattern, seconds = sys.argv[7], int(sys.argv[8])
    deadline = time.monotonic() + seconds if seconds else float("inf")
    own, part = f"{pattern}.{first}", f"{pattern}-part.{first}"
    store = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=30, isolation_level=None)
    out = sys.stdout.buffer
    count = 0
    units = range(first, last + 1, step)
    for cycle in range(1, cycles + 1):
        rows = rows_of(cycle)
        for start in range(0, len(units), LOOK_EVERY):
            if time.monotonic() > deadline:
                return
            piece = units[start:start + LOOK_EVERY]
            out.write("".join(
                f"u{unit} {cycle}{rows[unit * 131 % KINDS]}\n" for unit in piece).encode())
            out.flush()
            count += len(piece)
            # Replaced whole, so that nobody reads half a number.
            with open(part, "w") as file:
                file.write(str(count))
            os.rename(part, own)
            while sent(pattern) - received(store) > ahead:
                time.sleep(0.05)


main()
