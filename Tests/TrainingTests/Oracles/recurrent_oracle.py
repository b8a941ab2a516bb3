"""Independent forward pass, loss and gradient of the recurrent nets, in NumPy and float64.

Written from the formulas. The gradient is by finite differences, so it knows nothing of
back-propagation. Problems and answers are JSON on standard input and output.

    recurrent_oracle.py gradient         outputs, loss, and the gradient by every weight
    recurrent_oracle.py step             the weights after some steps of PyTorch's AdamW (needs torch)
    recurrent_oracle.py fixture FOLDER   the reference's weights, windows and predictions on FD001

A problem: kind, steps (cycles of a window), channels, first, second, weights {name: [value]} in
PyTorch's names, windows [value], ruls, failure_weight, and for `step` rates, weight_decay,
gradient_norm.
"""
import json
import sys

import numpy as np

CAP, HORIZON = 125.0, 30


def shapes(p):
    gates = 4 if p["kind"] == "lstm" else 3
    n, a, b = p["channels"], p["first"], p["second"]
    layers = {}
    for name, inputs, hidden in (("a", n, a), ("b", a, b)):
        layers[f"{name}.weight_ih_l0"] = (gates * hidden, inputs)
        layers[f"{name}.weight_hh_l0"] = (gates * hidden, hidden)
        layers[f"{name}.bias_ih_l0"] = layers[f"{name}.bias_hh_l0"] = (gates * hidden,)
    attention = {"w.weight": (b, b), "w.bias": (b,), "v.weight": (1, b)}
    head = {"h.weight": (b, b), "h.bias": (b,), "o.weight": (2, b), "o.bias": (2,)}
    return {**layers, **(attention if p["kind"] == "lstm" else {}), **head}


def arrays(p, dtype):
    weights = {
        name: np.array(p["weights"][name], dtype).reshape(shape) for name, shape in shapes(p).items()
    }
    windows = np.array(p["windows"], dtype).reshape(len(p["ruls"]), p["steps"], p["channels"])
    return weights, windows


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def lstm(x, w, name, hidden):
    h, c, out = np.zeros((len(x), hidden)), np.zeros((len(x), hidden)), []
    for t in range(x.shape[1]):
        s = x[:, t] @ w[f"{name}.weight_ih_l0"].T + h @ w[f"{name}.weight_hh_l0"].T
        i, f, g, o = np.split(s + w[f"{name}.bias_ih_l0"] + w[f"{name}.bias_hh_l0"], 4, 1)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
        out.append(h)
    return np.stack(out, 1)


def gru(x, w, name, hidden):
    h, out = np.zeros((len(x), hidden)), []
    for t in range(x.shape[1]):
        s = np.split(x[:, t] @ w[f"{name}.weight_ih_l0"].T + w[f"{name}.bias_ih_l0"], 3, 1)
        u = np.split(h @ w[f"{name}.weight_hh_l0"].T + w[f"{name}.bias_hh_l0"], 3, 1)
        r, z = sigmoid(s[0] + u[0]), sigmoid(s[1] + u[1])
        h = (1 - z) * np.tanh(s[2] + r * u[2]) + z * h
        out.append(h)
    return np.stack(out, 1)


def forward(p, w, x):
    cell = lstm if p["kind"] == "lstm" else gru
    y = cell(cell(x, w, "a", p["first"]), w, "b", p["second"])
    context = y[:, -1]
    if p["kind"] == "lstm":
        e = np.tanh(y @ w["w.weight"].T + w["w.bias"]) @ w["v.weight"].T
        share = np.exp(e - e.max(1, keepdims=True))
        context = (share / share.sum(1, keepdims=True) * y).sum(1) + context
    dense = np.maximum(context @ w["h.weight"].T + w["h.bias"], 0)
    return dense @ w["o.weight"].T + w["o.bias"]


def loss(p, w, x):
    out, rul = forward(p, w, x), np.array(p["ruls"], float)
    failure = (rul <= HORIZON).astype(float)
    error = out[:, 0] - np.minimum(rul, CAP) / CAP
    entropy = -failure * np.log(sigmoid(out[:, 1])) - (1 - failure) * np.log(sigmoid(-out[:, 1]))
    return (error**2).mean() + p["failure_weight"] * entropy.mean()


def gradient(p):
    w, x = arrays(p, float)
    slopes, reach = [], 1e-5
    for name in shapes(p):
        values = w[name].reshape(-1)
        for index, value in enumerate(values):
            values[index] = value + reach
            above = loss(p, w, x)
            values[index] = value - reach
            slopes.append((above - loss(p, w, x)) / (2 * reach))
            values[index] = value
    return {"loss": loss(p, w, x), "outputs": forward(p, w, x).ravel().tolist(), "values": slopes}


def step(p):
    import torch
    from torch import nn

    torch.set_num_threads(1)

    class Network(nn.Module):
        def __init__(self):
            super().__init__()
            cell = nn.LSTM if p["kind"] == "lstm" else nn.GRU
            self.a = cell(p["channels"], p["first"], batch_first=True)
            self.b = cell(p["first"], p["second"], batch_first=True)
            if p["kind"] == "lstm":
                self.w = nn.Linear(p["second"], p["second"])
                self.v = nn.Linear(p["second"], 1, bias=False)
            self.h, self.o = nn.Linear(p["second"], p["second"]), nn.Linear(p["second"], 2)

        def forward(self, x):
            y = self.b(self.a(x)[0])[0]
            context = y[:, -1]
            if p["kind"] == "lstm":
                share = torch.softmax(self.v(torch.tanh(self.w(y))), 1)
                context = (share * y).sum(1) + context
            return self.o(torch.relu(self.h(context)))

    w, x = arrays(p, np.float32)
    net, x = Network(), torch.from_numpy(x)
    net.load_state_dict({name: torch.from_numpy(value) for name, value in w.items()})
    rul = torch.tensor(p["ruls"], dtype=torch.float32)
    target, failure = rul.clamp(max=CAP) / CAP, (rul <= HORIZON).float()
    optimizer = torch.optim.AdamW(net.parameters(), 1.0, weight_decay=p["weight_decay"])
    for rate in p["rates"]:
        optimizer.param_groups[0]["lr"] = rate
        out = net(x)
        entropy = nn.functional.binary_cross_entropy_with_logits(out[:, 1], failure)
        value = ((out[:, 0] - target) ** 2).mean() + p["failure_weight"] * entropy
        optimizer.zero_grad()
        value.backward()
        nn.utils.clip_grad_norm_(net.parameters(), p["gradient_norm"])
        optimizer.step()
    state = net.state_dict()
    after = [state[name].reshape(-1).tolist() for name in shapes(p)]
    return {"loss": value.item(), "outputs": [], "values": [v for part in after for v in part]}


def fixture(folder):
    model, inputs = np.load(f"{folder}/fd001_lstm.npz"), np.load(f"{folder}/fd001_inputs.npz")
    prefix = "weights/"
    return {
        "weights": {k[len(prefix):]: model[k].ravel().tolist() for k in model if k.startswith(prefix)},
        "windows": inputs["test_windows"].ravel().tolist(),
        "ruls": inputs["true_rul"].astype(int).tolist(),
        "predictions": model["rul"].tolist(),
        "probabilities": model["probability"].tolist(),
    }


if __name__ == "__main__":
    if sys.argv[1] == "fixture":
        answer = fixture(sys.argv[2])
    else:
        answer = {"gradient": gradient, "step": step}[sys.argv[1]](json.load(sys.stdin))
    json.dump(answer, sys.stdout)
