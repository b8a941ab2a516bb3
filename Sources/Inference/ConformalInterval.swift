import Prognostics

/// How far the true RUL may lie from the predicted one (split conformal prediction).
///
/// Errors grow with the RUL until the cap of 125 cycles cuts them off. So the reach below and above
/// a prediction is stored at a few knots of predicted RUL and linear in between: neither end of the
/// interval steps where one prediction is hardly different from the next.
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

    /// Predicted RULs at which reaches are stored, going up; the first and last are the ends of the
    /// scale.
    package static let knots: [Float] = [0, 20, 40, 70, 100, 125]
    /// The greatest reach: the whole scale.
    package static let reachMax: Float = Prediction.cap

    /// Below and above, knot by knot, each in `0...125`: how a bundle stores them.
    package let reaches: [Float]
    /// The share of units whose true RUL should fall inside, in `0 ..< 1`; 0.9 as shipped.
    package let coverage: Double

    /// Creates an interval from the reach below and above at each knot.
    /// - Precondition: There are two reaches per knot.
    /// - Throws: When a number is outside of its range.
    package init(reaches: [Float], coverage: Double) throws(InferenceError) {
        precondition(
            reaches.count == 2 * Self.knots.count,
            "\(reaches.count) reaches for \(Self.knots.count) knots")
        for (index, value) in reaches.enumerated() {
            guard (0...Self.reachMax).contains(value) else {
                throw .outOfRange(
                    name: index.isMultiple(of: 2) ? "lower reach" : "upper reach",
                    value: "\(value)", range: "0 to 125")
            }
        }
        guard (0..<1).contains(coverage) else {
            throw .outOfRange(name: "coverage", value: "\(coverage)", range: "0 to below 1")
        }
        self.init(checked: reaches, coverage: coverage)
    }

    /// The interval that is only its prediction and promises nothing.
    package static let none = Self(
        checked: [Float](repeating: 0, count: 2 * knots.count), coverage: 0)

    private init(checked reaches: [Float], coverage: Double) {
        self.reaches = reaches
        self.coverage = coverage
    }

    /// The reach around a predicted RUL; total, allocates nothing.
    ///
    /// Outside of the scale it is that of the nearer end.
    package func reach(rul: Float) -> Reach {
        var left = 0
        while left < Self.knots.count - 2, rul >= Self.knots[left + 1] { left += 1 }
        let length = Self.knots[left + 1] - Self.knots[left]
        let share = min(max((rul - Self.knots[left]) / length, 0), 1)
        func between(_ side: Int) -> Float {
            let start = reaches[2 * left + side]
            return start + (reaches[2 * left + 2 + side] - start) * share
        }
        return Reach(below: between(0), above: between(1))
    }
}

extension ConformalInterval {
    /// Whether every end is at least as far from the prediction as the other interval's.
    package func isNowhereNarrower(than other: Self) -> Bool {
        zip(reaches, other.reaches).allSatisfy { $0 >= $1 }
    }

    /// Knot by knot the greater reach, so that the interval is nowhere narrower than either.
    /// - Precondition: Both promise the same coverage.
    package func union(_ other: Self) -> Self {
        precondition(coverage == other.coverage, "intervals of two promises")
        return Self(
            checked: zip(reaches, other.reaches).map { max($0, $1) }, coverage: coverage)
    }
}
