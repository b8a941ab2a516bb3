"""Just enough MQTT 5 to publish until acknowledged, and to overhear who acknowledged what.

Shares nothing with the agent: neither its decoder nor libmosquitto. Section numbers are those of
the MQTT 5.0 specification.
"""
import select
import socket
import struct
import threading
import time

CONNECT, CONNACK, PUBLISH, PUBACK, SUBSCRIBE, SUBACK = 1, 2, 3, 4, 8, 9


def size_of_rest(size):
    """A Variable Byte Integer (1.5.5)."""
    out = bytearray()
    while True:
        size, digit = size >> 7, size & 127
        out.append(digit | (128 if size else 0))
        if not size:
            return bytes(out)


def text(value):
    data = value.encode()
    return struct.pack(">H", len(data)) + data


def packet(kind, flags, body):
    return bytes([kind << 4 | flags]) + size_of_rest(len(body)) + body


class Packets:
    """Cuts a stream of bytes into packets."""

    def __init__(self):
        self.buffer = bytearray()

    def feed(self, data):
        """Yields (kind, flags, body) for each packet that is complete."""
        self.buffer += data
        while len(self.buffer) >= 2:
            size, shift, start = 0, 0, 1
            while True:
                if start == len(self.buffer):
                    return
                digit = self.buffer[start]
                size |= (digit & 127) << shift
                shift, start = shift + 7, start + 1
                if digit < 128:
                    break
            if len(self.buffer) < start + size:
                return
            first, body = self.buffer[0], bytes(self.buffer[start:start + size])
            del self.buffer[:start + size]
            yield first >> 4, first & 15, body


def parse_publish(flags, body):
    """Topic, message identifier (None at QoS 0) and payload of a PUBLISH (3.3)."""
    size = struct.unpack_from(">H", body)[0]
    topic, at, identifier = body[2:2 + size].decode(), 2 + size, None
    if flags >> 1 & 3:
        identifier = struct.unpack_from(">H", body, at)[0]
        at += 2
    size, shift = 0, 0
    while True:
        digit = body[at]
        size, shift, at = size | (digit & 127) << shift, shift + 7, at + 1
        if digit < 128:
            return topic, identifier, body[at + size:]


class Client:
    """One connection, used by one thread."""

    def __init__(self, port, name, clean=True, is_lasting=False):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=10)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.packets = Packets()
        self.pending = []
        # Session Expiry Interval (3.1.2.11.2): never, or at once.
        properties = b"\x11" + struct.pack(">I", 0xFFFFFFFF if is_lasting else 0)
        flags = 2 if clean else 0
        self.send(packet(CONNECT, 0, text("MQTT") + bytes([5, flags, 0, 0])
                         + size_of_rest(len(properties)) + properties + text(name)))
        self.expect(CONNACK)

    def send(self, data):
        self.socket.sendall(data)

    def next(self, seconds):
        """The next packet, or None when none came in time."""
        deadline = time.monotonic() + seconds
        while not self.pending:
            wait = deadline - time.monotonic()
            if not select.select([self.socket], [], [], max(0, wait))[0]:
                return None
            data = self.socket.recv(1 << 16)
            if not data:
                raise ConnectionError("the broker closed the connection")
            self.pending += self.packets.feed(data)
        return self.pending.pop(0)

    def expect(self, kind):
        while True:
            got = self.next(10)
            if got is None:
                raise ConnectionError("the broker does not answer")
            if got[0] == kind:
                return got
            self.between(got)

    def between(self, got):
        """What comes before an expected packet: `retained` keeps it."""

    def subscribe(self, *topics):
        body = struct.pack(">H", 1) + b"\x00"
        body += b"".join(text(topic) + b"\x01" for topic in topics)
        self.send(packet(SUBSCRIBE, 2, body))
        granted = self.expect(SUBACK)[2]
        if granted[-1] >= 128:
            raise ConnectionError("the broker refused a subscription")

    def publish(self, topic, payload, identifier, retain=False):
        flags = 2 | (1 if retain else 0)
        self.send(packet(PUBLISH, flags,
                         text(topic) + struct.pack(">H", identifier) + b"\x00" + payload))

    def publish_retained(self, messages):
        for number, (topic, payload) in enumerate(messages, 1):
            self.publish(topic, payload, number, retain=True)
            self.expect(PUBACK)

    def close(self):
        """Says goodbye (3.14), so that a session that does not last ends."""
        try:
            self.send(packet(14, 0, b""))
        except OSError:
            pass
        self.socket.close()


def retained(port, *topics, quiet=0.5):
    """The retained messages of some topics: {topic: payload}."""
    client = Client(port, "collector")
    found = {}

    def keep(got):
        if got[0] == PUBLISH:
            topic, identifier, payload = parse_publish(got[1], got[2])
            found[topic] = payload
            if identifier is not None:
                client.send(packet(PUBACK, 0, struct.pack(">H", identifier)))

    client.between = keep
    client.subscribe(*topics)
    while (got := client.next(quiet)) is not None:
        keep(got)
    client.close()
    return found


