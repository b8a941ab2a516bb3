import Features
import Prognostics

/// Two layers of LSTM cells in 8-bit integers with attention over time, then a head, in float.
///
/// The arithmetic is specified in `docs/int8-arithmetic.md`, step by step; the same weights and
/// window give the same bits on every machine.
package struct QuantizedLSTM: Equatable, Sendable {
    /// Per channel of the window what one unit of a quantized input stands for.
    package let inputScales: [Float]
    package let first: QuantizedLSTMLayer
    package let second: QuantizedLSTMLayer
    /// Of a time step's hidden states, before the hyperbolic tangent.
    package let attention: DenseLayer
    /// Per unit of ``attention``: their weighted sum is the score of a time step.
    package let attentionScore: [Float]
    /// Of the context, before rectification.
    package let head: DenseLayer
    /// `[output, unit of head]`: the life in parts of the cap, then the logit of a failure within
    /// 30 cycles.
    package let outputWeights: [Float]
    /// Per output.
    package let outputBiases: [Float]
    /// Cycles per unit of the first output: the cap of 125, corrected on tune units.
    package let slope: Float
    /// Cycles at a first output of 0.
    package let intercept: Float

    /// Outputs of the network.
    package static let outputCount = 2

    /// Quantized inputs per 1: the reciprocals of the scales.
    private let inputRates: [Float]

    /// Checks everything once, so that ``run(_:)`` cannot fail.
    /// - Throws: When sizes do not fit each other or a number is out of range.
    package init(
        inputScales: [Float], first: QuantizedLSTMLayer, second: QuantizedLSTMLayer,
        attention: DenseLayer, attentionScore: [Float], head: DenseLayer, outputWeights: [Float],
        outputBiases: [Float], slope: Float, intercept: Float
    ) throws(InferenceError) {
        let width = second.unitCount
        for (name, count, expected) in [
            ("input scales", inputScales.count, FeatureSpec.channelCount),
            ("inputs of the first layer", first.inputCount, FeatureSpec.channelCount),
            ("inputs of the second layer", second.inputCount, first.unitCount),
            ("inputs of the attention", attention.inputCount, width),
            ("units of the attention", attention.outputCount, width),
            ("weights of the attention's score", attentionScore.count, width),
            ("inputs of the head", head.inputCount, width),
            ("units of the head", head.outputCount, width),
            ("weights of the output", outputWeights.count, Self.outputCount * width),
            ("biases of the output", outputBiases.count, Self.outputCount),
        ] {
            try FloatRange.check(name, count: count, expected: expected)
        }
        try FloatRange.scale.check("input scales", inputScales)
        try FloatRange.weight.check("attention's score", attentionScore)
        try FloatRange.weight.check("output", outputWeights + outputBiases + [slope, intercept])
        self.inputScales = inputScales
        self.first = first
        self.second = second
        self.attention = attention
        self.attentionScore = attentionScore
        self.head = head
        self.outputWeights = outputWeights
        self.outputBiases = outputBiases
        self.slope = slope
        self.intercept = intercept
        inputRates = inputScales.map { 1 / $0 }
    }

    /// The same network with another correction of its output.
    /// - Throws: When a number is out of range.
    package func corrected(slope: Float, intercept: Float) throws(InferenceError) -> Self {
        try Self(
            inputScales: inputScales, first: first, second: second, attention: attention,
            attentionScore: attentionScore, head: head, outputWeights: outputWeights,
            outputBiases: outputBiases, slope: slope, intercept: intercept)
    }

    /// Predicts; total on finite windows, and allocates nothing.
    /// - Parameter window: `[windowLength, channel]`, row-major, finite.
    /// - Returns: The RUL in cycles, not yet clamped to `0...125`, and the log odds that the unit
    ///   does not fail within 30 cycles; both finite.
    /// - Precondition: The window is complete.
    package func run(_ window: [Float]) -> (rul: Float, margin: Float) {
        precondition(window.count == FeatureSpec.windowLength * FeatureSpec.channelCount)
        var integers = Workspace.Integers(repeating: 0)
        var sums = Workspace.Sums(repeating: 0)
        var floats = Workspace.Floats(repeating: 0)
        return withUnsafeMutablePointer(to: &integers) { integers in
            withUnsafeMutablePointer(to: &sums) { sums in
                withUnsafeMutablePointer(to: &floats) { floats in
                    let workspace = Workspace(integers, sums, floats)
                    recur(window, in: workspace)
                    attend(in: workspace)
                    return output(in: workspace)
                }
            }
        }
    }

    /// Runs both layers over the window; leaves the second one's hidden states per time step.
    private func recur(_ window: [Float], in workspace: Workspace) {
        for step in 0..<FeatureSpec.windowLength {
            quantize(window, step: step, into: workspace.firstValues)
            first.step(
                values: workspace.firstValues, cells: workspace.firstCells, sums: workspace.sums,
                hidden: workspace.scratch)
            for unit in 0..<first.unitCount {
                workspace.secondValues[unit] = workspace.firstValues[first.inputCount + unit]
            }
            second.step(
                values: workspace.secondValues, cells: workspace.secondCells,
                sums: workspace.sums, hidden: workspace.hidden + step * second.unitCount)
        }
    }

    /// Writes one time step's channels as whole multiples of their scales.
    private func quantize(
        _ window: [Float], step: Int, into values: UnsafeMutablePointer<Int16>
    ) {
        let limit = QuantizedLSTMLayer.valueMax
        for channel in 0..<FeatureSpec.channelCount {
            let exact = window[step * FeatureSpec.channelCount + channel] * inputRates[channel]
            let bounded = min(max(exact, -limit), limit)
            values[channel] = Int16(bounded.rounded(.toNearestOrEven))
        }
    }

    /// Leaves the context: hidden states weighted over time, plus the last one.
    private func attend(in workspace: Workspace) {
        let (width, steps) = (second.unitCount, FeatureSpec.windowLength)
        var highest = -Float.greatestFiniteMagnitude
        for step in 0..<steps {
            let hidden = workspace.hidden + step * width
            for unit in stride(from: 0, to: width, by: QuantizedLSTMLayer.laneCount) {
                let lanes = PortableMath.tanh(attention.lanes(hidden, from: unit))
                store(lanes, at: workspace.scratch + unit)
            }
            var score: Float = 0
            for unit in 0..<width { score += attentionScore[unit] * workspace.scratch[unit] }
            workspace.scores[step] = score
            highest = max(highest, score)
        }
        for step in stride(from: 0, to: steps, by: QuantizedLSTMLayer.laneCount) {
            let scores = QuantizedLSTMLayer.lanes(UnsafePointer(workspace.scores), at: step)
            store(PortableMath.exp(scores - highest), at: workspace.scores + step)
        }
        var total: Float = 0
        for step in 0..<steps { total += workspace.scores[step] }
        for unit in 0..<width { workspace.context[unit] = 0 }
        for step in 0..<steps {
            let share = workspace.scores[step] / total
            for unit in 0..<width {
                workspace.context[unit] += share * workspace.hidden[step * width + unit]
            }
        }
        for unit in 0..<width {
            workspace.context[unit] += workspace.hidden[(steps - 1) * width + unit]
        }
    }

    /// The head over the context.
    private func output(in workspace: Workspace) -> (rul: Float, margin: Float) {
        let width = second.unitCount
        var (life, logit) = (outputBiases[0], outputBiases[1])
        for unit in stride(from: 0, to: width, by: QuantizedLSTMLayer.laneCount) {
            let lanes = head.lanes(workspace.context, from: unit)
            for lane in 0..<QuantizedLSTMLayer.laneCount {
                let value = max(lanes[lane], 0)
                life += outputWeights[unit + lane] * value
                logit += outputWeights[width + unit + lane] * value
            }
        }
        return (slope * life + intercept, -logit)
    }

    @inline(__always)
    private func store(_ lanes: Lanes, at pointer: UnsafeMutablePointer<Float>) {
        UnsafeMutableRawPointer(pointer).storeBytes(of: lanes, as: Lanes.self)
    }
}

