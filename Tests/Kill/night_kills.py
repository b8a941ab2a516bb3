"""Kills `backoffice nightly` at random instants, resumes it, and compares what is left.

    night_kills.py [--kills COUNT] [--seed NUMBER]

A small simulated fleet, a broker, two model types and their ensemble. Each trial starts a night
in a fresh workspace, as the timer would, and kills it at an instant that is drawn evenly from the
length of an undisturbed night, which is measured anew every few trials because machines are shared.
Then:

- the trainers of the killed night are gone without being killed, and no object is half there;
- the same command is run again until it succeeds, and every object and every fact of the registry
  is that of an undisturbed night;
- what was finished is not done again: a run that had succeeded keeps its times, attempt and
  version, its objects keep their inode and time, and a decision stays the only one.
"""
import argparse
import collections
import json
import os
import random
import shutil
import signal
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time

import trial
from trial import Broken, say

TYPES = "xgboost,trend"
ENSEMBLE = "xgboost=0.6,trend=0.4"
# An undisturbed night is measured anew after so many trials.
MEASURE_EVERY = 10
# Nights after a kill until one must have succeeded.
RESUMES_MAX = 2
# What a registry says besides times and holders, by table; rows in their order.
FACTS = {
    "data_sets": "SELECT config_hash, object_key FROM data_sets ORDER BY config_hash",
    "runs": "SELECT run_id, config_hash, model_type, parameters, seed, status, reason, bundle_key,"
            " bundle_digest, bundle_size FROM runs ORDER BY run_id",
    "model_versions": "SELECT version, run_id FROM model_versions ORDER BY version",
    "promotion_history": "SELECT decision, config_hash, version, score, reasons, newest_version"
                         " FROM promotion_history ORDER BY sequence",
    "claims": "SELECT run_id, config_hash, model_type, members, seed, state FROM claims"
              " ORDER BY run_id",
}
# The parts of a night, by how a line that begins one starts.
PARTS = (("Pulling logs", "pull"), ("Reading train_", "preprocess"),
         ("Training xgboost", "train xgboost"), ("Training trend", "train trend"),
         ("Combining", "combine"), ("Scoring", "evaluate and promote"), ("Pushing", "push"))


class Night:
    """A workspace, and the command that works in it."""

    def __init__(self, folder, name, port):
        self.path, self.fleet = f"{folder}/{name}", name
        self.log = f"{folder}/{name}.log"
        shutil.copytree(f"{folder}/keys", f"{self.path}/keys")
        self.port, self.data = port, f"{folder}/data"
        self.process = None

    def start(self):
        with open(self.log, "a") as log:
            self.process = subprocess.Popen(
                [f"{trial.PROGRAMS}/backoffice", "nightly", "--workspace", self.path,
                 "--data", self.data, "--subset", "SIM", "--broker-host", "127.0.0.1",
                 "--broker-port", str(self.port), "--fleet", self.fleet,
                 "--expected-model-types", TYPES, "--ensemble", ENSEMBLE],
                stdout=log, stderr=log, stdin=subprocess.DEVNULL)

    def run(self):
        """Seconds of a night that ends by itself, and its exit code."""
        begin = time.monotonic()
        self.start()
        code = self.process.wait(timeout=600)
        return time.monotonic() - begin, code

    def kill(self, after):
        """Kills the night at an instant; whether it was still at it."""
        self.start()
        try:
            self.process.wait(timeout=after)
            return False
        except subprocess.TimeoutExpired:
            self.process.send_signal(signal.SIGKILL)
            return self.process.wait() == -signal.SIGKILL

    def part(self):
        """The part of the night that was begun last."""
        part = "open"
        with open(self.log, errors="replace") as lines:
            for line in lines.read().replace("\r", "\n").splitlines():
                part = next((name for start, name in PARTS if line.startswith(start)), part)
        return part

    def processes(self):
        """The processes that name this workspace."""
        found = []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{pid}/cmdline", "rb") as file:
                    words = file.read().split(b"\0")
            except OSError:
                continue
            if self.path.encode() in words:
                found.append(int(pid))
        return found

    def objects(self):
        """{name: (bytes, inode, time)} of the objects."""
        found = {}
        for folder, _, names in os.walk(f"{self.path}/objects"):
            for name in names:
                path = os.path.join(folder, name)
                key = os.path.relpath(path, f"{self.path}/objects")
                if not key.startswith(".partial"):
                    status = os.stat(path)
                    with open(path, "rb") as file:
                        found[key] = file.read(), status.st_ino, status.st_mtime_ns
        return found

    def partials(self):
        folder = f"{self.path}/objects/.partial"
        return os.listdir(folder) if os.path.isdir(folder) else []

    def ask(self, queries):
        """The rows of each query, from a copy: reading may change the files beside a database."""
        if not os.path.exists(f"{self.path}/registry.sqlite"):
            return {name: [] for name in queries}
        with tempfile.TemporaryDirectory() as folder:
            for suffix in ("", "-wal"):
                if os.path.exists(f"{self.path}/registry.sqlite{suffix}"):
                    shutil.copy(f"{self.path}/registry.sqlite{suffix}", folder)
            database = sqlite3.connect(f"{folder}/registry.sqlite")
            try:
                tables = {row[0] for row in database.execute("SELECT name FROM sqlite_master")}
                return {name: database.execute(query).fetchall() if name in tables else []
                        for name, query in queries.items()}
            finally:
                database.close()

    def finished(self):
        """What was done and must not be done again: runs with their times, decisions, objects."""
        done = self.ask({
            "runs": "SELECT run_id, start_time, end_time FROM runs WHERE status = 'SUCCESS'",
            "model_versions": "SELECT run_id, version FROM model_versions",
            "claims": "SELECT run_id, attempt, failures FROM claims WHERE state = 'SETTLED'",
            "promotion_history": "SELECT * FROM promotion_history"})
        runs = {row[0] for row in done["runs"]}
        objects = {key: value[1:] for key, value in self.objects().items()
                   if key.startswith("processed-data/") or key.split("/")[1] in runs}
        return done, objects

    def left(self):
        """What a night leaves for good."""
        return ({key: value[0] for key, value in self.objects().items()}, self.ask(FACTS))


