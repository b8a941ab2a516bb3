"""The models of a workspace as a Python service would run them: ONNX Runtime and XGBoost.

The LSTM is the float network that was quantized, the trees are the booster that was trained, and the
features are docs/recipe.md's, in NumPy. So a peer predicts what the device predicts, up to the
quantization, and the benchmark checks that.
"""

import glob
import os

import numpy as np
import onnx
import onnxruntime
import xgboost
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import QuantType, quantize_dynamic
from safetensors import safe_open

SENSORS = [number + 2 for number in (2, 3, 4, 7, 8, 9, 11, 12, 13, 14, 15, 17, 20, 21)]
WINDOW, CHANNELS, ENGINEERED = 30, 29, 152


def tensors(path):
    with safe_open(path, "np") as file:
        return {name: file.get_tensor(name) for name in file.keys()}, file.metadata() or {}


class Models:
    """The ensemble of a workspace and the float models that it was made from."""

    def __init__(self, workspace, folder):
        runs = os.path.join(workspace, "objects", "models")
        for path in sorted(glob.glob(os.path.join(runs, "*", "bundle.safetensors"))):
            self.bundle, metadata = tensors(path)
            members = metadata.get("members", "")
            if "xgboost:" in members and "lstm:" in members:
                break
        else:
            raise SystemExit(f"{runs} holds no ensemble of xgboost and lstm")
        self.path, self.run_id = path, metadata["run_id"]
        run = {part.split(":")[0]: part.split(":")[1].split("=")[0] for part in members.split(",")}
        order = [part.split(":")[0] for part in members.split(",")]
        self.lstm_index = order.index("lstm")
        self.trees_index = order.index("xgboost")
        self.weight = [float(self.bundle[f"member{i}.weight"][0]) for i in range(2)]
        self.booster = xgboost.Booster()
        self.booster.load_model(os.path.join(runs, run["xgboost"], "float-model.json"))
        self.booster.set_param({"nthread": 1})
        self.columns = self.bundle[f"member{self.trees_index}.trees.feature_index"].astype(int)
        self.correction = self.bundle[f"member{self.lstm_index}.lstm.correction"]
        weights, _ = tensors(os.path.join(runs, run["lstm"], "float-model.safetensors"))
        self.float_path = os.path.join(folder, "lstm.onnx")
        self.int8_path = os.path.join(folder, "lstm-int8.onnx")
        onnx.save(onnx_model(weights), self.float_path)
        quantize_dynamic(self.float_path, self.int8_path, weight_type=QuantType.QInt8)

    def session(self, path):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])

    def rul(self, session, windows, engineered):
        """RULs of windows [row, 30, 29] and features [row, 152]."""
        out = session.run(None, {"x": windows.transpose(1, 0, 2)})[0]
        lstm = np.clip(self.correction[0] * out[:, 0] + self.correction[1], 0, 125)
        rows = np.ascontiguousarray(engineered[:, self.columns])
        trees = np.clip(self.booster.inplace_predict(rows), 0, 125)
        return self.weight[self.lstm_index] * lstm + self.weight[self.trees_index] * trees


def onnx_model(weights):
    """Two LSTM layers, attention over time and the head, from PyTorch's names and gate order."""
    names = []

    def constant(name, array):
        names.append(numpy_helper.from_array(np.ascontiguousarray(array, np.float32), name))
        return name

    def gates(array):  # PyTorch: i f g o; ONNX: i o f c
        i, f, g, o = np.split(array, 4)
        return np.concatenate([i, o, f, g])

    nodes, source = [], "x"
    for layer in "ab":
        bias = np.concatenate([gates(weights[f"{layer}.bias_{part}_l0"]) for part in ("ih", "hh")])
        inputs = [
            source, constant(f"{layer}.w", gates(weights[f"{layer}.weight_ih_l0"])[None]),
            constant(f"{layer}.r", gates(weights[f"{layer}.weight_hh_l0"])[None]),
            constant(f"{layer}.b", bias[None]),
        ]
        hidden = weights[f"{layer}.weight_hh_l0"].shape[1]
        nodes.append(helper.make_node("LSTM", inputs, [f"{layer}.y4"], hidden_size=hidden))
        axes = constant_axes = f"{layer}.axes"
        names.append(numpy_helper.from_array(np.array([1], np.int64), constant_axes))
        nodes.append(helper.make_node("Squeeze", [f"{layer}.y4", axes], [f"{layer}.y"]))
        source = f"{layer}.y"
    names.append(numpy_helper.from_array(np.array([0], np.int64), "time"))
    names.append(numpy_helper.from_array(np.array(WINDOW - 1, np.int64), "last"))
    constant("w.wt", weights["w.weight"].T), constant("w.b", weights["w.bias"])
    constant("v.wt", weights["v.weight"].T)
    constant("h.wt", weights["h.weight"].T), constant("h.b", weights["h.bias"])
    constant("o.wt", weights["o.weight"].T), constant("o.b", weights["o.bias"])
    nodes += [
        helper.make_node("MatMul", [source, "w.wt"], ["w0"]),
        helper.make_node("Add", ["w0", "w.b"], ["w1"]), helper.make_node("Tanh", ["w1"], ["w2"]),
        helper.make_node("MatMul", ["w2", "v.wt"], ["score"]),
        helper.make_node("Softmax", ["score"], ["share"], axis=0),
        helper.make_node("Mul", ["share", source], ["part"]),
        helper.make_node("ReduceSum", ["part", "time"], ["sum"], keepdims=0),
        helper.make_node("Gather", [source, "last"], ["end"], axis=0),
        helper.make_node("Add", ["sum", "end"], ["context"]),
        helper.make_node("Gemm", ["context", "h.wt", "h.b"], ["h0"]),
        helper.make_node("Relu", ["h0"], ["h1"]),
        helper.make_node("Gemm", ["h1", "o.wt", "o.b"], ["out"]),
    ]
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [WINDOW, "rows", CHANNELS])
    out = helper.make_tensor_value_info("out", TensorProto.FLOAT, ["rows", 2])
    graph = helper.make_graph(nodes, "lstm", [x], [out], names)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


