"""A run of the agent that can be repeated, disturbed, and accounted for."""
import hashlib
import re
import shutil

import mqtt
import trial
from trial import Broken, until

UNITS, BEFORE, DURING = 4, 40, 20


class Timing:
    """How a run differs from others of the same scenario."""

    def __init__(self, number):
        # The offer waits at the broker, or comes in the midst of readings.
        self.offer_is_late = number % 2 == 1
        # The restart is killed too, at a call of its own.
        self.kills_twice = number // 2 % 2 == 1
        self.rate = None if number % 4 < 2 else 100

    def __str__(self):
        return (f"offer {'among the readings' if self.offer_is_late else 'first'}, "
                f"{'two kills' if self.kills_twice else 'one kill'}")


class Scenario:
    """A run that can be repeated: what the device starts from, what it is sent."""

    def __init__(self, name, bench):
        self.name, self.folder = name, bench.folder
        self.broker, self.models = bench.broker, bench.models
        self.template, self.bundle = None, self.models.a
        self.rows = self.sent = trial.rows(UNITS, BEFORE + DURING)
        self.reference, self.runs = self.undisturbed()
        if name == "swap":
            self.template, self.bundle = self.running_a(), self.models.b
            self.sent = self.rows[BEFORE * UNITS:]
        self.keys = {mqtt.key_of(row) for row in self.rows}
        self.sent_keys = {mqtt.key_of(row) for row in self.sent}

    def undisturbed(self):
        """What a device predicts that always had A, and one that always had B."""
        reference, runs = {}, {}
        for bundle in (self.models.a, self.models.b):
            device = self.always(bundle, self.rows, f"always-{bundle.digest.hex()[:4]}")
            found = trial.outputs(device)
            reference.update(found)
            runs[bundle.digest] = {run for run, _, _ in found}.pop()
            device.remove()
        return reference, runs

    def running_a(self):
        device = self.always(self.models.a, self.rows[:BEFORE * UNITS], "running-a")
        shutil.copytree(device.data, f"{self.folder}/template")
        device.remove()
        return f"{self.folder}/template"

    def always(self, bundle, rows, name):
        device = self.device(name)
        self.offer(bundle)
        device.start()
        until(lambda: device.active() == bundle.digest, f"{name} to activate its model")
        self.publish(rows)
        until(lambda: device.stored_count() == len(rows), f"{name} to store {len(rows)} readings")
        until(lambda: device.tap.acknowledged_count() == len(rows), "all PUBACKs")
        device.stop()
        return device

    def device(self, name):
        return trial.Device(f"{self.folder}/{name}", self.broker, self.models.public_key,
                            self.template)

    def offer(self, bundle, is_there=True):
        """Makes the broker hold an offer, or none; the blocks of both bundles stay there."""
        client = mqtt.Client(self.broker.port, "office")
        client.publish_retained([*bundle.blocks.items()] if is_there else [])
        client.publish_retained([(trial.OFFER, bundle.offer if is_there else b"")])
        client.close()

    def publish(self, rows, rate=None):
        publisher = mqtt.Publisher(self.broker.port, trial.READINGS, rows, rate)
        publisher.start()
        publisher.join(trial.PATIENCE)
        self.check(publisher, rows)

    def check(self, publisher, rows):
        if publisher.is_alive() or publisher.error or len(publisher.acknowledged) < len(rows):
            raise Broken(f"the broker did not take the readings: {publisher.error}")

    # One run.

    def begin(self, device, timing, *before):
        """Starts a run below `before`; returns the publisher of its readings."""
        half = len(self.sent) // 2
        self.offer(self.bundle, is_there=not timing.offer_is_late)
        self.publish(self.sent[:half])
        device.start(*before)
        if timing.offer_is_late:
            until(lambda: device.has_ended() or device.tap.acknowledged_count() >= half // 2,
                  "the first readings")
        publisher = mqtt.Publisher(
            self.broker.port, trial.READINGS, self.sent[half:], timing.rate)
        publisher.start()
        if timing.offer_is_late:
            self.offer(self.bundle)
        return publisher

    def is_done(self, device):
        """Whether the model serves, every reading is stored and every prediction acknowledged."""
        return (device.tap.acknowledged_count() >= len(self.sent)
                and device.active() == self.bundle.digest
                and device.stored_count() == len(self.rows)
                and device.query("SELECT published_through - last_sequence FROM progress")
                == [(0,)])

    def finish(self, device, publisher):
        """The device as it runs now must get everything done; then the account is made."""
        publisher.join(trial.PATIENCE)
        self.check(publisher, self.sent[len(self.sent) // 2:])
        try:
            until(lambda: device.has_ended() or self.is_ready(device), "the agent to get all done")
        except Broken as broken:
            raise Broken(f"{broken}: {self.what_lacks(device)}") from None
        if device.has_ended():
            raise Broken(f"the agent ended by itself: {device.last_words()}")
        device.stop()
        trial.account(device, self.keys, self.reference)
        self.check_models(device)

    def is_ready(self, device):
        # A kill may fall between the commit and the PUBACK: then the repeat is acknowledged.
        return (device.is_online() and device.active() == self.bundle.digest
                and set(device.tap.acknowledged) >= self.sent_keys
                and device.stored_count() == len(self.rows))

    def what_lacks(self, device):
        stored = {f"{name} {cycle}" for name, cycle in device.query(
            "SELECT name, cycle FROM readings JOIN units USING (unit_id)")}
        lost = sorted(set(device.tap.acknowledged) - stored)
        if lost:
            return f"{len(lost)} readings that it acknowledged are lost, such as {lost[:3]}"
        return (f"{len(self.keys - stored)} readings are not stored, it runs model "
                f"{self.models.names.get(device.active())} and says {device.last_words()}")

    def check_models(self, device):
        """The bundles in their slots are those that were offered, and nothing was refused."""
        for name, bundle in device.stored("SELECT name, bundle FROM slots"):
            blocks = device.stored(
                f"SELECT bytes FROM blocks WHERE bundle = x'{bundle.hex()}' ORDER BY block")
            digest = hashlib.sha256(b"".join(block for block, in blocks)).digest()
            if digest != bundle or bundle not in self.models.names:
                raise Broken(f"the {name} bundle is not what was offered")
        active = device.stored("SELECT bundle FROM slots WHERE name = 'active'")
        if active != [(self.bundle.digest,)]:
            raise Broken("the last offered model does not serve")
        if device.stored("SELECT count(*) FROM refusals") != [(0,)]:
            raise Broken(f"refused: {device.stored('SELECT reason FROM refusals')}")
        allowed = {"none", self.runs[self.models.a.digest]} if self.template is None else \
            set(self.runs.values())
        with open(device.log, errors="replace") as log:
            started = re.findall(r"agent started.*?run_id=(\w+)|run_id=(\w+).*agent started",
                                 log.read())
        for run in (first or second for first, second in started):
            if run not in allowed:
                raise Broken(f"the agent came up with model {run}")
