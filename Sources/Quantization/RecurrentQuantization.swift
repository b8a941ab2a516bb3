package import Inference
import Prognostics
package import Training

/// Turns a float recurrent network into the device's form (`docs/int8-arithmetic.md`, "From float
/// weights").
package enum RecurrentQuantization {
    /// The most windows whose activations are looked at, spread evenly over those given.
    package static let sampleCountMax = 600

    /// Quantizes an LSTM: scales from the activations on `windows`, the output's correction by
    /// least squares of the float network's output on `tune`.
    /// - Precondition: The network is an LSTM of the shipped number of channels; there are windows.
    package static func lstm(
        _ weights: RecurrentWeights, windows: LabelledWindows, tune: LabelledWindows
    ) throws(QuantizationError) -> QuantizedLSTM {
        precondition(weights.shape.kind == .lstm)
        return try quantize(weights, windows, tune) { samples throws(InferenceError) in
            let width = weights.shape.secondCount
            return try QuantizedLSTM(
                inputScales: samples.inputScales, first: lstmLayer(samples.first),
                second: lstmLayer(samples.second),
                attention: DenseLayer(
                    inputCount: width, weights: weights[.attention],
                    biases: weights[.attentionBias]),
                attentionScore: weights[.attentionScore], head: head(weights))
        }
    }

    /// Quantizes a GRU in the same way.
    /// - Precondition: The network is a GRU of the shipped number of channels; there are windows.
    package static func gru(
        _ weights: RecurrentWeights, windows: LabelledWindows, tune: LabelledWindows
    ) throws(QuantizationError) -> QuantizedGRU {
        precondition(weights.shape.kind == .gru)
        return try quantize(weights, windows, tune) { samples throws(InferenceError) in
            try QuantizedGRU(
                inputScales: samples.inputScales, first: gruLayer(samples.first),
                second: gruLayer(samples.second), head: head(weights))
        }
    }

    private static func quantize<Network: QuantizedRecurrent>(
        _ weights: RecurrentWeights, _ windows: LabelledWindows, _ tune: LabelledWindows,
        make: (ActivationSamples) throws(InferenceError) -> Network
    ) throws(QuantizationError) -> Network {
        precondition(windows.count > 0 && tune.count > 0)
        do throws(InferenceError) {
            let network = try make(ActivationSamples(weights, on: windows))
            return try correct(network, weights: weights, tune: tune)
        } catch {
            throw .refused(reason: "\(error)")
        }
    }

    private static func lstmLayer(
        _ layer: SampledLayer
    ) throws(InferenceError) -> QuantizedLSTMLayer {
        let float = layer.float
        let rows = 0..<QuantizedLSTMLayer.gateCount * float.unitCount
        return try QuantizedLSTMLayer(
            gates: layer.matrix(rows: rows, columns: 0..<float.columnCount),
            hiddenScales: layer.hiddenScales)
    }

    private static func gruLayer(
        _ layer: SampledLayer
    ) throws(InferenceError) -> QuantizedGRULayer {
        let (inputs, units) = (layer.float.inputCount, layer.float.unitCount)
        let new = 2 * units..<3 * units
        return try QuantizedGRULayer(
            gates: layer.matrix(rows: 0..<2 * units, columns: 0..<inputs + units),
            inputPart: layer.matrix(rows: new, columns: 0..<inputs),
            statePart: layer.matrix(rows: new, columns: inputs..<inputs + units),
            hiddenScales: layer.hiddenScales)
    }

    /// The head with its first output in parts of the cap, not yet in cycles.
    private static func head(
        _ weights: RecurrentWeights
    ) throws(InferenceError) -> RecurrentHead {
        try RecurrentHead(
            dense: DenseLayer(
                inputCount: weights.shape.secondCount, weights: weights[.head],
                biases: weights[.headBias]),
            outputWeights: weights[.output], outputBiases: weights[.outputBias], slope: 1,
            intercept: 0)
    }

    /// Gives the output in cycles the straight line that best fits the float network's.
    private static func correct<Network: QuantizedRecurrent>(
        _ network: Network, weights: RecurrentWeights, tune: LabelledWindows
    ) throws(InferenceError) -> Network {
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
        return try network.replacing(
            head: network.head.corrected(
                slope: Float(cap * slope), intercept: Float(cap * (meanFloat - slope * meanOwn))))
    }
}

