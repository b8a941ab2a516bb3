import Glibc

/// How far predicted RUL is from the true one, in cycles, with every row weighing the same.
package struct RegressionMetrics: Equatable, Sendable {
    /// Root of the mean square error.
    package let rmse: Double
    /// Mean absolute error.
    package let mae: Double
    /// Mean square error.
    package let mse: Double
    /// Sum of the PHM08 penalties, which charge late predictions more than early ones.
    package let phm08: Double

    /// Compares predictions with the truth, row by row.
    /// - Precondition: There is at least one row, and as many predictions as truths.
    package init(predicted: [Double], truth: [Double]) {
        precondition(!truth.isEmpty && predicted.count == truth.count)
        var squares = 0.0
        var absolutes = 0.0
        var penalties = 0.0
        for row in truth.indices {
            let difference = predicted[row] - truth[row]
            squares += difference * difference
            absolutes += abs(difference)
            penalties += Self.phm08Penalty(difference)
        }
        let count = Double(truth.count)
        mse = squares / count
        mae = absolutes / count
        rmse = mse.squareRoot()
        phm08 = penalties
    }

    /// `0.5·rmse + 0.3·mae + 0.2·mse`; lower is better.
    ///
    /// The weights are the source design's. The square dominates, so the score is nearly the mean
    /// square error and blind to the sign of an error; that is why promotion also has gates.
    package var score: Double { 0.5 * rmse + 0.3 * mae + 0.2 * mse }

    /// The penalty of one prediction that is `difference` cycles above the truth.
    ///
    /// With d = predicted − true: `exp(-d/13) - 1` for d < 0 and `exp(d/10) - 1` for d ≥ 0
    /// (Saxena et al. 2008, section IV.E, with a1 = 13 and a2 = 10 as the PHM08 challenge used).
    package static func phm08Penalty(_ difference: Double) -> Double {
        difference < 0 ? exp(-difference / 13) - 1 : exp(difference / 10) - 1
    }
}
