"""Kills the broker again and again while readings arrive, and accounts for every reading.

    broker_kills.py [--kills COUNT] [--rate PER_SECOND] [--autosave SECONDS]

mosquitto writes its sessions to disk every so many seconds and gets SIGKILL in between, so it may
lose readings that it had acknowledged to the sensor: those are the broker's, counted and told apart.
The publisher repeats each reading until it has its PUBACK. Every fourth time the agent is killed
with its broker, as a machine that holds both would end them; that also spares the test the agent's
back-off, which grows to half a minute when connections keep breaking.

What must hold is the agent's part: every reading that the agent acknowledged is in its store, and
none is there twice. Exit code 1 with a sentence if not. The last line is JSON.
"""
import argparse
import random
import time

import mqtt
import trial
from trial import Broken, say, until

UNITS, BOTH_EVERY = 20, 4
CONFIGURATION = """persistence true
persistence_location {folder}/
autosave_interval {autosave}
max_queued_bytes 0
max_inflight_messages 512
"""


def kill_again_and_again(device, publisher, kills, chance, pause):
    """Kills spread over the time that the readings take, each after a reading got through."""
    broker = device.broker
    for number in range(1, kills + 1):
        before = len(device.tap.acknowledged)
        until(lambda: len(device.tap.acknowledged) > before, "a reading to get through")
        time.sleep(chance.uniform(0, 2 * pause))
        if device.has_ended():
            raise Broken(f"the agent ended by itself: {device.last_words()}")
        if not publisher.is_alive():
            raise Broken(f"all readings were sent before kill {number}")
        broker.kill()
        if number % BOTH_EVERY == 0:
            device.kill()
        broker.start()
        if number % BOTH_EVERY == 0:
            device.start()
        if number % 25 == 0 or number == kills:
            say(f"killed the broker {number} times, {len(publisher.acknowledged)} readings sent, "
                f"{len(device.tap.acknowledged)} acknowledged by the agent")


class Endless(mqtt.Publisher):
    """Sends until it is told that what it has begun is enough."""

    def __init__(self, port, rate):
        super().__init__(port, trial.READINGS, trial.rows(UNITS, 2_000), rate)

    def settle(self):
        """Sends no new reading, and returns once the begun ones have their PUBACK."""
        self.lines = self.lines[:self.begun]
        self.join(trial.PATIENCE)
        if self.is_alive() or self.error:
            raise Broken(f"the broker did not take the readings: {self.error}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--rate", type=int, default=200)
    parser.add_argument("--autosave", type=int, default=1)
    parser.add_argument("--pause", type=float, default=1.0)
    parser.add_argument("--seed", default="1")
    arguments = parser.parse_args()
    with trial.Bench(CONFIGURATION, autosave=arguments.autosave) as bench:
        bench.report(run(bench, arguments))


def run(bench, arguments):
    device = trial.Device(f"{bench.folder}/device", bench.broker, bench.models.public_key)
    device.start()
    until(device.is_online, "the agent to be online")
    # What the broker has never saved it cannot remember: the session comes first.
    time.sleep(2 * arguments.autosave + 1)
    started = time.monotonic()
    publisher = Endless(bench.broker.port, arguments.rate)
    publisher.start()
    kill_again_and_again(
        device, publisher, arguments.kills, random.Random(arguments.seed), arguments.pause)
    publisher.settle()
    quiet(device)
    device.stop()
    return judge(device, publisher, arguments, time.monotonic() - started)


def quiet(device, seconds=5):
    """Waits until the broker has delivered all that it still has."""
    seen, since = None, time.monotonic()
    while time.monotonic() - since < seconds:
        now = (sum(device.tap.delivered.values()), device.stored_count())
        if now != seen:
            seen, since = now, time.monotonic()
        time.sleep(0.1)


def judge(device, publisher, arguments, seconds):
    sent, heard = publisher.acknowledged, set(device.tap.acknowledged)
    delivered = set(device.tap.delivered)
    keys, doubled = trial.keys(device)
    lost = heard - keys
    if lost or doubled:
        raise Broken(f"{len(lost)} readings that the agent acknowledged are lost, such as "
                     f"{sorted(lost)[:3]}; {doubled} are doubled")
    if keys - {mqtt.key_of(line) for line in publisher.lines}:
        raise Broken("the store holds readings that nobody sent")
    trial.check_counters(device)
    return {"scenario": "broker killed", "kills": arguments.kills,
            "with_agent": arguments.kills // BOTH_EVERY, "seconds": round(seconds),
            "readings": len(sent), "connections_of_sensor": publisher.connections,
            "deliveries": sum(device.tap.delivered.values()), "acknowledged": len(heard),
            "lost": 0, "doubled": 0, "rows": len(keys),
            "late": device.stored("SELECT late FROM progress")[0][0],
            "lost_by_the_broker": len(sent - keys),
            "of_them_delivered_once": len((sent - keys) & delivered)}


main()