/// A float layer, what its columns were on sample windows, and the scales that follow.
private struct SampledLayer {
    let float: FloatLayer
    /// `[column, column]`, of inputs and hidden states.
    let moments: [Double]
    /// Per column: inputs, then hidden states.
    let columnScales: [Float]
    let hiddenScales: ActivationScales

    init(
        _ float: FloatLayer, _ statistics: ColumnStatistics, inputScales: [Float]
    ) throws(InferenceError) {
        let hidden = statistics.maxima.suffix(float.unitCount).map(Self.scale)
        self.float = float
        moments = statistics.moments
        columnScales = inputScales + hidden
        hiddenScales = try ActivationScales("hidden scales", hidden)
    }

    /// What one unit of an 8-bit number stands for when values reach `magnitude`.
    static func scale(_ magnitude: Double) -> Float {
        // A channel that never moves gets a scale nevertheless: it divides by it.
        Float(max(magnitude, 1e-6) / Double(ActivationScales.valueMax))
    }

    /// Some rows of the layer's weights over neighbouring columns, as 8-bit numbers.
    func matrix(
        rows: Range<Int>, columns: Range<Int>
    ) throws(InferenceError) -> QuantizedMatrix {
        let width = columns.count
        let scales = columnScales[columns].map(Double.init)
        let weights = rows.flatMap { row in
            columns.map { column in
                weight(row, column) * scales[column - columns.lowerBound]
            }
        }
        let own = columns.flatMap { row in
            columns.map { column in
                moments[row * float.columnCount + column]
                    / (Double(columnScales[row]) * Double(columnScales[column]))
            }
        }
        let rowScales = stride(from: 0, to: weights.count, by: width).map { start in
            Self.scale(weights[start..<start + width].reduce(0) { max($0, $1.magnitude) })
        }
        let readsInputs = columns.lowerBound < float.inputCount
        let readsStates = columns.upperBound > float.inputCount
        return try QuantizedMatrix(
            columnCount: width,
            weights: WeightRounding.round(
                weights: weights, scales: rowScales.map(Double.init), moments: own),
            rowScales: rowScales,
            biases: rows.map { row in
                Float(
                    (readsInputs ? float.inputBiases[row] : 0)
                        + (readsStates ? float.stateBiases[row] : 0))
            })
    }

    private func weight(_ row: Int, _ column: Int) -> Double {
        column < float.inputCount
            ? float.inputWeights[row * float.inputCount + column]
            : float.stateWeights[row * float.unitCount + column - float.inputCount]
    }
}

/// Both layers of a network with their columns on sample windows.
private struct ActivationSamples {
    let inputScales: ActivationScales
    let first: SampledLayer
    let second: SampledLayer

    init(
        _ weights: RecurrentWeights, on windows: LabelledWindows
    ) throws(InferenceError) {
        let lower = FloatLayer(weights, .first)
        let upper = FloatLayer(weights, .second)
        var lowerStatistics = ColumnStatistics(columnCount: lower.columnCount)
        var upperStatistics = ColumnStatistics(columnCount: upper.columnCount)
        for window in windows.samples(RecurrentQuantization.sampleCountMax) {
            let middle = lower.run(window) { lowerStatistics.add($0) }
            let states = upper.run(middle) { upperStatistics.add($0) }
            if let last = middle.last { lowerStatistics.add(lastHidden: last) }
            if let last = states.last { upperStatistics.add(lastHidden: last) }
        }
        let scales = lowerStatistics.maxima.prefix(lower.inputCount).map(SampledLayer.scale)
        inputScales = try ActivationScales("input scales", scales)
        first = try SampledLayer(lower, lowerStatistics, inputScales: scales)
        second = try SampledLayer(
            upper, upperStatistics, inputScales: first.hiddenScales.scales)
    }
}

extension LabelledWindows {
    /// At most `countMax` windows, `[step][channel]`, spread evenly.
    func samples(_ countMax: Int) -> [[[Double]]] {
        let sampleCount = Swift.min(count, countMax)
        return (0..<sampleCount).map { sample in
            let window = self.window(sample * count / sampleCount)
            return stride(from: 0, to: window.count, by: channelCount).map { start in
                window[start..<start + channelCount].map(Double.init)
            }
        }
    }
}
