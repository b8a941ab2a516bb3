"""Kills the back office at its N-th system call, for every N, and looks at every object it keeps.

    object_store.py [--points COUNT]

Two commands: `preprocess` puts new objects, `promote` replaces `current.json`. First each one runs
once under strace, and the order of its calls is checked: an object's bytes are synced before it gets
its name, and its folder is synced before the registry commits anything that may name it. Then each
one is killed as it enters its N-th call, in a fresh copy of the workspace: every object must be
absent, the old one or the new one, whole, and the same command must then end as if nothing had been.
COUNT points of each command, spread evenly; without it all of them. Exit code 1 with a sentence if
something does not hold. The last line is JSON.
"""
import argparse
import collections
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

import trial
from crash_calls import count_by_thread, every, injection, spread, tracer
from trial import Broken, say

CALLS = ("openat", "write", "pwrite64", "fsync", "fdatasync", "ftruncate", "rename", "unlink",
         "mkdir", "close")
SUBSET = ("--subset", "SIM")


def objects(workspace):
    """{name: bytes} of the objects, without what is half-written."""
    found = {}
    root = f"{workspace}/objects"
    for folder, _, names in os.walk(root):
        for name in names:
            path = os.path.join(folder, name)
            key = os.path.relpath(path, root)
            if not key.startswith(".partial"):
                with open(path, "rb") as file:
                    found[key] = file.read()
    return found