def difference(found, expected):
    """The first thing that two nights do not agree on; None for nothing."""
    for kind, left, right in (("object", found[0], expected[0]), ("table", found[1], expected[1])):
        for name in sorted(set(left) | set(right)):
            if left.get(name) != right.get(name):
                return f"the {kind} {name}"
    return None


def check_not_redone(night, done, objects):
    after, objects_after = night.finished()
    for table, rows in done.items():
        if table == "promotion_history" and rows and rows != after[table]:
            raise Broken("another decision was made")
        missing = set(rows) - set(after[table])
        if missing:
            raise Broken(f"{table} was done again: {sorted(missing)}")
    for key, place in objects.items():
        if objects_after.get(key) != place:
            raise Broken(f"the object {key} was written again")


def resume(night):
    """Nights until one succeeds; how many it took."""
    for count in range(1, RESUMES_MAX + 1):
        if night.run()[1] == 0:
            return count
    raise Broken(f"after {RESUMES_MAX} further nights none succeeded")


def disturb(night, after, expected):
    """One trial: (whether the night was hit, the part that was hit, nights to resume)."""
    if not night.kill(after):
        if night.process.returncode != 0:
            raise Broken(f"the undisturbed night ended with {night.process.returncode}")
        return False, "", 0
    part = night.part()
    # A trainer ends by itself when its night is gone.
    trial.until(lambda: not night.processes(), "the trainers to end", 20)
    for key, (value, _, _) in night.objects().items():
        if value != expected[0].get(key):
            raise Broken(f"after the kill {key} has {len(value)} bytes of no night")
    done, objects = night.finished()
    resumes = resume(night)
    check_not_redone(night, done, objects)
    if night.partials():
        raise Broken(f"half-written files are left behind: {night.partials()}")
    differs = difference(night.left(), expected)
    if differs:
        raise Broken(f"{differs} is not that of an undisturbed night")
    return True, part, resumes


def prepare(folder):
    for arguments in (["simulate", "--out", f"{folder}/data", "--units", "20", "--seed", "7"],
                      ["keys", "create", "--workspace", f"{folder}/office"]):
        done = subprocess.run([f"{trial.PROGRAMS}/backoffice", *arguments], capture_output=True,
                              text=True)
        if done.returncode:
            raise SystemExit(f"backoffice {arguments[0]} failed: {done.stderr[-500:]}")
    os.rename(f"{folder}/office/keys", f"{folder}/keys")


def undisturbed(folder, name, port):
    """A whole night: its length in seconds, and what it leaves."""
    night = Night(folder, name, port)
    seconds, code = night.run()
    if code:
        raise Broken(f"the undisturbed night {name} ended with {code}")
    left = night.left()
    shutil.rmtree(night.path)
    return seconds, left


def run(arguments, folder, broker):
    randomness = random.Random(arguments.seed)
    lengths, expected = [], None
    parts, hit, resumes, trials = collections.Counter(), 0, collections.Counter(), 0
    while hit < arguments.kills:
        if trials % MEASURE_EVERY == 0:
            seconds, left = undisturbed(folder, f"whole-{trials}", broker.port)
            if expected and (differs := difference(left, expected)):
                raise Broken(f"two undisturbed nights differ in {differs}")
            expected = left
            lengths.append(seconds)
        night = Night(folder, f"night-{trials}", broker.port)
        after = randomness.uniform(0, statistics.median(lengths[-3:]))
        try:
            was_hit, part, count = disturb(night, after, expected)
        except Broken as broken:
            raise Broken(f"trial {trials}, killed after {after:.3f} s in part "
                         f"'{night.part()}': {broken}") from None
        shutil.rmtree(night.path)
        os.unlink(night.log)
        trials += 1
        if was_hit:
            hit += 1
            parts[part] += 1
            resumes[count] += 1
            if hit % 20 == 0:
                say(f"{hit} kills; every night ended as an undisturbed one")
        elif trials > 20 * arguments.kills + 100:
            raise Broken("the nights end before they can be killed")
    return {"scenario": "night", "kills": hit, "seed": arguments.seed, "different": 0, "redone": 0,
            "torn": 0, "parts": dict(parts), "resumed_after": dict(resumes),
            "night_seconds": round(statistics.median(lengths), 1), "trials": trials}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    folder = tempfile.mkdtemp(prefix="nacelle-night-")
    begin, broker = time.monotonic(), None
    try:
        prepare(folder)
        broker = trial.Broker(f"{folder}/broker")
        summary = run(arguments, folder, broker)
    except Broken as broken:
        say(f"{broken}; everything lies in {folder}")
        sys.exit(1)
    finally:
        if broker:
            broker.kill()
    shutil.rmtree(folder)
    print(json.dumps({**summary, "seconds": round(time.monotonic() - begin)}))


main()
