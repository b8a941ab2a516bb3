import Features

/// RUL from the trend of the fused health index: when it will cross the fleet's failure level.
///
/// The trend of one unit says where its index stands and how fast it falls; a straight line from
/// there to the failure level ignores that wear accelerates. So the crossing time is one of six
/// ``Summary`` numbers of the trend, and a quadratic form of them, fitted on train units, is the
/// RUL. What the crossing time's own distribution says about failure is the margin.
package struct TrendModel: Equatable, Sendable {
    /// Terms of the quadratic form: 1, six numbers, their 21 products, level³ and age³.
    package static let termCount = 30
    /// The slope now counts as at most this, per 100 cycles: what does not fall never crosses.
    package static let slopeMax = -0.05
    /// The crossing time saturates here, in units of 100 cycles.
    package static let crossingMax = 2.0
    /// Snapshots whose trend is a unit's start; its middle is looked at.
    static let startLength = 20.0

    package let prior: TrendPrior
    /// The index at which units fail.
    package let failureLevel: Double
    /// Standard deviation of the index at failure, from unit to unit.
    package let failureDeviation: Double
    /// Cycles per term of the quadratic form.
    package let readout: [Double]
    /// Standard deviation of the RUL around the quadratic form, in cycles.
    package let fleetDeviation: Double

    /// - Throws: When there are not as many numbers as needed, or one is out of range.
    package init(
        prior: TrendPrior, failureLevel: Double, failureDeviation: Double, readout: [Double],
        fleetDeviation: Double
    ) throws(InferenceError) {
        try FloatRange.check(
            "terms of the readout", count: readout.count, expected: Self.termCount)
        for value in readout where !(value.magnitude <= 1e6) {
            throw .outOfRange(name: "readout", value: "\(value)", range: "-1e6 to 1e6")
        }
        guard failureLevel.magnitude <= 4 else {
            throw .outOfRange(name: "failure level", value: "\(failureLevel)", range: "-4 to 4")
        }
        let scales = [
            ("failure deviation", failureDeviation), ("fleet deviation", fleetDeviation),
        ]
        for (name, value) in scales {
            guard (1e-4...1e3).contains(value) else {
                throw .outOfRange(name: name, value: "\(value)", range: "1e-4 to 1e3")
            }
        }
        self.prior = prior
        self.failureLevel = failureLevel
        self.failureDeviation = failureDeviation
        self.readout = readout
        self.fleetDeviation = fleetDeviation
    }

    /// The RUL in cycles, not yet clamped, and the margin of failure: how many standard deviations
    /// of the crossing time lie between it and the next 30 cycles.
    /// - Precondition: The history holds a snapshot.
    package func run(_ history: LifeHistory) -> (rul: Float, margin: Float) {
        estimate(TrendFit(history, prior: prior), history)
    }

    /// The same for a trend that was fitted before.
    package func estimate(
        _ fit: TrendFit, _ history: LifeHistory
    ) -> (rul: Float, margin: Float) {
        let rul = rul(of: fit.curve, history)
        let deviation = deviation(of: fit)
        return (Float(rul), Float((rul - Self.horizon) / deviation))
    }

    /// The RUL that a curve leads to, in -1e3...1e3 cycles.
    package func rul(of curve: TrendCurve, _ history: LifeHistory) -> Double {
        let terms = Self.terms(
            Summary(curve: curve, history: history, failureLevel: failureLevel))
        var sum = 0.0
        for index in 0..<Self.termCount { sum += readout[index] * terms[index] }
        return min(max(sum, -1e3), 1e3)
    }

    private static let horizon = 30.0

    /// Standard deviation of the RUL in cycles: the crossing time's and the fleet's, each weighing
    /// as much as it knows.
    ///
    /// The crossing time `(level − failure) / −slope` in first order: its variance is
    /// `(Var level + Var failure + 2 T Cov + T² Var slope) / slope²`.
    private func deviation(of fit: TrendFit) -> Double {
        let slope = min(fit.curve.slope, Self.slopeMax)
        let crossing = Summary.crossing(fit.curve, failureLevel: failureLevel)
        let trend =
            fit.levelVariance + 2 * crossing * fit.covariance
            + crossing * crossing * fit.slopeVariance
        let spread = failureDeviation * failureDeviation + max(trend, 0)
        let cycles = TrendCurve.cyclesPerUnit
        let precision =
            slope * slope / (spread * cycles * cycles) + 1 / (fleetDeviation * fleetDeviation)
        return 1 / precision.squareRoot()
    }

    /// The terms of the quadratic form, in the order of ``readout``.
    package static func terms(_ summary: Summary) -> InlineArray<30, Double> {
        let numbers = summary.numbers
        var terms = InlineArray<30, Double>(repeating: 1)
        var next = 1
        for index in 0..<Summary.count {
            terms[next] = numbers[index]
            next += 1
        }
        for left in 0..<Summary.count {
            for right in left..<Summary.count {
                terms[next] = numbers[left] * numbers[right]
                next += 1
            }
        }
        terms[next] = numbers[0] * numbers[0] * numbers[0]
        terms[next + 1] = numbers[4] * numbers[4] * numbers[4]
        return terms
    }
}

extension TrendModel {
    /// What the quadratic form knows of a unit: six bounded numbers.
    package struct Summary: Sendable {
        package static let count = 6

        /// Level, slope per 100 cycles, mean over the life, level at the start, age in 200 cycles,
        /// crossing time in 100 cycles.
        package let numbers: InlineArray<6, Double>

        /// - Precondition: The history holds a snapshot.
        package init(curve: TrendCurve, history: LifeHistory, failureLevel: Double) {
            var weights = 0.0
            var sum = 0.0
            for index in 0..<history.pointCount {
                let point = history.point(index)
                weights += point.weight
                sum += point.weight * point.value
            }
            let cycles = Double(history.health.count - 1) * history.cyclesPerSnapshot
            let startLag = max(cycles - startLength / 2, 0) / TrendCurve.cyclesPerUnit
            numbers = [
                Self.bounded(curve.level), Self.bounded(curve.slope), sum / weights,
                Self.bounded(curve.value(lag: startLag)), history.age / 200,
                Self.crossing(curve, failureLevel: failureLevel),
            ]
        }

        /// When a straight line from now crosses the failure level, in 100 cycles, `0...2`.
        static func crossing(_ curve: TrendCurve, failureLevel: Double) -> Double {
            let time = (bounded(curve.level) - failureLevel) / -min(bounded(curve.slope), slopeMax)
            return min(max(time, 0), crossingMax)
        }

        /// Twice the index' own limit bounds level and slope alike; a NaN would give the bound.
        private static func bounded(_ value: Double) -> Double { value > -8 ? min(value, 8) : -8 }
    }
}
