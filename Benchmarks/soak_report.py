"""Judges a soak: what was sent against the device's store and the pulled log, and the memory.

soak_report.py FOLDER UNITS CYCLES SECONDS [SVG]

Knows what was sent by arithmetic alone: every unit u1 to uUNITS, every cycle 1 to CYCLES, once; or,
where the publishers ended early, as many as their counts say in the order that they send in. Reads the pulled log only if there is one.
Prints a Markdown table of samples and ends with one JSON line; exit code 1 if a reading is missing,
doubled or not scored, or if memory grew.
"""

import glob
import json
import os
import re
import sqlite3
import sys

KEY = re.compile(rb'"kind":"reading".*?"unit":"u(\d+)","installation":(\d+),"cycle":(\d+),')
GROWTH_MAX = 0.05


def sent(folder, units, cycles):
    """How many cycles of each unit were sent, by the counts that the publishers left."""
    names = sorted(glob.glob(f"{folder}/sent.*"))
    last = [0] * (units + 1)
    for first, name in enumerate(names, start=1):
        own = range(first, units + 1, len(names))
        with open(name) as file:
            whole, rest = divmod(int(file.read()), len(own))
        for index, unit in enumerate(own):
            last[unit] = whole + (index < rest)
    return last


def samples(folder):
    with open(f"{folder}/samples.tsv") as file:
        names = file.readline().split()
        return [dict(zip(names, map(int, line.split()))) for line in file]


def pulled(folder, units, cycles, last):
    """Keys of the pulled log: how many lines, how many different keys, how many foreign ones."""
    seen = bytearray(units * cycles)
    lines = foreign = 0
    with open(f"{folder}/log.jsonl", "rb") as file:
        for line in file:
            match = KEY.search(line)
            if not match:
                continue
            lines += 1
            unit, installation, cycle = (int(group) for group in match.groups())
            if installation != 1 or not (1 <= unit <= units and 1 <= cycle <= last[unit]):
                foreign += 1
            else:
                seen[(unit - 1) * cycles + cycle - 1] = 1
    return lines, sum(seen), foreign


def stored(store, units, cycles, last):
    """Keys of the device's rows and of its released bits: how many, how many different, foreign."""
    names = {key: int(name[1:]) for key, name in store.execute("SELECT unit_id, name FROM units")}
    seen = bytearray(units * cycles)
    lines = foreign = 0

    def see(key, installation, cycle):
        nonlocal lines, foreign
        lines += 1
        unit = names[key]
        if installation != 1 or not (1 <= unit <= units and 1 <= cycle <= last[unit]):
            foreign += 1
        else:
            seen[(unit - 1) * cycles + cycle - 1] = 1

    for row in store.execute("SELECT unit_id, installation, cycle FROM readings"):
        see(*row)
    for key, installation, bits in store.execute(
            "SELECT unit_id, installation, cycles FROM released"):
        for index, byte in enumerate(bits):
            for bit in range(8):
                if byte >> bit & 1:
                    see(key, installation, index * 8 + bit + 1)
    return lines, sum(seen), foreign


def failed_pulls(folder):
    try:
        with open(f"{folder}/pulls.failed") as file:
            return len(file.readlines())
    except FileNotFoundError:
        return 0


