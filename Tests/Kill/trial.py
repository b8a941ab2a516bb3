"""What every trial of this folder needs: a broker, two trained models, an agent, the account.

The account is made from outside: the publisher knows which readings the broker acknowledged, the
tap knows which ones the agent acknowledged, and the device's SQLite file is read by Python.
"""
import fcntl
import hashlib
import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time

import mqtt

FLEET, AGENT = "trial", "agent-1"
ROOT = f"turbofan/v1/{FLEET}"
READINGS = f"{ROOT}/readings"
OFFER = f"{ROOT}/models/selected"
BLOCKS = f"{ROOT}/models/+/blocks/+"
HERE = os.path.dirname(os.path.abspath(__file__))
PROGRAMS = os.environ.get("BIN", os.path.join(HERE, "../../.build/release"))
PATIENCE = float(os.environ.get("PATIENCE", "60"))
# The calls by which the agent changes its disk or says something, and those by which it begins to.
CHANGING = ("pwrite64", "write", "fdatasync", "fsync", "ftruncate", "unlink", "rename", "mkdir",
            "fallocate", "sendto", "openat", "connect", "fcntl")


class Broken(Exception):
    """The promise does not hold; the text says where."""


def say(line):
    print(f"{os.path.basename(sys.argv[0])}: {line}", file=sys.stderr, flush=True)


def until(condition, what, seconds=None):
    """Waits until a condition holds; its first true value."""
    deadline = time.monotonic() + (seconds or PATIENCE)
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise Broken(f"waited {seconds or PATIENCE:.0f} s in vain for {what}")
        time.sleep(0.01)
    return value


def rows(units, cycles, first_cycle=1):
    """Rows of some units in turn, each with its own slow drift: 24 measurements like FD001's."""
    base = [-0.0007, -0.0004, 100, 518.67, 641.82, 1589.7, 1400.6, 14.62, 21.61, 554.36, 2388.06,
            9046.19, 1.3, 47.47, 521.66, 2388.02, 8138.62, 8.4195, 0.03, 392, 2388, 100, 39.06,
            23.419]
    out = []
    for cycle in range(first_cycle, first_cycle + cycles):
        for unit in range(1, units + 1):
            values = []
            for column, value in enumerate(base, 1):
                noise = (cycle * (column + 7) + unit * 131) % 97 / 97 - 0.5
                values.append(f"{value * (1 + noise / 500 + cycle * 2e-6):.4f}")
            out.append(f"unit-{unit} {cycle} {' '.join(values)}".encode())
    return out


class Broker:
    """A mosquitto of this trial's own on a free port of 127.0.0.1."""

    def __init__(self, folder, lines=""):
        os.makedirs(folder)
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.file, self.log = f"{folder}/mosquitto.conf", f"{folder}/log"
        with open(self.file, "w") as file:
            file.write(f"listener {self.port} 127.0.0.1\nallow_anonymous true\n"
                       f"max_queued_messages 0\n{lines}")
            # Started by root, it would become a user who may not read this folder.
            if os.getuid() == 0:
                file.write("user root\n")
        self.process = None
        self.start()

    def start(self):
        with open(self.log, "a") as log:
            self.process = subprocess.Popen(
                [find("mosquitto"), "-c", self.file], stdout=log, stderr=log)
        until(self.answers, "mosquitto to listen", 20)

    def answers(self):
        if self.process.poll() is not None:
            raise Broken(f"mosquitto ended, see {self.log}")
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
            return True
        except OSError:
            return False

    def kill(self):
        self.process.kill()
        self.process.wait()


def find(name):
    path = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    if path is None:
        raise SystemExit(f"{name} is missing: make deps")
    return path


class Bundle:
    """A promoted model as the broker holds it: the signed offer, and the blocks."""

    def __init__(self, held):
        self.offer = held[OFFER]
        self.blocks = {topic: value for topic, value in held.items() if topic != OFFER}
        ordered = sorted(self.blocks, key=lambda topic: int(topic.rsplit("/", 1)[1]))
        self.bytes = b"".join(self.blocks[topic] for topic in ordered)
        self.digest = hashlib.sha256(self.bytes).digest()


