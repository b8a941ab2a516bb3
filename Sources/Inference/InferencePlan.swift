package import Features
package import Prognostics

/// The probability of failure within 30 cycles as a logistic function of a model's margin.
///
/// `P = sigmoid(slope · margin + intercept)`, fitted on tune units (Platt 1999). The margin of
/// trees is the RUL in cycles; that of a recurrent network is the log odds of no failure, from an
/// output of its own: on the tune units of FD001 (three seeds of roles), FD002 and a simulated
/// fleet the LSTM's mean F2 was higher than its RUL's (0.976 against 0.970). A trend's is
/// its distance from the horizon in standard deviations of the crossing time.
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
    case gru(QuantizedGRU)
    case trend(TrendModel)

    /// What the model reads.
    package var requiredInputs: RequiredInputs {
        switch self {
        case .trees: .engineered
        case .lstm, .gru: .window
        case .trend: .history
        }
    }
}

/// One model of a plan: how much it counts for, and what its margin says about failure.
package struct PlanMember: Equatable, Sendable {
    /// The share of the plan's answers that is this model's, above 0 up to 1.
    package let weight: Double
    package let model: Model
    package let calibration: FailureCalibration

    /// - Throws: When the weight is out of range.
    package init(
        weight: Double, model: Model, calibration: FailureCalibration
    ) throws(InferenceError) {
        guard weight > 0, weight <= 1 else {
            throw .outOfRange(name: "member's weight", value: "\(weight)", range: "above 0 to 1")
        }
        self.init(checkedWeight: weight, model: model, calibration: calibration)
    }

    fileprivate init(checkedWeight: Double, model: Model, calibration: FailureCalibration) {
        weight = checkedWeight
        self.model = model
        self.calibration = calibration
    }

    /// What the model says before calibration: the RUL in `0...125`, and the margin of failure.
    /// - Precondition: `input` holds what the model's `requiredInputs` names.
    package func estimate(_ input: borrowing ModelInput) -> (rul: Float, margin: Float) {
        switch model {
        case .trees(let trees):
            let rul = min(max(trees.rul(of: input.engineered), 0), Prediction.cap)
            return (rul, rul)
        case .lstm(let network): return Self.bounded(network.run(input.window))
        case .gru(let network): return Self.bounded(network.run(input.window))
        case .trend(let trend):
            guard let history = input.history else { preconditionFailure("no history") }
            return Self.bounded(trend.run(history))
        }
    }

    private static func bounded(
        _ output: (rul: Float, margin: Float)
    ) -> (rul: Float, margin: Float) {
        (min(max(output.rul, 0), Prediction.cap), output.margin)
    }
}

/// Checked models with their calibration: everything that ``run(_:)`` needs, and no way to fail.
///
/// A single model is one member of weight 1. An ensemble's RUL is `Σ w·rul` and its probability
/// `Σ w·P`, summed as `Double` in the order of the members; each `rul` is clamped before.
package struct InferencePlan: Equatable, Sendable {
    /// The most members.
    package static let memberCountMax = 8
    /// How far from 1 the sum of the weights may be: rounding of decimal weights, nothing else.
    package static let weightSumTolerance = 1e-9

    package let members: [PlanMember]
    package let interval: ConformalInterval
    /// For units first seen in mid-life; nowhere narrower than ``interval``.
    package let lateStarterInterval: ConformalInterval

    /// Combines parts that were each checked when they were made.
    /// - Throws: When there is no member or too many, their weights do not add up to 1, or the
    ///   interval of late starters is narrower than the other.
    package init(
        members: [PlanMember], interval: ConformalInterval, lateStarterInterval: ConformalInterval
    ) throws(InferenceError) {
        guard (1...Self.memberCountMax).contains(members.count) else {
            throw .outOfRange(
                name: "number of members", value: "\(members.count)",
                range: "1 to \(Self.memberCountMax)")
        }
        let sum = members.reduce(0) { $0 + $1.weight }
        guard (sum - 1).magnitude <= Self.weightSumTolerance else {
            throw .outOfRange(name: "sum of members' weights", value: "\(sum)", range: "1")
        }
        guard lateStarterInterval.isNowhereNarrower(than: interval) else {
            throw .outOfRange(
                name: "interval of late starters", value: "narrower",
                range: "at least the width of the other")
        }
        self.members = members
        self.interval = interval
        self.lateStarterInterval = lateStarterInterval
    }

    /// A single model whose late starters have the interval of all others.
    package init(model: Model, calibration: FailureCalibration, interval: ConformalInterval) {
        members = [PlanMember(checkedWeight: 1, model: model, calibration: calibration)]
        self.interval = interval
        lateStarterInterval = interval
    }

    /// What an input must hold for this plan: the union of what its members read.
    package var requiredInputs: RequiredInputs {
        members.reduce(into: []) { $0.formUnion($1.model.requiredInputs) }
    }

    /// The input at the state's latest snapshot.
    /// - Precondition: The state has seen a snapshot.
    package func input(from state: FeatureState, parameters: FeatureParameters) -> ModelInput {
        ModelInput(from: state, parameters: parameters, required: requiredInputs)
    }

    /// The RUL in `0...125` and the failure probability in `0...1`, without an interval.
    /// - Precondition: `input` holds what ``requiredInputs`` names.
    package func point(_ input: borrowing ModelInput) -> (rul: Float, probability: Float) {
        var rul = 0.0
        var probability = 0.0
        for member in members {
            let estimate = member.estimate(input)
            rul += member.weight * Double(estimate.rul)
            probability +=
                member.weight * Double(member.calibration.probability(margin: estimate.margin))
        }
        // Weights whose sum is a rounding above 1 must not leave the range.
        return (min(Float(rul), Prediction.cap), min(Float(probability), 1))
    }

    /// Predicts; total, allocates nothing, and the same bits on every machine.
    /// - Precondition: `input` holds what ``requiredInputs`` names.
    package func run(_ input: borrowing ModelInput) -> Prediction {
        let (rul, probability) = point(input)
        let reach =
            input.flags.contains(.lateStarter)
            ? lateStarterInterval.reach(rul: rul) : interval.reach(rul: rul)
        return Prediction(
            rul: rul, rulLow: max(rul - reach.below, 0),
            rulHigh: min(rul + reach.above, Prediction.cap), failureProbability: probability,
            flags: input.flags)
    }
}