class Unit:
    """The features of one unit, one reading at a time (docs/recipe.md)."""

    STEPS = np.arange(WINDOW, dtype=float)

    def __init__(self, bundle):
        self.mean, self.deviation = bundle["features.mean"], bundle["features.deviation"]
        self.centroids, self.health = bundle["features.centroids"], bundle["features.health"]
        self.age_max = int(bundle["features.age_max"][0])
        self.count, self.numerator, self.denominator = 0, np.zeros(15), 0.0
        self.slow, self.slow_denominator = 0.0, 0.0
        # The 14 sensors' z-scores and the health index behind them.
        self.sum, self.timed, self.baseline = np.zeros(15), np.zeros(15), np.zeros(15)
        self.scores = np.zeros((0, 15))
        self.channels = np.zeros((0, CHANNELS), np.float32)

    def append(self, cycle, columns):
        settings = columns[:3] / np.array([42, 0.84, 100])
        self.regime = int(((settings - self.centroids) ** 2).sum(1).argmin())
        z = (columns[SENSORS] - self.mean[self.regime]) / self.deviation[self.regime]
        index = np.clip(z @ self.health[:14] + self.health[14], -4, 4)
        z = np.append(z, index)
        self.sum += z
        self.timed += self.count * z
        if self.count < 20:
            self.baseline += z
        self.count += 1
        self.numerator = z + 0.9 * self.numerator
        self.denominator = 1 + 0.9 * self.denominator
        self.slow = index + 0.97 * self.slow
        self.slow_denominator = 1 + 0.97 * self.slow_denominator
        self.scores = np.vstack([self.scores[-(WINDOW - 1):], z])
        self.age = min(cycle, self.age_max)
        own = self.sum / self.count
        channels = np.concatenate(
            [(self.numerator / self.denominator)[:14], own[:14], [self.age / 200 - 1]])
        self.channels = np.vstack([self.channels[-(WINDOW - 1):], channels.astype(np.float32)])

    def window(self):
        missing = WINDOW - len(self.channels)
        return self.channels if missing == 0 else np.vstack(
            [np.repeat(self.channels[:1], missing, 0), self.channels])

    def engineered(self):
        scores = self.scores
        count = len(scores)
        step = self.STEPS[:count] - (count - 1) / 2
        slope = step @ scores / max((step * step).sum(), 1e-300)
        mean, recent = scores.mean(0), scores[-5:].mean(0)
        ewma, own = self.numerator / self.denominator, self.sum / self.count
        baseline = self.baseline / min(self.count, 20)
        spread = self.count * (self.count ** 2 - 1) / 12
        life = (self.timed - (self.count - 1) / 2 * self.sum) / spread if spread else np.zeros(15)
        table = np.stack([
            scores[-1], ewma, mean, scores.std(0), slope, scores.min(0), scores.max(0), recent,
            recent - baseline])
        index = [
            scores[-1, 14], ewma[14], self.slow / self.slow_denominator, own[14], baseline[14],
            ewma[14] - baseline[14], ewma[14] - own[14], life[14], slope[14], mean[14]]
        return np.concatenate(
            [table[:, :14].T.ravel(), [self.age, self.regime], life[:14], index]
        ).astype(np.float32)
