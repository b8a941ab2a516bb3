"""Runs `backoffice nightly` on subsets of C-MAPSS and prints what each step of it cost.

    night.py CMAPSS-folder SUBSET...

A step begins with the line that the night writes for it. Processor time is that of the night and
of the trainers that it has waited for. Peak memory is VmHWM of the night, which is set back when a
step begins (proc(5), clear_refs), or of its trainer while one runs, seen twenty times a second.
"""
import os
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../Tests/Kill"))
sys.dont_write_bytecode = True
import trial

STEPS = (("Reading train_", "preprocess"), ("Training xgboost", "train xgboost"),
         ("Training lstm", "train lstm"), ("Training gru", "train gru"),
         ("Training trend", "train trend"), ("Combining", "combine"),
         ("Scoring", "evaluate, promote"), ("Pushing", "push"))
TICKS = os.sysconf("SC_CLK_TCK")


def peak_megabytes(pid):
    try:
        with open(f"/proc/{pid}/status") as status:
            line = next((line for line in status if line.startswith("VmHWM:")), None)
            return int(line.split()[1]) / 1024 if line else 0
    except OSError:
        return 0


def children(pid):
    try:
        with open(f"/proc/{pid}/task/{pid}/children") as file:
            return file.read().split()
    except OSError:
        return []


def processor_seconds(pid):
    """Of a process and of those that it has waited for; nothing once it is gone."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            fields = file.read().rsplit(")", 1)[1].split()
    except OSError:
        return None
    return sum(map(int, fields[11:15])) / TICKS


class Watch:
    """What each step of a night cost."""

    def __init__(self, pid):
        self.pid, self.steps, self.lock = pid, [], threading.Lock()
        self.begin("open and pull")

    def begin(self, name):
        with self.lock:
            if self.steps and self.steps[-1]["name"] == name:
                return
            self.look()
            try:
                with open(f"/proc/{self.pid}/clear_refs", "w") as file:
                    file.write("5")
            except OSError:
                pass
            self.steps.append({"name": name, "start": time.monotonic(), "peak": 0.0,
                               "processor": processor_seconds(self.pid) or 0.0})

    def look(self):
        pids = [self.pid, *children(self.pid)]
        if self.steps:
            self.steps[-1]["peak"] = max(self.steps[-1]["peak"], *map(peak_megabytes, pids))
        self.last = processor_seconds(self.pid) or getattr(self, "last", 0.0)

    def follow(self):
        while os.path.exists(f"/proc/{self.pid}"):
            with self.lock:
                self.look()
            time.sleep(0.05)

    def costs(self, end):
        """(step, wall seconds, processor seconds, peak in MB) in their order."""
        stops = [(step["start"], step["processor"]) for step in self.steps[1:]]
        stops.append((end, self.last))
        return [(step["name"], stop - step["start"], processor - step["processor"], step["peak"])
                for step, (stop, processor) in zip(self.steps, stops)]


def office(*arguments):
    done = subprocess.run([f"{trial.PROGRAMS}/backoffice", *arguments], capture_output=True,
                          text=True)
    if done.returncode:
        raise SystemExit(f"backoffice {arguments[0]} failed: {done.stderr[-500:]}")


def night(folder, data, subset, port):
    workspace = f"{folder}/{subset}"
    office("keys", "create", "--workspace", workspace)
    process = subprocess.Popen(
        [f"{trial.PROGRAMS}/backoffice", "nightly", "--workspace", workspace, "--data", data,
         "--subset", subset, "--broker-host", "127.0.0.1", "--broker-port", str(port), "--fleet",
         subset], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, errors="replace",
        env={**os.environ, "OMP_WAIT_POLICY": "passive"})
    watch = Watch(process.pid)
    threading.Thread(target=watch.follow, daemon=True).start()
    for line in process.stderr:
        name = next((name for start, name in STEPS if line.startswith(start)), None)
        if name:
            watch.begin(name)
    code, end = process.wait(), time.monotonic()
    if code not in (0, 2):
        raise SystemExit(f"the night on {subset} ended with {code}")
    return watch.costs(end)


def main():
    data, subsets = sys.argv[1], sys.argv[2:]
    table = {}
    with tempfile.TemporaryDirectory(prefix="nacelle-night-") as folder:
        broker = trial.Broker(f"{folder}/broker")
        try:
            for subset in subsets:
                table[subset] = night(folder, data, subset, broker.port)
                for name, wall, processor, peak in table[subset]:
                    print(f"{subset} {name}: {wall:.1f} s, processor {processor:.1f} s, "
                          f"{peak:.0f} MB", file=sys.stderr, flush=True)
        finally:
            broker.kill()
    print("| step | " + " | ".join(f"{subset}: s | CPU s | MB" for subset in subsets) + " |")
    print("|---|" + "---|" * 3 * len(subsets))
    names = [name for name, *_ in next(iter(table.values()))]
    for name in names:
        cells = [next((row[1:] for row in table[subset] if row[0] == name), None)
                 for subset in subsets]
        print(f"| {name} | " + " | ".join(
            f"{cell[0]:.0f} | {cell[1]:.0f} | {cell[2]:.0f}" if cell else "| |" for cell in cells)
            + " |")
    print("| the night | " + " | ".join(
        f"{sum(row[1] for row in rows):.0f} | {sum(row[2] for row in rows):.0f} | "
        f"{max(row[3] for row in rows):.0f}" for rows in table.values()) + " |")


main()
