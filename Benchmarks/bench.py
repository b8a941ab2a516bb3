"""Runs all measurements and writes the table into docs/performance.md; see bench.sh."""

import logging
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from statistics import median

import bench_ingest
import bench_micro
import bench_profile
import numpy
import onnxruntime
import xgboost
from peer_models import Models

BEGIN, END = "<!-- figures: written by Benchmarks/bench.py -->", "<!-- end of figures -->"
PAGE = os.path.join(os.path.dirname(__file__), "..", "docs", "performance.md")
FULL = sys.argv[1] == "full"
ROUNDS = 11 if FULL else 5
READINGS = 50_000 if FULL else 16_000
PEER_READINGS = 10_000 if FULL else 3_000
LATENCIES = 4_000 if FULL else 800
GROWTH = [(10, 20_000), (1_000, 20_000), (10_000, 20_000)]
if FULL:
    GROWTH.append((100_000, 200_000))


def say(text):
    print(f"{time.monotonic() - STARTED:6.0f} s  {text}", file=sys.stderr, flush=True)


def micros(values):
    return f"{median(values) / 1e3:.2f} µs"


def ratio(slower, faster):
    """The median over the rounds of how often the faster one fits into the slower one."""
    return f"{median(s / f for s, f in zip(slower, faster)):.1f}×"


def better(results, *names):
    names = [name for name in names if name in results]
    return min(names, key=lambda name: median(results[name]))


def micro_rows(results, variants):
    peer = better(results, "ORT float", "ORT int8")
    rows = []
    for variant in reversed(variants):
        own = results[f"lstm {variant}"]
        rows.append((
            f"LSTM 64-32 with attention, one window, int8, {variant}", micros(own),
            f"{peer} {micros(results[peer])}", ratio(results[peer], own),
            "3×, 6×" if variant == variants[-1] else ""))
    other = "ORT int8" if peer == "ORT float" else "ORT float"
    rows.append((f"the same, {other}", "", micros(results[other]), "", ""))
    peer = better(results, "tl2cgen", "xgboost")
    rows.append((
        "XGBoost, one row", micros(results["trees"]),
        f"{'tl2cgen, called from C' if peer == 'tl2cgen' else 'inplace_predict'} "
        f"{micros(results[peer])}", ratio(results[peer], results["trees"]), "2×, 5×"))
    rows.append((
        "the same, xgboost `inplace_predict`", "", micros(results["xgboost"]),
        ratio(results["xgboost"], results["trees"]), ""))
    for name, what in [
        ("plan", "the ensemble's whole prediction"),
        ("features", "one reading into features, window and 152 numbers"),
        ("row", "decoding a row of 26 columns"), ("json", "decoding the same in JSON"),
    ]:
        rows.append((what, micros(results[name]), "", "", ""))
    return rows


