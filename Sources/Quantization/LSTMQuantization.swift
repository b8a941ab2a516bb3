package import Inference
import Prognostics
package import Training

/// Turns a float LSTM into the device's form (`docs/int8-arithmetic.md`, "From float weights").
package enum LSTMQuantization {
    /// The most windows whose activations are looked at, spread evenly over those given.
    package static let sampleCountMax = 600

    /// Quantizes `weights`: scales from the activations on `windows`, the output's correction by
    /// least squares of the float network's output on `tune`.
    /// - Precondition: The network is an LSTM of the shipped number of channels; there are windows.
    package static func quantize(
        _ weights: RecurrentWeights, windows: LabelledWindows, tune: LabelledWindows
    ) throws(QuantizationError) -> QuantizedLSTM {
        precondition(weights.shape.kind == .lstm && windows.count > 0 && tune.count > 0)
        var first = LSTMLayerActivations(weights, layer: 0)
        var second = LSTMLayerActivations(weights, layer: 1)
        var inputMax = [Double](repeating: 0, count: windows.channelCount)
        let sampleCount = min(windows.count, sampleCountMax)
        for sample in 0..<sampleCount {
            let window = windows.window(sample * windows.count / sampleCount)
            let inputs = steps(of: window, channelCount: windows.channelCount)
            for input in inputs {
                for (channel, value) in input.enumerated() {
                    inputMax[channel] = max(inputMax[channel], value.magnitude)
                }
            }
            _ = second.run(first.run(inputs))
        }
        do {
            let inputScales = inputMax.map(scale)
            let firstLayer = try layer(first, inputScales: inputScales)
            let secondLayer = try layer(second, inputScales: firstLayer.hiddenScales)
            let plain = try assemble(weights, inputScales, firstLayer, secondLayer)
            return try correct(plain, weights: weights, tune: tune)
        } catch {
            throw .refused(reason: "\(error)")
        }
    }

    /// What one unit of an 8-bit number stands for when values reach `magnitude`.
    private static func scale(_ magnitude: Double) -> Float {
        // A channel that never moves gets a scale nevertheless: it divides by it.
        Float(max(magnitude, 1e-6) / Double(QuantizedLSTMLayer.valueMax))
    }

    private static func steps(of window: [Float], channelCount: Int) -> [[Double]] {
        stride(from: 0, to: window.count, by: channelCount).map { start in
            window[start..<start + channelCount].map(Double.init)
        }
    }

    private static func layer(
        _ float: LSTMLayerActivations, inputScales: [Float]
    ) throws(InferenceError) -> QuantizedLSTMLayer {
        let hiddenScales = float.hiddenMax.map(scale)
        let columnScales = (inputScales + hiddenScales).map(Double.init)
        let width = float.columnCount
        let weights = float.weights.indices.map { float.weights[$0] * columnScales[$0 % width] }
        let moments = float.moments.indices.map {
            float.moments[$0] / (columnScales[$0 / width] * columnScales[$0 % width])
        }
        let rowScales = stride(from: 0, to: weights.count, by: width).map { start in
            scale(weights[start..<start + width].reduce(0) { max($0, $1.magnitude) })
        }
        return try QuantizedLSTMLayer(
            inputCount: float.inputCount,
            weights: WeightRounding.round(
                weights: weights, scales: rowScales.map(Double.init), moments: moments),
            rowScales: rowScales, biases: float.biases.map { Float($0) },
            hiddenScales: hiddenScales)
    }

    /// The network with its first output in parts of the cap, not yet in cycles.
    private static func assemble(
        _ weights: RecurrentWeights, _ inputScales: [Float], _ first: QuantizedLSTMLayer,
        _ second: QuantizedLSTMLayer
    ) throws(InferenceError) -> QuantizedLSTM {
        let width = second.unitCount
        return try QuantizedLSTM(
            inputScales: inputScales, first: first, second: second,
            attention: DenseLayer(
                inputCount: width, weights: weights[.attention], biases: weights[.attentionBias]),
            attentionScore: weights[.attentionScore],
            head: DenseLayer(
                inputCount: width, weights: weights[.head], biases: weights[.headBias]),
            outputWeights: weights[.output], outputBiases: weights[.outputBias], slope: 1,
            intercept: 0)
    }

    /// Gives the output in cycles the straight line that best fits the float network's.
    private static func correct(
        _ network: QuantizedLSTM, weights: RecurrentWeights, tune: LabelledWindows
    ) throws(InferenceError) -> QuantizedLSTM {
        let float = weights.predict(tune).map { Double($0.life) }
        let own = (0..<tune.count).map { Double(network.run(tune.window($0)).rul) }
        let count = Double(tune.count)
        let (meanFloat, meanOwn) = (
            float.reduce(0, +) / count, own.reduce(0, +) / count
        )
        var (mixed, squares) = (0.0, 0.0)
        for (float, own) in zip(float, own) {
            mixed += (own - meanOwn) * (float - meanFloat)
            squares += (own - meanOwn) * (own - meanOwn)
        }
        let slope = squares > 0 ? mixed / squares : 1
        let cap = Double(Prediction.cap)
        return try network.corrected(
            slope: Float(cap * slope), intercept: Float(cap * (meanFloat - slope * meanOwn)))
    }
}
