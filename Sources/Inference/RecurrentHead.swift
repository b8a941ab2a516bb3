/// What follows the recurrent layers, in float: a dense layer with rectification, then two outputs.
///
/// `docs/int8-arithmetic.md`, "Head".
package struct RecurrentHead: Equatable, Sendable {
    /// Outputs of the network.
    package static let outputCount = 2

    /// Of the context, before rectification; as many outputs as inputs.
    package let dense: DenseLayer
    /// `[output, unit of dense]`: the life in parts of the cap, then the logit of a failure within
    /// 30 cycles.
    package let outputWeights: [Float]
    /// Per output.
    package let outputBiases: [Float]
    /// Cycles per unit of the first output: the cap of 125, corrected on tune units.
    package let slope: Float
    /// Cycles at a first output of 0.
    package let intercept: Float

    /// Units of the context.
    package var width: Int { dense.inputCount }

    /// - Throws: When sizes do not fit each other or a number is out of range.
    package init(
        dense: DenseLayer, outputWeights: [Float], outputBiases: [Float], slope: Float,
        intercept: Float
    ) throws(InferenceError) {
        for (name, count, expected) in [
            ("units of the head", dense.outputCount, dense.inputCount),
            ("weights of the output", outputWeights.count, Self.outputCount * dense.inputCount),
            ("biases of the output", outputBiases.count, Self.outputCount),
        ] {
            try FloatRange.check(name, count: count, expected: expected)
        }
        try FloatRange.weight.check("output", outputWeights + outputBiases + [slope, intercept])
        self.dense = dense
        self.outputWeights = outputWeights
        self.outputBiases = outputBiases
        self.slope = slope
        self.intercept = intercept
    }

    /// The same head with another correction of its first output.
    /// - Throws: When a number is out of range.
    package func corrected(slope: Float, intercept: Float) throws(InferenceError) -> Self {
        try Self(
            dense: dense, outputWeights: outputWeights, outputBiases: outputBiases, slope: slope,
            intercept: intercept)
    }

    /// The RUL in cycles, not clamped, and the log odds of no failure within 30 cycles.
    package func run(_ context: UnsafePointer<Float>) -> (rul: Float, margin: Float) {
        var (life, logit) = (outputBiases[0], outputBiases[1])
        for unit in stride(from: 0, to: width, by: Lanes.scalarCount) {
            let lanes = dense.lanes(context, from: unit)
            for lane in 0..<Lanes.scalarCount {
                let value = max(lanes[lane], 0)
                life += outputWeights[unit + lane] * value
                logit += outputWeights[width + unit + lane] * value
            }
        }
        return (slope * life + intercept, -logit)
    }
}
