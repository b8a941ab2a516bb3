"""The quantized LSTM after docs/int8-arithmetic.md, in NumPy, over many windows at once.

    int8_oracle.py BUNDLE WINDOWS     prints per window the bits of RUL (not clamped) and margin

BUNDLE is a bundle as a device receives it, WINDOWS little-endian Float32 [window, 30, 29].
"""
import json
import sys

import numpy as np

F = np.float32
TYPES = {"F64": "<f8", "F32": "<f4", "I8": "i1", "U8": "u1", "I32": "<i4", "U64": "<u8"}


def tensors(path):
    data = open(path, "rb").read()
    size = int.from_bytes(data[:8], "little")
    out = {}
    for name, entry in json.loads(data[8:8 + size]).items():
        if name != "__metadata__":
            begin, end = (8 + size + offset for offset in entry["data_offsets"])
            values = np.frombuffer(data[begin:end], TYPES[entry["dtype"]])
            out[name.removeprefix("member0.")] = values.reshape(entry["shape"])
    return out


def clamp(x, low, high):
    return np.minimum(np.maximum(x, F(low)), F(high))


def exp(x):
    b = clamp(x, -60, 60)
    m = F(12582912)
    n = (b * F(1.44269504) + m) - m
    r = (b - n * F(float.fromhex("0x1.62e4p-1"))) - n * F(float.fromhex("0x1.7f7d1cp-20"))
    p = r * F(1 / 5040) + F(1 / 720)
    for c in (1 / 120, 1 / 24, 1 / 6, 0.5, 1, 1):
        p = p * r + F(c)
    return np.ldexp(p, n.astype(np.int32))


def sigmoid(x):
    return F(1) / (F(1) + exp(F(0) - x))


def tanh(x):
    return F(2) / (F(1) + exp(F(-2) * x)) - F(1)


class Layer:
    def __init__(self, t, name, count):
        self.weight = t[f"lstm.{name}.weight"].astype(np.int64)
        self.scale, self.bias = t[f"lstm.{name}.scale"], t[f"lstm.{name}.bias"]
        self.rate = F(1) / t[f"lstm.{name}.hidden_scale"]
        self.hq = np.zeros((count, len(self.rate)), np.int64)
        self.cell = np.zeros((count, len(self.rate)), F)

    def step(self, inputs):
        acc = np.concatenate([inputs, self.hq], 1) @ self.weight.T
        assert np.abs(acc).max() < 2**22
        i, f, g, o = np.split(acc.astype(F) * self.scale + self.bias, 4, 1)
        e = (sigmoid(f) * (self.cell * F(2**-11)) + sigmoid(i) * tanh(g)) * F(2**11)
        self.cell = np.rint(clamp(e, -32768, 32767))
        h = sigmoid(o) * tanh(self.cell * F(2**-11))
        self.hq = np.rint(clamp(h * self.rate, -127, 127)).astype(np.int64)
        return h


def dense(x, weight, bias):
    total = np.broadcast_to(bias, (len(x), len(bias)))
    for k in range(x.shape[1]):
        total = total + weight[:, k] * x[:, k:k + 1]
    return total


def run(t, x):
    rate = F(1) / t["lstm.input_scale"]
    q = np.rint(clamp(x * rate, -127, 127)).astype(np.int64)
    a, b, y = Layer(t, "a", len(x)), Layer(t, "b", len(x)), []
    for step in range(30):
        a.step(q[:, step])
        y.append(b.step(a.hq))
    score = []
    for h in y:
        u, total = tanh(dense(h, t["lstm.w.weight"], t["lstm.w.bias"])), np.zeros(len(x), F)
        for j in range(u.shape[1]):
            total = total + t["lstm.v.weight"][j] * u[:, j]
        score.append(total)
    highest = np.max(score, 0)
    weight = [exp(s - highest) for s in score]
    total = np.zeros(len(x), F)
    for w in weight:
        total = total + w
    context = np.zeros_like(y[0])
    for w, h in zip(weight, y):
        context = context + (w / total)[:, None] * h
    context = context + y[-1]
    d = np.maximum(dense(context, t["lstm.h.weight"], t["lstm.h.bias"]), F(0))
    out = dense(d, t["lstm.o.weight"], t["lstm.o.bias"])
    slope, intercept = t["lstm.correction"]
    return slope * out[:, 0] + intercept, -out[:, 1]


if __name__ == "__main__":
    windows = np.fromfile(sys.argv[2], "<f4").reshape(-1, 30, 29)
    model = tensors(sys.argv[1])
    for start in range(0, len(windows), 1000):
        rul, margin = run(model, windows[start:start + 1000])
        assert rul.dtype == margin.dtype == F
        for pair in zip(rul.view(np.uint32), margin.view(np.uint32)):
            print(*pair)
