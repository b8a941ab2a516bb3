import Prognostics

/// How far the true RUL may lie from the predicted one (split conformal prediction).
///
/// Errors grow with the RUL, so each of three bins of predicted RUL has its own reach. At a bin's
/// border the ends of the interval step.
package struct ConformalInterval: Equatable, Sendable {
    /// Cycles on either side of a prediction.
    package struct Reach: Equatable, Sendable {
        /// Cycles below the prediction, in `0...125`.
        package let below: Float
        /// Cycles above the prediction, in `0...125`.
        package let above: Float

        package init(below: Float, above: Float) {
            self.below = below
            self.above = above
        }
    }

    /// Bins of predicted RUL: near failure, middle, saturated.
    package static let binCount = 3
    /// The predicted RUL from which a prediction is in the middle bin: the failure horizon of 30
    /// cycles, and room for the errors around it.
    package static let middleStart: Float = 40
    /// The predicted RUL from which a prediction is in the saturated bin, where most truths are at
    /// the cap of 125 or beyond.
    package static let saturatedStart: Float = 100
    /// The greatest reach: the whole scale.
    package static let reachMax: Float = Prediction.cap

    /// Of predictions below 40 cycles.
    package let nearFailure: Reach
    /// Of predictions from 40 to below 100 cycles.
    package let middle: Reach
    /// Of predictions from 100 cycles.
    package let saturated: Reach
    /// The share of units whose true RUL should fall inside, in `0 ..< 1`; 0.9 as shipped.
    package let coverage: Double

    /// - Throws: When a number is outside of its range.
    package init(
        nearFailure: Reach, middle: Reach, saturated: Reach, coverage: Double
    ) throws(InferenceError) {
        for reach in [nearFailure, middle, saturated] {
            for (name, value) in [("lower reach", reach.below), ("upper reach", reach.above)] {
                guard (0...Self.reachMax).contains(value) else {
                    throw .outOfRange(name: name, value: "\(value)", range: "0 to 125")
                }
            }
        }
        guard (0..<1).contains(coverage) else {
            throw .outOfRange(name: "coverage", value: "\(coverage)", range: "0 to below 1")
        }
        self.init(nearFailure, middle, saturated, coverage)
    }

    /// Creates an interval from ``reaches``.
    /// - Precondition: There are two reaches per bin.
    /// - Throws: When a number is outside of its range.
    package init(reaches: [Float], coverage: Double) throws(InferenceError) {
        precondition(reaches.count == 2 * Self.binCount, "\(reaches.count) reaches for three bins")
        try self.init(
            nearFailure: Reach(below: reaches[0], above: reaches[1]),
            middle: Reach(below: reaches[2], above: reaches[3]),
            saturated: Reach(below: reaches[4], above: reaches[5]), coverage: coverage)
    }

    /// The interval that is only its prediction and promises nothing.
    package static let none: Self = {
        let reach = Reach(below: 0, above: 0)
        return Self(reach, reach, reach, 0)
    }()

    private init(_ nearFailure: Reach, _ middle: Reach, _ saturated: Reach, _ coverage: Double) {
        self.nearFailure = nearFailure
        self.middle = middle
        self.saturated = saturated
        self.coverage = coverage
    }

    /// The bin of a predicted RUL, 0 for near failure to 2 for saturated.
    package static func bin(rul: Float) -> Int {
        rul < middleStart ? 0 : rul < saturatedStart ? 1 : 2
    }

    /// The reach around a predicted RUL.
    package func reach(rul: Float) -> Reach {
        switch Self.bin(rul: rul) {
        case 0: nearFailure
        case 1: middle
        default: saturated
        }
    }

    /// Below and above, bin by bin: how a bundle stores them.
    package var reaches: [Float] {
        [nearFailure, middle, saturated].flatMap { [$0.below, $0.above] }
    }
}

extension ConformalInterval {
    /// Whether every end is at least as far from the prediction as the other interval's.
    package func isNowhereNarrower(than other: Self) -> Bool {
        zip(reaches, other.reaches).allSatisfy { $0 >= $1 }
    }
}
