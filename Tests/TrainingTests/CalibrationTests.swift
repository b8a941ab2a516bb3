import Datasets
import Quantization
import TestSupport
import Testing

/// The numbers learnt on top of a model: probability, alarm threshold, interval.
@Suite("Calibration")
struct CalibrationTests {
    /// Predicted RULs and whether the unit failed within 30 cycles; the classes overlap.
    static func overlapping(count: Int = 400) -> (values: [Double], events: [Bool]) {
        var generator = SplitMix64(seed: 3)
        let values = (0..<count).map { _ in generator.uniform() * 125 }
        let events = values.map { $0 + (generator.uniform() - 0.5) * 40 < 30 }
        return (values, events)
    }

    @Test(
        "The logistic fit is scikit-learn's without regularization",
        .enabled(if: OraclePython.isPresent, Comment(rawValue: OraclePython.skipMessage)))
    func logisticOracle() throws {
        let (values, events) = Self.overlapping()
        let script = """
            import sys, numpy
            from sklearn.linear_model import LogisticRegression
            x, y = numpy.loadtxt(sys.stdin).T
            fit = LogisticRegression(C=numpy.inf, tol=1e-12, max_iter=10000, solver="newton-cg")
            fit.fit(x[:, None], y)
            print(float(fit.coef_[0, 0]), float(fit.intercept_[0]))
            """
        let input = zip(values, events).map { "\($0) \($1 ? 1 : 0)\n" }.joined()
        let printed = try OraclePython.run(script, input: Array(input.utf8))
        let expected = printed.split(whereSeparator: \.isWhitespace).compactMap { Double($0) }
        try #require(expected.count == 2)
        let fit = try LogisticFit(values: values, events: events)
        #expect(abs(fit.slope - expected[0]) < 1e-5 * abs(expected[0]))
        #expect(abs(fit.intercept - expected[1]) < 1e-5 * abs(expected[1]))
    }

    @Test("Classes that a threshold separates give a finite, falling probability")
    func separable() throws {
        let fit = try LogisticFit(
            values: (0..<100).map(Double.init), events: (0..<100).map { $0 <= 30 })
        #expect(fit.slope < -1 && fit.slope.isFinite && fit.intercept.isFinite)
        #expect(abs(-fit.intercept / fit.slope - 30.5) < 0.1)
    }

    @Test("Rows of one value give the share of failures, whatever the value")
    func constantValue() throws {
        let fit = try LogisticFit(
            values: [Double](repeating: 70, count: 4), events: [true, false, false, false])
        #expect(abs(fit.slope * 70 + fit.intercept + 1.0986122886681098) < 1e-9)
    }

    @Test("Rows of one outcome cannot calibrate anything", arguments: [true, false])
    func oneOutcome(outcome: Bool) {
        #expect(throws: QuantizationError.oneOutcomeOnly(rowCount: 2, failing: outcome)) {
            try LogisticFit(values: [1, 2], events: [outcome, outcome])
        }
    }

    @Test(
        "No threshold has a better F2 than the chosen one", arguments: 1...20 as ClosedRange<UInt64>
    )
    func thresholdIsBest(seed: UInt64) {
        var generator = SplitMix64(seed: seed)
        let probabilities = (0..<30).map { _ in Float(Int(generator.uniform() * 10)) / 10 }
        var events = probabilities.map { Double($0) + generator.uniform() > 1.1 }
        events[0] = true
        func f2(_ threshold: Float) -> Double {
            let rows = zip(probabilities, events)
            let hits = rows.count { $0 >= threshold && $1 }
            let misses = rows.count { $0 < threshold && $1 }
            let falseAlarms = rows.count { $0 >= threshold && !$1 }
            return 5 * Double(hits) / Double(5 * hits + 4 * misses + falseAlarms)
        }
        let chosen = AlarmThreshold.maximizingF2(probabilities: probabilities, events: events)
        for candidate in 0...10 { #expect(f2(Float(candidate) / 10) <= f2(chosen)) }
    }
}