class Models:
    """Two models that the real back office trains, promotes, signs and pushes."""

    def __init__(self, folder, broker):
        self.folder = folder
        self.office("simulate", "--out", f"{folder}/data", "--units", "40", "--seed", "7",
                    "--regimes", "1", "--fault-modes", "1")
        self.office("keys", "create", "--workspace", f"{folder}/a")
        os.makedirs(f"{folder}/b")
        shutil.copytree(f"{folder}/a/keys", f"{folder}/b/keys")
        self.public_key = f"{folder}/a/keys/model.pub"
        # The second push finds the first offer, so it counts on from it.
        self.a = self.push("a", "1", broker)
        self.b = self.push("b", "2", broker)
        self.names = {self.a.digest: "A", self.b.digest: "B"}
        if self.a.digest == self.b.digest:
            raise Broken("both seeds trained the same bundle")

    def push(self, name, seed, broker):
        workspace = ["--workspace", f"{self.folder}/{name}"]
        self.office("preprocess", *workspace, "--data", f"{self.folder}/data", "--subset", "SIM")
        self.office("train", *workspace, "--type", "xgboost", "--seed", seed)
        self.office("promote", *workspace, "--expected-model-types", "xgboost")
        self.office("push", *workspace, "--broker-host", "127.0.0.1", "--broker-port",
                    str(broker.port), "--fleet", FLEET)
        return Bundle(mqtt.retained(broker.port, OFFER, BLOCKS))

    def office(self, *arguments):
        done = subprocess.run([f"{PROGRAMS}/backoffice", *arguments], capture_output=True,
                              text=True, env={**os.environ, "OMP_WAIT_POLICY": "passive"})
        if done.returncode:
            raise SystemExit(f"backoffice {arguments[0]} failed: {done.stderr[-500:]}")


class Device:
    """One agent, its data folder and its session at the broker, heard through a tap."""

    # Those that have not been removed, so that none outlives this program.
    running = set()

    def __init__(self, folder, broker, public_key, template=None):
        self.folder, self.broker, self.public_key = folder, broker, public_key
        self.data, self.log = f"{folder}/data", f"{folder}/agent.log"
        os.makedirs(folder)
        if template:
            shutil.copytree(template, self.data, ignore=shutil.ignore_patterns("ballast"))
        self.tap = mqtt.Tap(broker.port, READINGS)
        self.process, self.started_at = None, 0
        self.renew_session()
        Device.running.add(self)

    def renew_session(self):
        """An empty session that exists before the agent's first start: nothing can be missed."""
        name = f"nacelle-{FLEET}-{AGENT}"
        mqtt.Client(self.broker.port, name, clean=True).close()
        session = mqtt.Client(self.broker.port, name, clean=True, is_lasting=True)
        session.subscribe(READINGS, f"{ROOT}/engines/+/readings")
        session.close()

    def start(self, *before):
        """Starts the agent, below another program if one is given."""
        command = [*before, f"{PROGRAMS}/edge-agent", "run", "--broker-host", "127.0.0.1",
                   "--broker-port", str(self.tap.port), "--fleet", FLEET, "--agent-id", AGENT,
                   "--data", self.data, "--public-key", self.public_key]
        with open(self.log, "a") as log:
            self.started_at = log.tell()
            self.process = subprocess.Popen(command, stdout=log, stderr=log)

    def is_online(self):
        """Whether the process started last is connected."""
        with open(self.log, errors="replace") as log:
            log.seek(self.started_at)
            return "ingest connected" in log.read()

    def has_ended(self):
        return self.process.poll() is not None

    def kill(self):
        """SIGKILL to the agent, and to the tracer that may stand above it."""
        if self.process is None or self.has_ended():
            return
        for pid in [*children(self.process.pid), self.process.pid]:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.process.wait()
        # An agent below a tracer holds its folder until the last of its threads has ended.
        until(self.is_unlocked, "the agent to end")

    def is_unlocked(self):
        try:
            with open(f"{self.data}/lock") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except FileNotFoundError:
            return True
        except BlockingIOError:
            return False
        return True

    def stop(self):
        """SIGTERM; a clean end is part of what has to hold."""
        # Below a tracer the agent is the only child.
        for pid in children(self.process.pid) or [self.process.pid]:
            os.kill(pid, signal.SIGTERM)
        try:
            code = self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            raise Broken("the agent does not stop on SIGTERM") from None
        if code:
            raise Broken(f"the agent ended with {code} on SIGTERM: {self.last_words()}")

    def remove(self):
        self.kill()
        Device.running.discard(self)
        self.tap.close()
        shutil.rmtree(self.folder)

    def last_words(self):
        with open(self.log, errors="replace") as log:
            return "".join(log.readlines()[-3:]).strip()

    # What the store holds.

    def query(self, sql):
        """Reads the store beside the agent; nothing while it is being made or recovered."""
        try:
            return self.rows(sql, "ro")
        except sqlite3.Error:
            return []

    def stored(self, sql):
        """Reads the store of an agent that was stopped, which closed it."""
        # A closed store has no log to share, and one that may only be read cannot make it.
        return self.rows(sql, "rw")

    def rows(self, sql, mode):
        store = sqlite3.connect(f"file:{self.data}/nacelle.sqlite?mode={mode}", uri=True, timeout=2)
        try:
            return store.execute(sql).fetchall()
        finally:
            store.close()

    def active(self):
        found = self.query("SELECT bundle FROM slots WHERE name = 'active'")
        return found[0][0] if found else None

    def stored_count(self):
        found = self.query("SELECT count(*) FROM readings")
        return found[0][0] if found else 0