/// The numbers of one run, on the stack of whoever runs it.
private struct Workspace {
    private static var unitMax: Int { QuantizedLSTMLayer.unitCountMax }

    /// Two layers' values: inputs and hidden states, each padded to 128.
    typealias Integers = InlineArray<256, Int16>
    /// One number per row of a layer.
    typealias Sums = InlineArray<256, Int32>
    /// Cells 64 and 64, scratch 64, context 64, scores 32, hidden states 30 times 64.
    typealias Floats = InlineArray<2208, Float>

    let firstValues: UnsafeMutablePointer<Int16>
    let secondValues: UnsafeMutablePointer<Int16>
    let sums: UnsafeMutablePointer<Int32>
    let firstCells: UnsafeMutablePointer<Float>
    let secondCells: UnsafeMutablePointer<Float>
    let scratch: UnsafeMutablePointer<Float>
    let context: UnsafeMutablePointer<Float>
    /// One per time step, padded by zeros.
    let scores: UnsafeMutablePointer<Float>
    /// Hidden states of the second layer, `[step, unit]`.
    let hidden: UnsafeMutablePointer<Float>

    init(
        _ integers: UnsafeMutablePointer<Integers>, _ sums: UnsafeMutablePointer<Sums>,
        _ floats: UnsafeMutablePointer<Floats>
    ) {
        firstValues = UnsafeMutableRawPointer(integers).assumingMemoryBound(to: Int16.self)
        secondValues = firstValues + 2 * Self.unitMax
        self.sums = UnsafeMutableRawPointer(sums).assumingMemoryBound(to: Int32.self)
        firstCells = UnsafeMutableRawPointer(floats).assumingMemoryBound(to: Float.self)
        secondCells = firstCells + Self.unitMax
        scratch = secondCells + Self.unitMax
        context = scratch + Self.unitMax
        scores = context + Self.unitMax
        hidden = scores + 32
    }
}
