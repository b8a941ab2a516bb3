package import Features
package import Prognostics

/// The probability of failure within 30 cycles as a logistic function of a model's margin.
///
/// `P = sigmoid(slope · margin + intercept)`, fitted on tune units (Platt 1999). The margin of
/// trees is the RUL in cycles; that of an LSTM is the log odds of no failure, from an output of its
/// own: on the tune units of FD001 (three seeds of roles), FD002 and a simulated fleet its mean F2
/// was higher than the RUL's (0.976 against 0.970).
package struct FailureCalibration: Equatable, Sendable {
    /// Per unit of the margin; below 0, because what is far from failure fails later.
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
    package func probability(margin: Float) -> Float {
        Float(PortableMath.sigmoid(slope * Double(margin) + intercept))
    }
}

/// A model that turns an input into a point estimate of the RUL.
package enum Model: Equatable, Sendable {
    case trees(TreeEnsemble)
    case lstm(QuantizedLSTM)

    /// What the model reads.
    package var requiredInputs: RequiredInputs {
        switch self {
        case .trees: .engineered
        case .lstm: .window
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

    /// What the model says before calibration: the RUL in `0...125`, and the margin of failure.
    /// - Precondition: `input` holds what ``requiredInputs`` names.
    package func estimate(_ input: borrowing ModelInput) -> (rul: Float, margin: Float) {
        switch model {
        case .trees(let trees):
            let rul = min(max(trees.rul(of: input.engineered), 0), Prediction.cap)
            return (rul, rul)
        case .lstm(let network):
            let output = network.run(input.window)
            return (min(max(output.rul, 0), Prediction.cap), output.margin)
        }
    }

    /// Predicts; total, allocates nothing, and the same bits on every machine.
    /// - Precondition: `input` holds what ``requiredInputs`` names.
    package func run(_ input: borrowing ModelInput) -> Prediction {
        let (rul, margin) = estimate(input)
        let reach = interval.reach(rul: rul)
        return Prediction(
            rul: rul, rulLow: max(rul - reach.below, 0),
            rulHigh: min(rul + reach.above, Prediction.cap),
            failureProbability: calibration.probability(margin: margin), flags: input.flags)
    }
}
