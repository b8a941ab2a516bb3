"""Runs the real agent on a full disk, and accounts for every reading.

    full_disk.py [--runs COUNT]

Half of the runs are below a limit on the size of a file (RLIMIT_FSIZE), which the store meets
sooner or later; then the agent is killed and started without it. The other half are on a tmpfs of
40 MB with so and so much left beside the ballast; when the agent takes no more, space is made and
it must go on by itself. Where mounting is not allowed, that half is left out and the report says so.
"""
import argparse
import os
import subprocess
import time

import mqtt
import trial
from scenario import Scenario, Timing
from trial import Broken, say, until

MOUNT_BYTES, BALLAST_BYTES = 40 << 20, 16 << 20


def steady():
    """Readings that come in small batches, before the model: the store grows bit by bit."""
    timing = Timing(1)
    timing.rate = 200
    return timing


def settle(device, scenario, quiet=2):
    """Waits until nothing changes any more; whether everything is done."""
    seen, since = None, time.monotonic()
    while time.monotonic() - since < quiet:
        now = (device.tap.acknowledged_count(), device.stored_count(), device.active())
        if now != seen:
            seen, since = now, time.monotonic()
        if device.has_ended() or scenario.is_ready(device):
            break
        time.sleep(0.02)
    return not device.has_ended() and scenario.is_ready(device)


def limited_file(scenario, name, size):
    device = scenario.device(name)
    publisher = scenario.begin(device, steady(), trial.find("prlimit"), f"--fsize={size}")
    was_done = settle(device, scenario)
    taken = device.tap.acknowledged_count()
    code = device.process.poll()
    if code not in (None, 1, 73):
        raise Broken(f"the agent ended with {code}: {device.last_words()}")
    if not was_done:
        device.kill()
        device.start()
    scenario.finish(device, publisher)
    device.remove()
    return taken, was_done


def fill(filler, left):
    """Leaves so many bytes of a disk; not so while the agent takes what was counted as free."""
    room = os.statvfs(os.path.dirname(filler))
    try:
        with open(filler, "wb") as file:
            os.posix_fallocate(file.fileno(), 0, room.f_bavail * room.f_frsize - left)
    except OSError:
        return False
    return True


def small_mount(scenario, name, left):
    device = scenario.device(name)
    os.makedirs(device.data)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={MOUNT_BYTES}", "tmpfs", device.data],
                   check=True, capture_output=True)
    try:
        # The store and its ballast are made while there is room.
        device.start()
        ballast = f"{device.data}/ballast"
        until(lambda: device.is_online() and os.path.exists(ballast)
              and os.path.getsize(ballast) == BALLAST_BYTES, "the ballast")
        filler = f"{device.data}/filler"
        until(lambda: fill(filler, left), "the disk to be filled")
        scenario.offer(scenario.bundle)
        publisher = mqtt.Publisher(
            scenario.broker.port, trial.READINGS, scenario.sent, steady().rate)
        publisher.start()
        was_done = settle(device, scenario)
        taken = device.tap.acknowledged_count()
        if device.has_ended():
            raise Broken(f"the agent ended by itself: {device.last_words()}")
        os.remove(filler)
        scenario.finish(device, publisher)
    finally:
        device.kill()
        subprocess.run(["umount", device.data], check=True)
    device.remove()
    return taken, was_done


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=20)
    arguments = parser.parse_args()
    half = max(1, arguments.runs // 2)
    summary = {"scenario": "full disk", "limited": 0, "mounted": 0, "stopped": 0, "lost": 0,
               "doubled": 0}
    with trial.Bench() as bench:
        scenario = Scenario("ingest", bench)
        size = whole_size(scenario)
        for index in range(half):
            # Below a quarter there is not even a store.
            limit = size // 4 + size * 3 // 4 * index // half
            taken, was_done = limited_file(scenario, f"limit-{index}", limit)
            summary["limited"] += 1
            summary["stopped"] += not was_done
            say(f"files of at most {limit} bytes: {taken} of {len(scenario.sent)} acknowledged, "
                "the others after the restart")
        for index in range(half):
            left = 65_536 + size * index // half
            try:
                taken, was_done = small_mount(scenario, f"mount-{index}", left)
            except subprocess.CalledProcessError as error:
                say(f"no mount here: {error}")
                summary["mounted"] = "not allowed here"
                break
            summary["mounted"] += 1
            summary["stopped"] += not was_done
            say(f"{left} bytes left on the disk: {taken} of {len(scenario.sent)} acknowledged, "
                "the others when there was room")
        bench.report(summary)


def whole_size(scenario):
    """What the largest file of an undisturbed run has in the end."""
    device = scenario.device("whole")
    publisher = scenario.begin(device, steady())
    until(lambda: scenario.is_ready(device), "an undisturbed run")
    size = max(os.path.getsize(f"{device.data}/{name}") for name in os.listdir(device.data)
               if name.startswith("nacelle.sqlite"))
    publisher.join(trial.PATIENCE)
    device.remove()
    return size


main()
