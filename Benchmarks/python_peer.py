"""What one would write in Python: the agent's promise with paho-mqtt, ONNX Runtime, XGBoost, sqlite3.

Readings at QoS 1 are scored in batches by the same models, committed with synchronous=FULL, and only
then acknowledged; predictions are published at QoS 1. No duplicates are looked for, no events, models
or logs served: it does less than the agent.

    python_peer.py PORT PREFIX WORKSPACE FOLDER
"""

import json
import sqlite3
import struct
import sys
import time

import numpy as np
import paho.mqtt.client as mqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from peer_models import Models, Unit

BATCH = 256


def main():
    port, prefix, workspace, folder = int(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4]
    models = Models(workspace, folder)
    session = models.session(models.float_path)
    database = sqlite3.connect(f"{folder}/peer.sqlite", isolation_level=None)
    database.execute("PRAGMA journal_mode=WAL")
    database.execute("PRAGMA synchronous=FULL")
    database.execute(
        "CREATE TABLE readings (unit TEXT, cycle INTEGER, snapshot BLOB, received REAL, rul REAL,"
        " PRIMARY KEY (unit, cycle)) WITHOUT ROWID")
    units, pending = {}, []
    client = mqtt.Client(
        mqtt.CallbackAPIVersion.VERSION2, client_id="python-peer", protocol=mqtt.MQTTv5,
        manual_ack=True)
    client.max_inflight_messages_set(1000)
    client.on_message = lambda client, _, message: pending.append(message)
    properties = Properties(PacketTypes.CONNECT)
    properties.ReceiveMaximum = 512
    properties.SessionExpiryInterval = 3600
    client.connect("127.0.0.1", port, properties=properties)
    client.on_connect = lambda *_: client.subscribe(f"{prefix}/readings", qos=1)
    client.on_subscribe = lambda *_: client.publish(f"{prefix}/status", "online", 1, True)

    while True:
        before = len(pending)
        client.loop(0 if pending else 0.1)
        if pending and (len(pending) == before or len(pending) >= BATCH):
            batch, pending[:] = pending[:BATCH], pending[BATCH:]
            serve(client, database, models, session, units, batch, prefix)


def serve(client, database, models, session, units, batch, prefix):
    windows = np.empty((len(batch), 30, 29), np.float32)
    engineered = np.empty((len(batch), 152), np.float32)
    rows, now = [], time.time()
    for index, message in enumerate(batch):
        words = message.payload.split()
        name, cycle = words[0].decode(), int(words[1])
        columns = np.array(words[2:], np.float32).astype(float)
        unit = units.get(name)
        if unit is None:
            unit = units[name] = Unit(models.bundle)
        unit.append(cycle, columns)
        windows[index], engineered[index] = unit.window(), unit.engineered()
        rows.append((name, cycle, struct.pack("<24f", *columns), now))
    ruls = models.rul(session, windows, engineered)
    database.execute("BEGIN")
    database.executemany(
        "INSERT INTO readings VALUES (?, ?, ?, ?, ?)",
        [row + (float(rul),) for row, rul in zip(rows, ruls)])
    database.execute("COMMIT")
    for message in batch:
        client.ack(message.mid, message.qos)
    for (name, cycle, _, _), rul in zip(rows, ruls):
        client.publish(
            f"{prefix}/engines/{name}/predictions",
            json.dumps({"unit": name, "cycle": cycle, "rul": float(rul)}), qos=1)


main()