class Command:
    """One command of the back office, and the workspace that it starts from."""

    def __init__(self, name, folder, start, *arguments):
        self.name, self.folder, self.start, self.arguments = name, folder, start, arguments
        self.before = objects(start) if start else {}
        done = self.fresh("undisturbed")
        self.run(done)
        self.after = objects(done)
        if self.after == self.before:
            raise Broken(f"{name} changes no object, so it proves nothing")

    def fresh(self, name):
        path = f"{self.folder}/{self.name}-{name}"
        if self.start:
            shutil.copytree(self.start, path)
        return path

    def run(self, workspace, *before):
        """The exit code; anything but success and a kill is an error."""
        done = subprocess.run(
            [*before, f"{trial.PROGRAMS}/backoffice", self.name, "--workspace", workspace,
             *self.arguments], capture_output=True, text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1"})
        if done.returncode not in (0, -9, 137):
            raise Broken(f"{self.name} ended with {done.returncode}: {done.stderr[-300:]}")
        return done.returncode

    def trace(self):
        """Runs once under strace; checks the order and returns how often each call is made."""
        workspace, log = self.fresh("traced"), f"{self.folder}/{self.name}.calls"
        self.run(workspace, *tracer("-y", "-s", "0", "-o", log, "-e", "trace=" + ",".join(CALLS)))
        with open(log, errors="replace") as lines:
            syncs = check_order(lines, os.path.realpath(workspace))
        say(f"{self.name}: {syncs} objects got their names, each after its bytes were synced and "
            "before the registry spoke of it")
        return count_by_thread(log)

    def check_repeat(self, folder_sync):
        """After a kill between an object's name and the sync of its folder, a repeat syncs it."""
        workspace, log = self.fresh("repeated"), f"{self.folder}/{self.name}.repeat"
        self.run(workspace, *injection("fsync", folder_sync, "signal=KILL"))
        if objects(workspace) != self.after:
            raise Broken("the last sync of the command is not that of an object's folder")
        self.run(workspace, *tracer("-y", "-s", "0", "-o", log, "-e", "trace=" + ",".join(CALLS)))
        root = os.path.realpath(workspace)
        with open(log, errors="replace") as lines:
            check_order(lines, root, [f"{root}/objects/{key}" for key in self.after])

    def crash(self, call, number, name):
        """One crash point; whether the run came that far."""
        workspace = self.fresh(name)
        was_hit = self.run(workspace, *injection(call, number, "signal=KILL")) != 0
        for key, value in (objects(workspace) if os.path.exists(workspace) else {}).items():
            if value not in (self.before.get(key), self.after.get(key)):
                raise Broken(f"{key} is torn: {len(value)} bytes")
        missing = set(self.before) - set(objects(workspace))
        if missing:
            raise Broken(f"objects that were there are gone: {sorted(missing)}")
        self.run(workspace)
        if objects(workspace) != self.after:
            raise Broken("after another run the objects are not those of an undisturbed one")
        if os.listdir(f"{workspace}/objects/.partial"):
            raise Broken("half-written files are left behind")
        shutil.rmtree(workspace)
        return was_hit


def check_order(lines, workspace, found=()):
    """Raises where a power cut could tear or lose an object; returns the number of renames.

    Objects that were `found` may lack the sync of their folder as well.
    """
    unsynced, unnamed, renames = set(), collections.defaultdict(set), 0
    for name in found:
        unnamed[os.path.dirname(name)].add(name)
    for line in lines:
        found = re.match(r"\d+ +(\w+)\((.*)\) += (\d+)", line)
        if not found:
            continue
        call, words = found.group(1), found.group(2)
        path = re.match(r"\d+<(.*?)>", words)
        path = path.group(1) if path else None
        names = [os.path.realpath(name) for name in re.findall(r'"([^"]+)"', words)]
        if call == "write" and path and "/.partial/" in path:
            unsynced.add(path)
        elif call in ("fsync", "fdatasync"):
            unsynced.discard(path)
            unnamed.pop(path, None)
            if path == f"{workspace}/registry.sqlite-wal" and any(unnamed.values()):
                raise Broken(f"the registry commits before {dict(unnamed)} are durable")
        elif call == "rename":
            source, target = names
            renames += 1
            if source in unsynced:
                raise Broken(f"{target} gets its name before its bytes are synced")
            unnamed[os.path.dirname(target)].add(target)
        elif call == "mkdir" and names and names[0].startswith(workspace):
            unnamed[os.path.dirname(names[0])].add(names[0])
    if any(unnamed.values()):
        raise Broken(f"the command ends before {dict(unnamed)} are durable")
    return renames


def prepare(folder):
    """A workspace whose model is promoted, with an older `current.json` to be replaced."""
    def office(*arguments):
        done = subprocess.run([f"{trial.PROGRAMS}/backoffice", *arguments], capture_output=True,
                              text=True)
        if done.returncode:
            raise SystemExit(f"backoffice {arguments[0]} failed: {done.stderr[-500:]}")
    workspace = ("--workspace", f"{folder}/promoted")
    office("simulate", "--out", f"{folder}/data", "--units", "40", "--seed", "7", "--regimes", "1",
           "--fault-modes", "1")
    office("preprocess", *workspace, "--data", f"{folder}/data", *SUBSET)
    office("train", *workspace, "--type", "xgboost")
    office("promote", *workspace, "--expected-model-types", "xgboost")
    with open(f"{folder}/promoted/objects/model-promotion/current.json", "w") as file:
        file.write('{"run_id":"an earlier one"}')
    return f"{folder}/promoted"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--points", type=int)
    arguments = parser.parse_args()
    folder = tempfile.mkdtemp(prefix="nacelle-kill-")
    started = time.monotonic()
    summary = {"scenario": "object store", "calls": 0, "points": 0, "hit": 0, "torn": 0}
    try:
        promoted = prepare(folder)
        preprocess = Command("preprocess", folder, None, "--data", f"{folder}/data", *SUBSET)
        promote = Command("promote", folder, promoted, "--expected-model-types", "xgboost")
        for command in (preprocess, promote):
            counts = command.trace()
            # `promote` has nothing in the registry that names what it replaces.
            if command is preprocess:
                command.check_repeat(counts["fsync"])
            points = every(counts)
            summary["calls"] += len(points)
            for index, (_, (call, number)) in enumerate(spread(points, arguments.points)):
                try:
                    summary["hit"] += command.crash(call, number, f"point-{index}")
                except Broken as broken:
                    raise Broken(f"{command.name} killed at {call} {number}: {broken}") from None
                summary["points"] += 1
                if summary["points"] % 50 == 0:
                    say(f"{summary['points']} crash points, no object torn")
    except Broken as broken:
        say(f"{broken}; everything lies in {folder}")
        sys.exit(1)
    shutil.rmtree(folder)
    print(json.dumps({**summary, "seconds": round(time.monotonic() - started)}))


main()