class Publisher(threading.Thread):
    """Publishes lines at QoS 1 until each has its PUBACK, through any number of connections."""

    WINDOW = 100

    def __init__(self, port, topic, lines, rate=None, name="sensors"):
        super().__init__(daemon=True)
        self.port, self.topic, self.lines, self.rate = port, topic, lines, rate
        self.client_name = name
        self.acknowledged = set()
        self.connections = 0
        self.error = None
        # Lines that have been sent at least once.
        self.begun = 0

    def run(self):
        start, waiting, free = time.monotonic(), {}, list(range(1, 60_000))
        deadline = None
        while len(self.acknowledged) < len(self.lines):
            try:
                client = Client(self.port, self.client_name)
                self.connections += 1
                deadline = None
                for identifier, index in sorted(waiting.items(), key=lambda item: item[1]):
                    client.publish(self.topic, self.lines[index], identifier)
                while len(self.acknowledged) < len(self.lines):
                    due = len(self.lines)
                    if self.rate:
                        due = min(due, int((time.monotonic() - start) * self.rate) + 1)
                    while self.begun < due and len(waiting) < self.WINDOW:
                        identifier = free.pop(0)
                        waiting[identifier] = self.begun
                        client.publish(self.topic, self.lines[self.begun], identifier)
                        self.begun += 1
                    got = client.next(0.02)
                    while got is not None:
                        if got[0] == PUBACK:
                            self.take(got[2], waiting, free)
                        got = client.next(0)
                client.close()
            except OSError as error:
                deadline = deadline or time.monotonic() + 60
                if time.monotonic() > deadline:
                    self.error = error
                    return
                time.sleep(0.05)

    def take(self, body, waiting, free):
        identifier = struct.unpack_from(">H", body)[0]
        # A reason code from 128 on is a refusal (3.4.2.1).
        if len(body) > 2 and body[2] >= 128:
            raise ConnectionError(f"the broker refused a reading with code {body[2]}")
        index = waiting.pop(identifier, None)
        if index is not None:
            self.acknowledged.add(key_of(self.lines[index]))
            free.append(identifier)


def key_of(line):
    """Unit and cycle of a row."""
    return b" ".join(line.split(b" ", 2)[:2]).decode()


class Tap:
    """Stands between one agent and its broker, and notes what the agent acknowledged.

    What a killed agent had written to its socket counts as acknowledged: it has left the agent.
    """

    def __init__(self, broker_port, readings_topic):
        self.broker_port, self.readings_topic = broker_port, readings_topic
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.lock = threading.Lock()
        # How often each key was delivered to the agent, and acknowledged by it.
        self.delivered, self.acknowledged = {}, {}
        threading.Thread(target=self.accept, daemon=True).start()

    def acknowledged_count(self):
        with self.lock:
            return len(self.acknowledged)

    def close(self):
        # Closing alone would leave the thread, and the socket, in accept() for good.
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def accept(self):
        while True:
            try:
                agent, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(agent,), daemon=True).start()

    def serve(self, agent):
        try:
            broker = socket.create_connection(("127.0.0.1", self.broker_port), timeout=10)
        except OSError:
            agent.close()
            return
        for end in (agent, broker):
            end.settimeout(None)
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        inflight, down, up = {}, Packets(), Packets()
        ends = {agent: (broker, up), broker: (agent, down)}
        while True:
            for end in select.select([agent, broker], [], [])[0]:
                other, packets = ends[end]
                try:
                    data = end.recv(1 << 16)
                except OSError:
                    data = b""
                if not data:
                    # What the agent had said when the broker died has left the agent, too.
                    if end is broker:
                        self.drain(agent, up, inflight)
                    agent.close()
                    broker.close()
                    return
                for got in packets.feed(data):
                    self.note(got, inflight, is_up=end is agent)
                try:
                    other.sendall(data)
                except OSError:
                    # The other one is gone, and reading from it will say so.
                    continue

    def drain(self, agent, up, inflight):
        agent.setblocking(False)
        try:
            while data := agent.recv(1 << 16):
                for got in up.feed(data):
                    self.note(got, inflight, is_up=True)
        except OSError:
            pass

    def note(self, got, inflight, is_up):
        kind, flags, body = got
        if kind == PUBLISH and not is_up:
            topic, identifier, payload = parse_publish(flags, body)
            if topic == self.readings_topic and identifier is not None:
                key = key_of(payload)
                inflight[identifier] = key
                with self.lock:
                    self.delivered[key] = self.delivered.get(key, 0) + 1
        elif kind == PUBACK and is_up:
            key = inflight.pop(struct.unpack_from(">H", body)[0], None)
            if key is not None and (len(body) < 3 or body[2] < 128):
                with self.lock:
                    self.acknowledged[key] = self.acknowledged.get(key, 0) + 1