def ingest_rows(bench, models):
    agent = bench.agent("bench-agent", models.run_id)
    own = "turbofan/v1/bench"
    peer = bench.peer()
    ours, theirs, sinks = [], [], []
    for number in range(ROUNDS):
        say(f"throughput, round {number + 1} of {ROUNDS}")
        ours.append(bench.throughput(own, READINGS, 100, agent.pid))
        theirs.append(bench.throughput("peer", PEER_READINGS, 100, peer.pid))
        sinks.append(bench.throughput("sink", READINGS, 100, None, predictions=False))
    rates = [[run["rate"] for run in runs] for runs in (ours, theirs, sinks)]
    costs = [[run["micros"] for run in runs] for runs in (ours, theirs)]
    rows = [
        ("QoS 1 readings/s: durable, scored by the ensemble, predictions out",
         f"{median(rates[0]):,.0f}/s", f"Python {median(rates[1]):,.0f}/s",
         ratio(rates[0], rates[1]), "4×, 8×"),
        ("the same against `mosquitto_sub -q 1` receiving", f"{median(rates[0]):,.0f}/s",
         f"{median(rates[2]):,.0f}/s", f"{median(a / b for a, b in zip(rates[0], rates[2])):.2f}",
         "0.3, 0.5"),
        ("processor time of the broker per reading", f"{median(r['broker'] for r in ours):.0f} µs",
         f"Python {median(r['broker'] for r in theirs):.0f} µs", "", ""),
        ("processor time per reading, all threads", f"{median(costs[0]):.0f} µs",
         f"Python {median(costs[1]):.0f} µs", ratio(costs[1], costs[0]), ""),
    ]
    middle, tail = [[], []], [[], []]
    for number in range(ROUNDS):
        say(f"latency, round {number + 1} of {ROUNDS}")
        for side, prefix in enumerate((own, "peer")):
            took = bench.latency(prefix, LATENCIES, 200)
            middle[side].append(took[len(took) // 2])
            tail[side].append(took[len(took) * 99 // 100])
    sync = bench_ingest.sync_millis(bench.folder)
    rows += [
        ("reading in → prediction out at 200/s, p50", f"{median(middle[0]):.2f} ms",
         f"Python {median(middle[1]):.2f} ms", ratio(middle[1], middle[0]), ""),
        ("the same, p99", f"{median(tail[0]):.2f} ms", f"Python {median(tail[1]):.2f} ms",
         ratio(tail[1], tail[0]), f"2×, one sync ({sync:.2f} ms) + 2 ms"),
    ]
    bench.throughput("peer", PEER_READINGS, 1_000, peer.pid)
    say("profile")
    profile = bench_profile.measure(bench, agent, own, READINGS, median(costs[0]))
    return rows + [memory_row(bench, models, peer)], sync, profile


def memory_row(bench, models, peer):
    say("1,000 units")
    agent = bench.agent("memory-agent", models.run_id, fleet="memory")
    idle = bench_ingest.memory_megabytes(agent.pid)
    bench.throughput("turbofan/v1/memory", READINGS, 1_000, agent.pid)
    most = [bench_ingest.memory_megabytes(process.pid, "VmHWM") for process in (agent, peer)]
    return (
        f"RSS with the model, 1,000 units, under load (idle {idle:.1f} MB)", f"{most[0]:.1f} MB",
        f"Python {most[1]:.0f} MB", ratio(most[1:], most[:1]), "20, 12 MB")


def growth_rows(bench, models):
    agent = bench.agent("growth-agent", models.run_id, fleet="growth", resident_units="100000")
    costs = []
    bench.throughput("turbofan/v1/growth", 10_000, 100, agent.pid)
    for units, count in GROWTH:
        say(f"growth, {units:,} units")
        costs.append(bench.throughput("turbofan/v1/growth", count, units, agent.pid)["micros"])
    return [
        (f"processor time per reading with {units:,} units ({count // units} readings each)",
         f"{cost:.0f} µs", f"10 units {costs[0]:.0f} µs", f"{cost / costs[0]:.2f}×", "1.3×, flat")
        for (units, count), cost in list(zip(GROWTH, costs))[1:]]


def size_row(bin, folder):
    stripped = os.path.join(folder, "edge-agent")
    subprocess.run(["strip", "-o", stripped, os.path.join(bin, "edge-agent")], check=True)
    size = os.path.getsize(stripped) / 1e6
    return ("device binary, stripped, static Swift runtime", f"{size:.1f} MB", "", "", "12, 8 MB")


def processor():
    with open("/proc/cpuinfo") as file:
        names = [line.split(":", 1)[1].strip() for line in file if line.startswith("model name")]
    return f"{len(names)} × {names[0] if names else platform.processor()}"


def versions():
    def first(*command):
        out = subprocess.run(command, capture_output=True, text=True)
        return (out.stdout + out.stderr).splitlines()[0].strip()

    return (
        f"{first('mosquitto', '-h')}; {first('swift', '--version')}; Linux {platform.release()}; "
        f"Python {platform.python_version()}, ONNX Runtime {onnxruntime.__version__}, "
        f"XGBoost {xgboost.__version__}, NumPy {numpy.__version__}")


def profile_lines(profile):
    rows, samples = profile
    if not rows:
        return ["perf is not installed, so there is no profile (`apt-get install linux-perf`)."]
    lines = [
        f"Where the agent's processor time goes, {samples:,} samples of a run like those above:", "",
        "| what | µs per reading |", "|---|---|"]
    return lines + [f"| {name} | {cost:.1f} |" for name, cost in rows]


def write(rows, notes, profile):
    lines = [BEGIN, ""] + notes + ["", "| what | Nacelle | peer | ratio | par, goal |",
                                   "|---|---|---|---|---|"]
    lines += ["| " + " | ".join(row) + " |" for row in rows] + [""]
    lines += profile_lines(profile) + ["", END]
    text = "\n".join(lines)
    print(text)
    with open(PAGE) as file:
        page = file.read()
    start, end = page.index(BEGIN), page.index(END) + len(END)
    with open(PAGE, "w") as file:
        file.write(page[:start] + text + page[end:])


def main():
    bin, kept = sys.argv[2], sys.argv[3]
    logging.getLogger().setLevel(logging.ERROR)
    folder = tempfile.mkdtemp(prefix="nacelle-bench-", dir=kept)
    readings, load = f"{kept}/readings.txt", os.getloadavg()[0]
    models = Models(f"{kept}/workspace", folder)
    ours = bench_micro.Ours(f"{bin}/bench-inference", models.path, readings)
    say("predictions one at a time")
    results, variants, disagreement = bench_micro.measure(models, ours, readings, folder, ROUNDS)
    ours.process.stdin.close()
    rows = micro_rows(results, variants)
    bench = bench_ingest.Bench(bin, f"{kept}/workspace", folder, readings)
    try:
        bench.push("bench")
        bench.push("growth")
        bench.push("memory")
        ingest, sync, profile = ingest_rows(bench, models)
        rows += ingest + growth_rows(bench, models)
    finally:
        bench.stop()
    rows.append(size_row(bin, folder))
    shutil.rmtree(folder)
    trees = models.bundle[f"member{models.trees_index}.trees.nodes_bin"]
    write(rows, [
        f"`make bench{'-full' if FULL else ''}` on {time.strftime('%Y-%m-%d', time.gmtime())}, "
        f"{processor()}, load {load:.1f} at the start, in {time.monotonic() - STARTED:.0f} s.",
        f"{versions()}.", "",
        f"Medians of {ROUNDS} rounds; in a round the contenders take turns, and a ratio is the median "
        f"of the rounds' ratios. {READINGS:,} readings a round ({PEER_READINGS:,} for Python). The "
        f"models have {len(trees):,} inner nodes and one LSTM; ours and the peers' ensembles differ "
        f"by {disagreement:.2f} cycle RMS. Writing 4 KiB and syncing it took {sync:.2f} ms.",
    ], profile)


STARTED = time.monotonic()
main()
