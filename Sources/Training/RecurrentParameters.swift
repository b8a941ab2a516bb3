/// The configuration of one recurrent model.
///
/// Everything that changes the model's bytes stands here except the data and the seed, so a run id
/// derived from ``canonicalText`` names the model.
package struct RecurrentParameters: Equatable, Sendable {
    /// The network's cell and widths.
    package var shape: RecurrentShape
    /// Updates of the weights.
    package var stepCount: Int
    /// Windows per step.
    package var batchSize: Int
    /// The learning rate at the end of the warm-up.
    package var rateMax: Double
    /// Steps in which the rate rises linearly; then it falls by a cosine to 0.
    package var warmUpStepCount: Int
    /// The share of each weight that a step at rate 1 takes away (AdamW).
    package var weightDecay: Double
    /// The gradient is scaled down to this Euclidean norm when it is longer.
    package var gradientNormMax: Double
    /// The share of values that dropout sets to 0, behind the first layer and before the head.
    package var dropout: Double
    /// The weight of the failure output's cross-entropy beside the RUL's squared error.
    package var failureWeight: Double
    /// The share of train units that are learnt from a second time, as late starters.
    ///
    /// None as shipped: no input tells a late start from a young unit whose age is known, and units
    /// seen from the start were predicted worse (docs/recipe.md).
    package var lateStarterShare: Double

    /// What the model is trained without; none for what ships.
    package var without: InputMask = []

    /// Creates a configuration.
    /// - Precondition: Every value lies in the range that its property states.
    package init(
        shape: RecurrentShape, stepCount: Int = 600, batchSize: Int = 256,
        rateMax: Double = 3e-3, warmUpStepCount: Int = 60, weightDecay: Double = 1e-4,
        gradientNormMax: Double = 1, dropout: Double = 0.1, failureWeight: Double = 0.05,
        lateStarterShare: Double = 0
    ) {
        precondition((1...100_000).contains(stepCount) && (2...4_096).contains(batchSize))
        precondition(batchSize.isMultiple(of: 2), "a batch is split in two halves")
        precondition(rateMax > 0 && (1...stepCount).contains(warmUpStepCount))
        precondition(weightDecay >= 0 && gradientNormMax > 0 && failureWeight >= 0)
        precondition((0..<1).contains(dropout))
        self.shape = shape
        self.stepCount = stepCount
        self.batchSize = batchSize
        self.rateMax = rateMax
        self.warmUpStepCount = warmUpStepCount
        self.weightDecay = weightDecay
        self.gradientNormMax = gradientNormMax
        self.dropout = dropout
        precondition((0...1).contains(lateStarterShare))
        self.failureWeight = failureWeight
        self.lateStarterShare = lateStarterShare
    }

    /// What is trained every night (docs/recipe.md).
    ///
    /// Capped RMSE of the float LSTM on the official test with official roles: 11.1 ± 0.7 on FD001
    /// (5 seeds of roles and training), 10.7 ± 0.2 on FD002 (3 seeds).
    package static func shipped(_ kind: RecurrentKind) -> Self { Self(shape: .shipped(kind)) }

    /// The configuration as text, the same for the same configuration: run ids derive from it.
    package var canonicalText: String {
        "\(shape.kind.rawValue)/1 widths=\(shape.inputCount)-\(shape.firstCount)"
            + "-\(shape.secondCount) steps=\(stepCount) batch=\(batchSize) rate=\(rateMax) "
            + "warm_up=\(warmUpStepCount) weight_decay=\(weightDecay) "
            + "gradient_norm=\(gradientNormMax) dropout=\(dropout) "
            + "failure_weight=\(failureWeight) late_starters=\(lateStarterShare)"
            + without.parameterText
    }
}