def children(pid):
    try:
        with open(f"/proc/{pid}/task/{pid}/children") as file:
            return [int(child) for child in file.read().split()]
    except OSError:
        return []


def outputs(device):
    """{(run, unit, cycle): the bits of a prediction}."""
    return {(run, unit, cycle): tuple(float(value).hex() for value in values)
            for run, unit, cycle, *values in device.stored(
                """SELECT run_id, name, cycle, rul, rul_low, rul_high, failure_probability, flags
                   FROM readings JOIN units USING (unit_id) WHERE outcome = 1""")}


def keys(device):
    """The keys in the store of a stopped agent, and how many rows there are too many."""
    found = device.stored(
        "SELECT name, cycle, readings.installation FROM readings JOIN units USING (unit_id)")
    distinct = {f"{name} {cycle}" for name, cycle, _ in found}
    return distinct, len(found) - len(distinct) + sum(1 for row in found if row[2] != 1)


def check_counters(device):
    """What holds of every store of these trials, whatever happened."""
    for sql, what in (
            ("SELECT count(*) FROM quarantine", "quarantined payloads"),
            ("SELECT received - scored - unscored - suppressed - late - quarantined FROM progress",
             "deliveries without an outcome"),
            ("SELECT count(*) FROM salvages", "salvages")):
        if device.stored(sql) != [(0,)]:
            raise Broken(f"the store has {device.stored(sql)} {what}")
    if device.stored("PRAGMA integrity_check") != [("ok",)]:
        raise Broken(f"the store is damaged: {device.stored('PRAGMA integrity_check')[:3]}")


def account(device, expected, reference):
    """Holds the store of a stopped agent against what it had to take.

    Every expected reading has one row and is on time, every prediction has the bits of an
    undisturbed device.
    """
    found, doubled = keys(device)
    lost = sorted(expected - found)
    heard = sorted(set(device.tap.acknowledged) - found)
    if lost or heard or doubled:
        raise Broken(f"{len(lost)} readings lost ({lost[:3]}), of them acknowledged by the agent "
                     f"{len(heard)} ({heard[:3]}), {doubled} doubled")
    if found - expected:
        raise Broken(f"readings that nobody sent: {sorted(found - expected)[:3]}")
    check_counters(device)
    if device.stored("SELECT count(*) FROM readings WHERE outcome = 3") != [(0,)]:
        raise Broken("the store has late readings")
    for key, bits in outputs(device).items():
        if reference.get(key) != bits:
            raise Broken(f"{key} is {bits}, on an undisturbed device {reference.get(key)}")


class Bench:
    """A folder, a broker and two models for the time of a `with` block.

    What breaks inside is said, and leaves the folder behind; the report is the last line.
    """

    def __init__(self, broker_lines="", **values):
        self.folder = tempfile.mkdtemp(prefix="nacelle-kill-")
        broker = f"{self.folder}/broker"
        self.broker = Broker(broker, broker_lines.format(folder=broker, **values))
        say("training two models")
        try:
            self.models = Models(f"{self.folder}/office", self.broker)
        except BaseException:
            self.broker.kill()
            raise

    def report(self, summary):
        print(json.dumps(summary), flush=True)

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        for device in list(Device.running):
            device.kill()
        self.broker.kill()
        if kind is None:
            shutil.rmtree(self.folder)
        elif kind is Broken:
            say(f"{error}; everything lies in {self.folder}")
            sys.exit(1)
