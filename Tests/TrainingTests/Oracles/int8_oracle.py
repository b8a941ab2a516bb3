"""The quantized recurrent nets after docs/int8-arithmetic.md, in NumPy, over many windows at once.

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


class Matrix:
    def __init__(self, t, name):
        self.weight = t[f"{name}.weight"].astype(np.int64)
        self.scale, self.bias = t[f"{name}.scale"], t[f"{name}.bias"]

    def __call__(self, values):
        acc = values @ self.weight.T
        assert np.abs(acc).max() < 2**22
        return acc.astype(F) * self.scale + self.bias


class Layer:
    def __init__(self, t, name, count):
        self.rate = F(1) / t[f"{name}.hidden_scale"]
        self.hq = np.zeros((count, len(self.rate)), np.int64)
        self.kept = np.zeros((count, len(self.rate)), F)
        self.gates = Matrix(t, name)

    def step(self, inputs):
        h = self.cell(inputs)
        self.hq = np.rint(clamp(h * self.rate, -127, 127)).astype(np.int64)
        return h


class LSTMLayer(Layer):
    def cell(self, inputs):
        i, f, g, o = np.split(self.gates(np.concatenate([inputs, self.hq], 1)), 4, 1)
        e = (sigmoid(f) * (self.kept * F(2**-11)) + sigmoid(i) * tanh(g)) * F(2**11)
        self.kept = np.rint(clamp(e, -32768, 32767))
        return sigmoid(o) * tanh(self.kept * F(2**-11))


class GRULayer(Layer):
    def __init__(self, t, name, count):
        super().__init__(t, name, count)
        self.new_input, self.new_hidden = Matrix(t, f"{name}.new_input"), Matrix(t, f"{name}.new_hidden")

    def cell(self, inputs):
        r, z = np.split(sigmoid(self.gates(np.concatenate([inputs, self.hq], 1))), 2, 1)
        n = tanh(self.new_input(inputs) + r * self.new_hidden(self.hq))
        e = ((F(1) - z) * n + z * (self.kept * F(2**-15))) * F(2**15)
        self.kept = np.rint(clamp(e, -32768, 32767))
        return self.kept * F(2**-15)


def dense(x, weight, bias):
    total = np.broadcast_to(bias, (len(x), len(bias)))
    for k in range(x.shape[1]):
        total = total + weight[:, k] * x[:, k:k + 1]
    return total


def attend(t, y):
    score, count = [], len(y[0])
    for h in y:
        u, total = tanh(dense(h, t["lstm.w.weight"], t["lstm.w.bias"])), np.zeros(count, F)
        for j in range(u.shape[1]):
            total = total + t["lstm.v.weight"][j] * u[:, j]
        score.append(total)
    highest = np.max(score, 0)
    weight = [exp(s - highest) for s in score]
    total = np.zeros(count, F)
    for w in weight:
        total = total + w
    context = np.zeros_like(y[0])
    for w, h in zip(weight, y):
        context = context + (w / total)[:, None] * h
    return context + y[-1]


def run(t, x):
    kind = "lstm" if "lstm.input_scale" in t else "gru"
    layer = LSTMLayer if kind == "lstm" else GRULayer
    rate = F(1) / t[f"{kind}.input_scale"]
    q = np.rint(clamp(x * rate, -127, 127)).astype(np.int64)
    a, b, y = layer(t, f"{kind}.a", len(x)), layer(t, f"{kind}.b", len(x)), []
    for step in range(30):
        a.step(q[:, step])
        y.append(b.step(a.hq))
    context = attend(t, y) if kind == "lstm" else y[-1]
    d = np.maximum(dense(context, t[f"{kind}.h.weight"], t[f"{kind}.h.bias"]), F(0))
    out = dense(d, t[f"{kind}.o.weight"], t[f"{kind}.o.bias"])
    slope, intercept = t[f"{kind}.correction"]
    return slope * out[:, 0] + intercept, -out[:, 1]


if __name__ == "__main__":
    windows = np.fromfile(sys.argv[2], "<f4").reshape(-1, 30, 29)
    model = tensors(sys.argv[1])
    for start in range(0, len(windows), 1000):
        rul, margin = run(model, windows[start:start + 1000])
        assert rul.dtype == margin.dtype == F
        for pair in zip(rul.view(np.uint32), margin.view(np.uint32)):
            print(*pair)
