"""Kills the real agent at its N-th system call, for every N, and accounts for every reading.

    crash_points.py ingest [--points COUNT]   store made, model A fetched, 240 readings
    crash_points.py swap [--points COUNT]     an agent that runs model A is sent model B
    crash_points.py errors [--points COUNT]   the call fails instead: EIO, ENOSPC, once or for good

strace ends the agent as it enters the call (`--inject=CALL:signal=KILL:when=N`), which is therefore
not done. The calls of an undisturbed run are counted first; COUNT takes so many of them, spread
evenly, and goes round again with another timing when there are fewer; `--round 1` begins with an
offer among the readings, `--round 2` with two kills in a row. Without COUNT every call is hit once.
Afterwards the agent starts as usual, and must come up with a model that was offered to it,
end up with the one that was offered last, bit by bit, and hold every acknowledged reading once,
with the bits that an undisturbed device predicts.

BIN names the folder of the programs, PATIENCE the seconds to wait for what does not come. Exit code
1 with a sentence if something does not hold. The last line is JSON.
"""
import argparse
import collections
import random
import time

import trial
from crash_calls import count_by_thread, every, injection, spread, tracer
from scenario import Scenario, Timing
from trial import Broken, say, until

def count_calls(scenario, timing, calls):
    """How often the busiest thread of an undisturbed run makes each call."""
    device = scenario.device("counted")
    log = f"{device.folder}/calls"
    publisher = scenario.begin(
        device, timing, *tracer("-o", log, "-e", "trace=" + ",".join(calls)))
    until(lambda: device.has_ended() or scenario.is_done(device), "an undisturbed run")
    publisher.join(trial.PATIENCE)
    device.kill()
    counts = count_by_thread(log)
    device.remove()
    return counts


class Tally:
    def __init__(self, scenario, total):
        self.scenario, self.total = scenario, total
        self.runs = self.hit = self.kills = self.exits = 0
        self.started = time.monotonic()
        self.by_call = collections.Counter()

    def note(self, call, was_hit):
        self.runs += 1
        if was_hit:
            self.hit += 1
            self.by_call[call] += 1
        if self.runs % 50 == 0 or self.runs == self.total:
            say(f"{self.scenario}: {self.runs} of {self.total} points, {self.hit} hit, "
                f"0 lost, 0 doubled, {time.monotonic() - self.started:.0f} s")


def crash(scenario, tally, call, number, timing, name, second=None):
    """One crash point: kill, restart, account."""
    device = scenario.device(name)
    publisher = scenario.begin(device, timing, *injection(call, number, "signal=KILL"))
    until(lambda: device.has_ended() or scenario.is_done(device), "the crash point")
    # Killed in the moment after the last of all.
    was_hit = device.has_ended()
    if was_hit and device.process.returncode not in (-9, 137):
        raise Broken(f"the agent ended with {device.process.returncode}: {device.last_words()}")
    device.kill()
    tally.kills += 1
    if second:
        device.start(*injection(*second, "signal=KILL"))
        until(lambda: device.has_ended() or scenario.is_ready(device), "the second crash point")
        device.kill()
        tally.kills += 1
    device.start()
    scenario.finish(device, publisher)
    tally.note(call, was_hit)
    device.remove()


def fail(scenario, tally, call, number, effect, timing, name):
    """A call fails, once or from then on; returns how the agent took it.

    An agent that ends by itself is started again, as systemd would. A call that fails for good
    ends with the agent's death after three seconds: what it acknowledged must be there.
    """
    device = scenario.device(name)
    publisher = scenario.begin(device, timing, *injection(call, number, effect))
    is_lasting = str(number).endswith("+")
    deadline = time.monotonic() + (3 if is_lasting else trial.PATIENCE)
    while not (device.has_ended() or scenario.is_ready(device)):
        if time.monotonic() > deadline:
            if not is_lasting:
                raise Broken(f"the agent did not recover: {device.last_words()}")
            break
        time.sleep(0.01)
    if device.has_ended():
        if device.process.returncode not in (1, 73):
            raise Broken(f"the agent ended with {device.process.returncode}: "
                         f"{device.last_words()}")
        tally.exits += 1
    if is_lasting or device.has_ended():
        device.kill()
        device.start()
    scenario.finish(device, publisher)
    tally.note(f"{call} {effect.removeprefix('error=')}{' for good' if is_lasting else ''}", True)
    device.remove()


def kill_everywhere(scenario, arguments):
    chance = random.Random(f"{scenario.name} {arguments.seed}")
    counts = count_calls(scenario, Timing(0), trial.CHANGING)
    points = every(counts)
    say(f"{scenario.name}: {len(points)} calls in an undisturbed run: "
        + ", ".join(f"{counts[call]} {call}" for call in sorted(counts)))
    chosen = spread(points, arguments.points)
    tally = Tally(scenario.name, len(chosen))
    for index, (round_number, (call, number)) in enumerate(chosen):
        timing = Timing(arguments.round + round_number)
        second = chance.choice(points) if timing.kills_twice else None
        try:
            crash(scenario, tally, call, number, timing, f"point-{index}", second)
        except Broken as broken:
            raise Broken(f"killed at {call} {number} ({timing}, second {second}): "
                         f"{broken}") from None
    return {"scenario": scenario.name, "calls": len(points), "points": tally.runs,
            "hit": tally.hit, "kills": tally.kills, "lost": 0, "doubled": 0,
            "seconds": round(time.monotonic() - tally.started),
            "by_call": dict(tally.by_call)}


FAILING = ("pwrite64", "fdatasync", "fsync", "ftruncate", "fallocate")


def fail_everywhere(scenario, arguments):
    counts = count_calls(scenario, Timing(0), FAILING)
    say(f"errors: {sum(counts.values())} calls in an undisturbed run: "
        + ", ".join(f"{counts[call]} {call}" for call in sorted(counts)))
    points = [(call, f"{number}{how}", effect) for call, number in every(counts)
              for effect in ("error=EIO", "error=ENOSPC") for how in ("", "+")]
    chosen = spread(points, arguments.points)
    tally = Tally("errors", len(chosen))
    for index, (_, (call, number, effect)) in enumerate(chosen):
        try:
            fail(scenario, tally, call, number, effect, Timing(0), f"point-{index}")
        except Broken as broken:
            raise Broken(f"{effect} at {call} {number}: {broken}") from None
    return {"scenario": "errors", "calls": len(points) // 4, "points": tally.runs,
            "restarts": tally.exits, "lost": 0, "doubled": 0,
            "seconds": round(time.monotonic() - tally.started), "by_call": dict(tally.by_call)}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=["ingest", "swap", "errors"])
    parser.add_argument("--points", type=int)
    parser.add_argument("--round", type=int, default=0)
    parser.add_argument("--seed", default="1")
    arguments = parser.parse_args()
    with trial.Bench() as bench:
        scenario = Scenario("swap" if arguments.what == "swap" else "ingest", bench)
        everywhere = fail_everywhere if arguments.what == "errors" else kill_everywhere
        bench.report(everywhere(scenario, arguments))


main()
