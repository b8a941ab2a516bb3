package import Features
package import Prognostics

/// The probability of failure within 30 cycles as a logistic function of the RUL.
///
/// `P = sigmoid(slope · RUL + intercept)`, fitted on tune units (Platt 1999).
package struct FailureCalibration: Equatable, Sendable {
    /// Per cycle; below 0, because a longer life fails later.
    package let slope: Double
    package let intercept: Double

    /// - Throws: When a number is not finite, the slope is not below 0, or one is beyond 1e6.
    package init(slope: Double, intercept: Double) throws(InferenceError) {
        guard slope < 0, slope >= -1e6 else {
            throw .outOfRange(name: "failure slope", value: "\(slope)", range: "-1e6 to below 0")
        }
        guard intercept.magnitude <= 1e6 else {
            throw .outOfRange(
                name: "failure intercept", value: "\(intercept)", range: "-1e6 to 1e6")
        }
        self.slope = slope
        self.intercept = intercept
    }

    /// The probability of failure within 30 cycles, in `0...1`.
    package func probability(rul: Float) -> Float {
        Float(PortableMath.sigmoid(slope * Double(rul) + intercept))
    }
}

/// A model that turns an input into a point estimate of the RUL.
package enum Model: Equatable, Sendable {
    case trees(TreeEnsemble)

    /// What the model reads.
    package var requiredInputs: RequiredInputs {
        switch self {
        case .trees: .engineered
        }
    }
}

/// A checked model with its calibration: everything that ``run(_:)`` needs, and no way to fail.
package struct InferencePlan: Equatable, Sendable {
    package let model: Model
    package let calibration: FailureCalibration
    package let interval: ConformalInterval

    /// Combines parts that were each checked when they were made.
    package init(model: Model, calibration: FailureCalibration, interval: ConformalInterval) {
        self.model = model
        self.calibration = calibration
        self.interval = interval
    }

    /// What an input must hold for this plan.
    package var requiredInputs: RequiredInputs { model.requiredInputs }

    /// The input at the state's latest snapshot.
    /// - Precondition: The state has seen a snapshot.
    package func input(from state: FeatureState, parameters: FeatureParameters) -> ModelInput {
        ModelInput(from: state, parameters: parameters, required: requiredInputs)
    }

    /// Predicts; total, allocates nothing, and the same bits on every machine.
    /// - Precondition: `input` holds what ``requiredInputs`` names.
    package func run(_ input: borrowing ModelInput) -> Prediction {
        let estimate: Float =
            switch model {
            case .trees(let trees): trees.rul(of: input.engineered)
            }
        let rul = min(max(estimate, 0), Prediction.cap)
        let reach = interval.reach(rul: rul)
        return Prediction(
            rul: rul, rulLow: max(rul - reach.below, 0),
            rulHigh: min(rul + reach.above, Prediction.cap),
            failureProbability: calibration.probability(rul: rul), flags: input.flags)
    }
}
