import Features
import Inference

/// How a bundle stores quantized recurrent networks; names after PyTorch's, as in
/// `docs/int8-arithmetic.md`.
extension ModelBundle {
    /// The recurrent network of a file that holds one.
    static func recurrent(_ reader: inout TensorReader) throws(ModelBundleError) -> Model? {
        if reader.has("lstm.input_scale") { return .lstm(try lstm(&reader)) }
        if reader.has("gru.input_scale") { return .gru(try gru(&reader)) }
        return nil
    }

    static func tensors(of network: QuantizedLSTM) -> [Tensor] {
        var tensors = [
            Tensor("lstm.input_scale", network.inputScales),
            Tensor("lstm.v.weight", [network.attentionScore.count], network.attentionScore),
        ]
        for (name, layer) in [("lstm.a", network.first), ("lstm.b", network.second)] {
            tensors += Self.tensors(of: layer.gates, name)
            tensors.append(Tensor("\(name).hidden_scale", layer.hiddenScales))
        }
        tensors += Self.tensors(of: network.attention, "lstm.w")
        return tensors + Self.tensors(of: network.head, "lstm")
    }

    static func tensors(of network: QuantizedGRU) -> [Tensor] {
        var tensors = [Tensor("gru.input_scale", network.inputScales)]
        for (name, layer) in [("gru.a", network.first), ("gru.b", network.second)] {
            tensors += Self.tensors(of: layer.gates, name)
            tensors += Self.tensors(of: layer.inputPart, "\(name).new_input")
            tensors += Self.tensors(of: layer.statePart, "\(name).new_hidden")
            tensors.append(Tensor("\(name).hidden_scale", layer.hiddenScales))
        }
        return tensors + Self.tensors(of: network.head, "gru")
    }

    private static func lstm(
        _ reader: inout TensorReader
    ) throws(ModelBundleError) -> QuantizedLSTM {
        let inputs = try reader.floats("lstm.input_scale", [FeatureSpec.channelCount])
        let first = try lstmLayer("lstm.a", &reader)
        let second = try lstmLayer("lstm.b", &reader)
        let width = second.unitCount
        let attention = try dense("lstm.w", width, &reader)
        let score = try reader.floats("lstm.v.weight", [width])
        let head = try head("lstm", width, &reader)
        return try checked { () throws(InferenceError) in
            try QuantizedLSTM(
                inputScales: ActivationScales("input scales", inputs), first: first,
                second: second, attention: attention, attentionScore: score, head: head)
        }
    }

    private static func gru(
        _ reader: inout TensorReader
    ) throws(ModelBundleError) -> QuantizedGRU {
        let inputs = try reader.floats("gru.input_scale", [FeatureSpec.channelCount])
        let first = try gruLayer("gru.a", &reader)
        let second = try gruLayer("gru.b", &reader)
        let head = try head("gru", second.unitCount, &reader)
        return try checked { () throws(InferenceError) in
            try QuantizedGRU(
                inputScales: ActivationScales("input scales", inputs), first: first,
                second: second, head: head)
        }
    }

    private static func lstmLayer(
        _ name: String, _ reader: inout TensorReader
    ) throws(ModelBundleError) -> QuantizedLSTMLayer {
        let hidden = try reader.floats("\(name).hidden_scale", [nil])
        let gates = try matrix(name, rows: QuantizedLSTMLayer.gateCount * hidden.count, &reader)
        return try checked { () throws(InferenceError) in
            try QuantizedLSTMLayer(
                gates: gates, hiddenScales: ActivationScales("hidden scales", hidden))
        }
    }

    private static func gruLayer(
        _ name: String, _ reader: inout TensorReader
    ) throws(ModelBundleError) -> QuantizedGRULayer {
        let hidden = try reader.floats("\(name).hidden_scale", [nil])
        let gates = try matrix(name, rows: 2 * hidden.count, &reader)
        let inputPart = try matrix("\(name).new_input", rows: hidden.count, &reader)
        let statePart = try matrix("\(name).new_hidden", rows: hidden.count, &reader)
        return try checked { () throws(InferenceError) in
            try QuantizedGRULayer(
                gates: gates, inputPart: inputPart, statePart: statePart,
                hiddenScales: ActivationScales("hidden scales", hidden))
        }
    }

    private static func tensors(of matrix: QuantizedMatrix, _ name: String) -> [Tensor] {
        let rows = matrix.rowCount
        return [
            Tensor("\(name).weight", .i8, [rows, matrix.columnCount], words: matrix.weights),
            Tensor("\(name).scale", [rows], matrix.rowScales),
            Tensor("\(name).bias", [rows], matrix.biases),
        ]
    }

    private static func matrix(
        _ name: String, rows: Int, _ reader: inout TensorReader
    ) throws(ModelBundleError) -> QuantizedMatrix {
        let weights = try reader.int8s("\(name).weight", [rows, nil])
        let scales = try reader.floats("\(name).scale", [rows])
        let biases = try reader.floats("\(name).bias", [rows])
        return try checked { () throws(InferenceError) in
            try QuantizedMatrix(
                columnCount: weights.count / max(rows, 1), weights: weights, rowScales: scales,
                biases: biases)
        }
    }

    private static func tensors(of head: RecurrentHead, _ name: String) -> [Tensor] {
        tensors(of: head.dense, "\(name).h") + [
            Tensor(
                "\(name).o.weight", [RecurrentHead.outputCount, head.width], head.outputWeights),
            Tensor("\(name).o.bias", [RecurrentHead.outputCount], head.outputBiases),
            Tensor("\(name).correction", [2], [head.slope, head.intercept]),
        ]
    }

    private static func head(
        _ name: String, _ width: Int, _ reader: inout TensorReader
    ) throws(ModelBundleError) -> RecurrentHead {
        let dense = try dense("\(name).h", width, &reader)
        let weights = try reader.floats("\(name).o.weight", [RecurrentHead.outputCount, width])
        let biases = try reader.floats("\(name).o.bias", [RecurrentHead.outputCount])
        let correction = try reader.floats("\(name).correction", [2])
        return try checked { () throws(InferenceError) in
            try RecurrentHead(
                dense: dense, outputWeights: weights, outputBiases: biases, slope: correction[0],
                intercept: correction[1])
        }
    }

    private static func tensors(of layer: DenseLayer, _ name: String) -> [Tensor] {
        [
            Tensor("\(name).weight", [layer.outputCount, layer.inputCount], layer.weights),
            Tensor("\(name).bias", [layer.outputCount], layer.biases),
        ]
    }

    private static func dense(
        _ name: String, _ width: Int, _ reader: inout TensorReader
    ) throws(ModelBundleError) -> DenseLayer {
        let weights = try reader.floats("\(name).weight", [width, width])
        let biases = try reader.floats("\(name).bias", [width])
        return try checked { () throws(InferenceError) in
            try DenseLayer(inputCount: width, weights: weights, biases: biases)
        }
    }

    /// What `make` makes; its refusal is the file's fault.
    private static func checked<Part>(
        _ make: () throws(InferenceError) -> Part
    ) throws(ModelBundleError) -> Part {
        do throws(InferenceError) { return try make() } catch { throw .model(error) }
    }
}

extension Tensor {
    fileprivate init(_ name: String, _ scales: ActivationScales) {
        self.init(name, [scales.count], scales.scales)
    }
}
