"""Where the agent's processor time goes, from samples of its stacks by perf."""

import os
import re
import shutil
import subprocess

from bench_ingest import wait_for

# A stack belongs to the first rule that any of its frames matches.
RULES = [
    ("inference", r"int8_|InferencePlan|TreeEnsemble|QuantizedLSTM|RecurrentHead|ConformalInterval"),
    ("features", r"\$s8Features|ModelInputV"),
    ("SQLite, commit and checkpoints", r"libsqlite3|BatchWriter|CheckpointSeal|EdgeStoreC6commit|fdatasync|pwrite|ext4|folio"),
    ("reading the outbox", r"LogStore|PredictionOutbox"),
    ("publishing predictions", r"predictionPayload|JSONWriter|C7publish|mosquitto_publish"),
    ("acknowledgements of predictions", r"9published|PUBACK"),
    ("decoding and hashing", r"ReadingDecoder|DeliveryDecoder|DecimalFloat|PlainReading|sha256|libsodium"),
    ("handing over to the workers", r"7WorkersC|semaphore|futex"),
    ("the machine", r"\$s8EdgeCore|EdgeCore"),
    ("MQTT, sockets included", r"libmosquitto|sock|tcp|recv|send|poll|loopRead|loopWrite"),
    ("waiting and waking", r"schedule|wake|exit_to_user|clock_gettime|sched"),
    ("memory", r"malloc|_int_free|cfree|unlink_chunk|memmove|memset|swift_"),
]


def categories(samples):
    """The share of each rule among the stacks of `perf script`."""
    counts, total = {}, 0
    for stack in samples.split("\n\n"):
        frames = stack.splitlines()[1:]
        if not frames:
            continue
        total += 1
        text = "\n".join(frames)
        name = next((name for name, rule in RULES if re.search(rule, text)), "the rest")
        counts[name] = counts.get(name, 0) + 1
    return {name: count / total for name, count in counts.items()}, total


def measure(bench, agent, prefix, count, micros):
    """Rows of (what, microseconds per reading), the greatest first; none without perf."""
    if shutil.which("perf") is None:
        return [], 0
    path = os.path.join(bench.folder, "perf.data")
    recorder = subprocess.Popen(
        ["perf", "record", "-q", "-g", "-e", "cpu-clock", "-F", "1999", "-p", str(agent.pid), "-o",
         path], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_for("perf's start", 20, lambda: os.path.exists(path))
    bench.throughput(prefix, count, 100, agent.pid)
    recorder.terminate()
    recorder.wait()
    script = subprocess.run(
        ["perf", "script", "-i", path, "-F", "comm,ip,sym,dso"], capture_output=True, text=True)
    shares, total = categories(script.stdout)
    rows = sorted(((share * micros, name) for name, share in shares.items()), reverse=True)
    return [(name, cost) for cost, name in rows], total