def main():
    folder, units, cycles, seconds = sys.argv[1], *map(int, sys.argv[2:5])
    last = sent(folder, units, cycles)
    total = sum(last)
    store = sqlite3.connect(f"file:{folder}/device/nacelle.sqlite?mode=ro", uri=True)

    def ask(sql):
        return store.execute(sql).fetchone()[0]

    faults = []

    def expect(name, seen, expected):
        if seen != expected:
            faults.append(f"{name}: {seen}, not {expected}")

    counters = "received, scored, unscored, suppressed, late, quarantined, unprotected"
    names = counters.split(", ")
    row = dict(zip(names, store.execute(f"SELECT {counters} FROM progress").fetchone()))
    expect("received", row["received"], total + row["suppressed"])
    expect("scored", row["scored"], total)
    for name in ("unscored", "late", "quarantined", "unprotected"):
        expect(name, row[name], 0)
    whole = store.execute(
        "SELECT name, scored, last_cycle FROM units WHERE installation = 1 AND missing_cycles = 0 "
        "AND quarantined + late + unscored = 0")
    expect("units with every cycle",
           sum(scored == highest == last[int(name[1:])] for name, scored, highest in whole), units)
    kept = ask("SELECT count(*) FROM readings")
    released = ask("SELECT released + released_unpulled FROM progress")
    expect("kept and released", kept + released, total)
    lines, distinct, foreign = stored(store, units, cycles, last)
    expect("stored and released", lines, total)
    expect("keys stored or released", distinct, total)
    expect("foreign keys", foreign, 0)
    if os.path.exists(f"{folder}/log.jsonl"):
        pulled_lines, pulled_keys, foreign = pulled(folder, units, cycles, last)
        expect("pulled lines", pulled_lines, total)
        expect("pulled keys", pulled_keys, total)
        expect("foreign pulled keys", foreign, 0)
    expect("published through", ask("SELECT published_through FROM progress"),
           ask("SELECT last_sequence FROM progress"))

    rows = samples(folder)
    # The first quarter fills caches, the resident units and the budget.
    settled = [one for one in rows if one["received"] >= total // 4]
    half = len(settled) // 2
    if half == 0:
        sys.exit("soak: too few samples to judge memory by: take more READINGS or a smaller EVERY")
    before = max(one["rss_kb"] for one in settled[:half])
    after = max(one["rss_kb"] for one in settled[half:])
    if after > before * (1 + GROWTH_MAX):
        faults.append(f"memory grew from {before} to {after} KiB")

    print("| s | received | waiting | queue | RSS MB | store MB | log MB | broker MB |")
    print("|---|---|---|---|---|---|---|---|")
    every = max(1, len(rows) // 20)
    for one in rows[::every] + ([rows[-1]] if (len(rows) - 1) % every else []):
        print(f"| {one['second']} | {one['received']} | {one['waiting']} | {one['queue']} "
              f"| {one['rss_kb'] / 1024:.1f} | {one['store_bytes'] / 1e6:.0f} "
              f"| {one['wal_bytes'] / 1e6:.1f} | {one['broker_rss_kb'] / 1024:.1f} |")
    for fault in faults:
        print(f"soak: {fault}", file=sys.stderr)
    if len(sys.argv) > 5:
        draw(rows, sys.argv[5], units, total)
    print(json.dumps({
        "readings": total, "units": units, "seconds": seconds,
        "readings_per_second": round(total / max(1, seconds)),
        "lost": total - distinct, "scored_twice": lines - distinct,
        "suppressed": row["suppressed"], "kept": kept, "released": released,
        "rss_mb_max": round(max(one["rss_kb"] for one in rows) / 1024, 1),
        "rss_mb_first_half": round(before / 1024, 1),
        "rss_mb_second_half": round(after / 1024, 1),
        "store_mb_max": round(max(one["store_bytes"] for one in rows) / 1e6, 1),
        "log_mb_max": round(max(one["wal_bytes"] for one in rows) / 1e6, 1),
        "waiting_max": max(one["waiting"] for one in rows),
        "pulls_failed": failed_pulls(folder),
    }, separators=(",", ":")))
    sys.exit(1 if faults else 0)


def draw(rows, path, units, total):
    """RSS over readings, as an SVG of one line."""
    width, height, left, bottom = 640, 220, 56, 40
    top_mb = max(one["rss_kb"] for one in rows) / 1024 * 1.25
    step = 10 if top_mb > 30 else 5

    def place(one):
        x = left + (width - left - 16) * one["received"] / total
        y = height - bottom - (height - bottom - 24) * one["rss_kb"] / 1024 / top_mb
        return f"{x:.1f},{y:.1f}"

    points = " ".join(place(one) for one in rows)
    lines = []
    level = 0
    while level <= top_mb:
        y = height - bottom - (height - bottom - 24) * level / top_mb
        lines.append(
            f'<path d="M{left} {y:.1f}H{width - 16}" stroke="#ddd"/>'
            f'<text x="{left - 8}" y="{y + 4:.1f}" text-anchor="end">{level}</text>')
        level += step * (2 if top_mb > 80 else 1)
    for part in range(6):
        x = left + (width - left - 16) * part / 5
        label = f"{total * part / 5 / 1e6:g}"
        lines.append(f'<text x="{x:.1f}" y="{height - 22}" text-anchor="middle">{label}</text>')
    with open(path, "w") as file:
        file.write(
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
            f'font-family="sans-serif" font-size="12" fill="#333">\n'
            f'<rect width="{width}" height="{height}" fill="#fff"/>\n'
            f'<text x="{left}" y="14">Resident memory of the agent in MB, {units} units</text>\n'
            + "\n".join(lines)
            + f'\n<text x="{width - 16}" y="{height - 6}" text-anchor="end">'
              f'readings received, millions</text>\n'
              f'<polyline points="{points}" fill="none" stroke="#1f6f8b" stroke-width="1.5"/>\n'
              f'</svg>\n')


main()
