import Features
import Inference

/// How a bundle stores a quantized LSTM; names after PyTorch's, as in `docs/int8-arithmetic.md`.
extension ModelBundle {
    /// Whether a file's model is an LSTM.
    static func holdsLSTM(_ reader: TensorReader) -> Bool { reader.has("lstm.input_scale") }

    static func tensors(of network: QuantizedLSTM) -> [Tensor] {
        [
            Tensor("lstm.input_scale", [network.inputScales.count], network.inputScales),
            Tensor("lstm.v.weight", [network.attentionScore.count], network.attentionScore),
            Tensor(
                "lstm.o.weight", [QuantizedLSTM.outputCount, network.second.unitCount],
                network.outputWeights),
            Tensor("lstm.o.bias", [QuantizedLSTM.outputCount], network.outputBiases),
            Tensor("lstm.correction", [2], [network.slope, network.intercept]),
        ] + tensors(of: network.first, "lstm.a") + tensors(of: network.second, "lstm.b")
            + tensors(of: network.attention, "lstm.w") + tensors(of: network.head, "lstm.h")
    }

    static func lstm(_ reader: inout TensorReader) throws(ModelBundleError) -> QuantizedLSTM {
        let inputScales = try reader.floats("lstm.input_scale", [FeatureSpec.channelCount])
        let first = try layer("lstm.a", &reader)
        let second = try layer("lstm.b", &reader)
        let width = second.unitCount
        let attention = try dense("lstm.w", width, &reader)
        let score = try reader.floats("lstm.v.weight", [width])
        let head = try dense("lstm.h", width, &reader)
        let output = try reader.floats("lstm.o.weight", [QuantizedLSTM.outputCount, width])
        let biases = try reader.floats("lstm.o.bias", [QuantizedLSTM.outputCount])
        let correction = try reader.floats("lstm.correction", [2])
        do throws(InferenceError) {
            return try QuantizedLSTM(
                inputScales: inputScales, first: first, second: second, attention: attention,
                attentionScore: score, head: head, outputWeights: output, outputBiases: biases,
                slope: correction[0], intercept: correction[1])
        } catch {
            throw .model(error)
        }
    }

    private static func tensors(of layer: QuantizedLSTMLayer, _ prefix: String) -> [Tensor] {
        let rows = layer.rowScales.count
        return [
            Tensor(
                "\(prefix).weight", .i8, [rows, layer.inputCount + layer.unitCount],
                words: layer.weights),
            Tensor("\(prefix).scale", [rows], layer.rowScales),
            Tensor("\(prefix).bias", [rows], layer.biases),
            Tensor("\(prefix).hidden_scale", [layer.unitCount], layer.hiddenScales),
        ]
    }

    private static func layer(
        _ prefix: String, _ reader: inout TensorReader
    ) throws(ModelBundleError) -> QuantizedLSTMLayer {
        let hiddenScales = try reader.floats("\(prefix).hidden_scale", [nil])
        let rows = QuantizedLSTMLayer.gateCount * hiddenScales.count
        let weights = try reader.int8s("\(prefix).weight", [rows, nil])
        let rowScales = try reader.floats("\(prefix).scale", [rows])
        let biases = try reader.floats("\(prefix).bias", [rows])
        do throws(InferenceError) {
            return try QuantizedLSTMLayer(
                inputCount: weights.count / max(rows, 1) - hiddenScales.count, weights: weights,
                rowScales: rowScales, biases: biases, hiddenScales: hiddenScales)
        } catch {
            throw .model(error)
        }
    }

    private static func tensors(of layer: DenseLayer, _ prefix: String) -> [Tensor] {
        [
            Tensor("\(prefix).weight", [layer.outputCount, layer.inputCount], layer.weights),
            Tensor("\(prefix).bias", [layer.outputCount], layer.biases),
        ]
    }

    private static func dense(
        _ prefix: String, _ width: Int, _ reader: inout TensorReader
    ) throws(ModelBundleError) -> DenseLayer {
        let weights = try reader.floats("\(prefix).weight", [width, width])
        let biases = try reader.floats("\(prefix).bias", [width])
        do throws(InferenceError) {
            return try DenseLayer(inputCount: width, weights: weights, biases: biases)
        } catch {
            throw .model(error)
        }
    }
}
