"""Readings through a broker: the agent, the Python peer and mosquitto_sub, in turns."""

import json
import os
import socket
import subprocess
import sys
import time

import paho.mqtt.client as mqtt


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(what, seconds, test):
    deadline = time.monotonic() + seconds
    while not test():
        if time.monotonic() > deadline:
            raise SystemExit(f"{what} did not happen within {seconds} s")
        time.sleep(0.02)


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory_megabytes(pid, key="VmRSS"):
    with open(f"/proc/{pid}/status") as file:
        for line in file:
            if line.startswith(key + ":"):
                return int(line.split()[1]) / 1024
    raise SystemExit(f"/proc/{pid}/status has no {key}")


class Bench:
    """A broker, and whoever is started on it; `stop` ends all of them."""

    def __init__(self, bin, workspace, folder, readings):
        self.bin, self.workspace, self.folder = bin, workspace, folder
        self.processes, self.port, self.round = [], free_port(), 0
        with open(readings) as lines:
            self.rows = {}
            for line in lines:
                words = line.split()
                self.rows.setdefault(words[0], []).append(" ".join(words[2:]))
        with open(f"{folder}/mosquitto.conf", "w") as file:
            file.write(
                f"listener {self.port} 127.0.0.1\nallow_anonymous true\nmax_queued_messages 0\n"
                "set_tcp_nodelay true\nmax_inflight_messages 1000\n" + ("user root\n" if os.getuid() == 0 else ""))
        self.broker = self.start("broker", "mosquitto", "-c", f"{folder}/mosquitto.conf")
        wait_for("the broker's start", 10, self.answers)

    def answers(self):
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def start(self, name, *command, **options):
        with open(f"{self.folder}/{name}.log", "w") as log:
            process = subprocess.Popen(
                command, stdout=options.pop("stdout", log), stderr=log, **options)
        self.processes.append(process)
        return process

    def stop(self):
        for process in reversed(self.processes):
            process.terminate()
            process.wait()

    def retained(self, topic):
        out = subprocess.run(
            ["mosquitto_sub", "-h", "127.0.0.1", "-p", str(self.port), "-V", "5", "-C", "1", "-W",
             "1", "-t", topic], capture_output=True, text=True).stdout
        return out

    def push(self, fleet):
        subprocess.run(
            [f"{self.bin}/backoffice", "push", "--workspace", self.workspace, "--broker-host",
             "127.0.0.1", "--broker-port", str(self.port), "--fleet", fleet], check=True,
            stdout=subprocess.DEVNULL)

    def agent(self, name, run_id, fleet="bench", **settings):
        options = [f"--{key.replace('_', '-')}={value}" for key, value in settings.items()]
        process = self.start(
            name, f"{self.bin}/edge-agent", "run", "--broker-host=127.0.0.1",
            f"--broker-port={self.port}", f"--fleet={fleet}", f"--agent-id={name}",
            f"--data={self.folder}/{name}",
            f"--public-key={self.workspace}/keys/model.pub", "--disk-budget=8000", *options)
        topic = f"turbofan/v1/{fleet}/agents/{name}/status"
        wait_for(f"a model on {name}", 60, lambda: run_id in self.retained(topic))
        return process

    def peer(self):
        process = self.start(
            "peer", sys.executable, f"{os.path.dirname(__file__)}/python_peer.py", str(self.port),
            "peer", self.workspace, self.folder)
        wait_for("the Python peer's start", 60, lambda: "online" in self.retained("peer/status"))
        return process

    def readings(self, count, units):
        """A file of rows of units never seen before, cycle by cycle; and the units' prefix."""
        self.round += 1
        names, prefix = list(self.rows), f"r{self.round}."
        path = f"{self.folder}/readings.txt"
        with open(path, "w") as file:
            for number in range(count):
                cycle, unit = divmod(number, units)
                rows = self.rows[names[unit % len(names)]]
                file.write(f"{prefix}{unit} {cycle + 1} {rows[min(cycle, len(rows) - 1)]}\n")
        return path

    def throughput(self, prefix, count, units, pid, predictions=True):
        """Readings per second until the last answer, and processor seconds per reading."""
        path = self.readings(count, units)
        topic = f"{prefix}/engines/+/predictions" if predictions else f"{prefix}/readings"
        answers = f"{self.folder}/answers.txt"
        command = [
            "mosquitto_sub", "-h", "127.0.0.1", "-p", str(self.port), "-V", "5", "-q", "1",
            "-i", f"reader-{self.round}", "-t", topic]
        keep = ["-c", "-x", "600"]
        # The session is there before the first reading, so no answer is missed.
        subprocess.run([*command, *keep, "-E"], check=True)
        with open(answers, "w") as out:
            patience = str(120 + count // 500)
            reader = self.start(
                "reader", *command, *keep, "-C", str(count), "-W", patience, stdout=out)
            pids = [self.broker.pid] + ([pid] if pid else [])
            before, start = [cpu_seconds(one) for one in pids], time.monotonic()
            with open(path) as lines:
                subprocess.run(
                    ["mosquitto_pub", "-h", "127.0.0.1", "-p", str(self.port), "-V", "5", "-q", "1",
                     "-t", f"{prefix}/readings", "-l"], stdin=lines, check=True)
            published = time.monotonic() - start
            reader.wait()
            seconds = time.monotonic() - start
            used = [(cpu_seconds(one) - was) / count * 1e6 for one, was in zip(pids, before)]
        # A clean start ends the session, or the broker would go on filling it.
        subprocess.run([*command, "-E"], check=True)
        if reader.returncode != 0:
            raise SystemExit(f"{prefix}: not every reading was answered, see {answers}")
        if predictions:
            with open(answers) as lines:
                keys = {(p["unit"], p["cycle"]) for p in map(json.loads, lines)}
            if len(keys) != count:
                raise SystemExit(f"{prefix}: {len(keys)} different answers to {count} readings")
        return {"rate": count / seconds, "broker": used[0], "micros": used[-1],
                "publisher": count / published}

    def latency(self, prefix, count, rate, units=20):
        """Milliseconds from a reading's publish to its prediction's arrival, sorted."""
        with open(self.readings(count, units)) as lines:
            rows = lines.read().splitlines()
        sent, took = {}, []
        client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)

        def arrived(_client, _data, message):
            now = time.perf_counter()
            answer = json.loads(message.payload)
            begin = sent.pop((answer["unit"], answer["cycle"]), None)
            if begin is not None:
                took.append((now - begin) * 1e3)

        ready = []
        client.on_message = arrived
        client.on_subscribe = lambda *_: ready.append(True)
        client.connect("127.0.0.1", self.port)
        # What is measured is not to wait for a delayed acknowledgement here.
        client.socket().setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        client.loop_start()
        client.subscribe(f"{prefix}/engines/+/predictions", qos=1)
        wait_for("a subscription", 10, lambda: ready)
        start = time.perf_counter()
        for number, row in enumerate(rows):
            time.sleep(max(0, start + number / rate - time.perf_counter()))
            unit, cycle = row.split(" ", 2)[:2]
            sent[unit, int(cycle)] = time.perf_counter()
            client.publish(f"{prefix}/readings", row, qos=1)
        wait_for("the last prediction", 20, lambda: len(took) >= count)
        client.loop_stop()
        client.disconnect()
        return sorted(took)


def sync_millis(folder, count=200):
    """The median time of writing 4 KiB to a file and syncing it."""
    path, took = f"{folder}/sync", []
    descriptor = os.open(path, os.O_CREAT | os.O_WRONLY)
    for _ in range(count):
        start = time.perf_counter()
        os.pwrite(descriptor, bytes(4096), 0)
        os.fdatasync(descriptor)
        took.append((time.perf_counter() - start) * 1e3)
    os.close(descriptor)
    os.unlink(path)
    return sorted(took)[count // 2]
