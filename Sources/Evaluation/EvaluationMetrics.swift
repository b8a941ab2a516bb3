import Prognostics

/// Everything that is measured over one set of scored rows.
package struct EvaluationMetrics: Equatable, Sendable {
    /// Rows compared.
    package let rowCount: Int
    /// Units they belong to.
    package let unitCount: Int
    /// Errors with the truth capped at 125 cycles, as the literature does.
    package let capped: RegressionMetrics
    /// Errors with the truth as it is.
    package let uncapped: RegressionMetrics
    /// The failure probability against RUL ≤ 30.
    package let failure: FailureMetrics
    /// The interval against the capped truth, on all rows.
    package let interval: IntervalMetrics
    /// The interval on the rows with RUL ≤ 30.
    package let intervalNearFailure: IntervalMetrics

    /// Measures rows; one counts as an alarm from a failure probability of `alarmThreshold`.
    /// - Precondition: There is at least one row.
    package init(rows: [ScoredRow], alarmThreshold: Double) {
        let predicted = rows.map { Double($0.prediction.rul) }
        let truth = rows.map(\.truth)
        let cappedTruth = truth.map { min($0, Double(Prediction.cap)) }
        rowCount = rows.count
        unitCount = Set(rows.map(\.unit)).count
        capped = RegressionMetrics(predicted: predicted, truth: cappedTruth)
        uncapped = RegressionMetrics(predicted: predicted, truth: truth)
        failure = FailureMetrics(
            probabilities: rows.map { Double($0.prediction.failureProbability) },
            positive: truth.map { $0 <= FailureMetrics.horizonCycles },
            threshold: alarmThreshold)
        interval = Self.interval(of: rows)
        intervalNearFailure = Self.interval(
            of: rows.filter { $0.truth <= FailureMetrics.horizonCycles })
    }

    /// `0.5·rmse + 0.3·mae + 0.2·mse` with the truth capped; lower is better.
    ///
    /// The weights are the source design's. The square dominates, so the score is nearly the mean
    /// square error and blind to the sign of an error; that is why promotion also has gates.
    package var score: Double { 0.5 * capped.rmse + 0.3 * capped.mae + 0.2 * capped.mse }

    private static func interval(of rows: [ScoredRow]) -> IntervalMetrics {
        IntervalMetrics(
            low: rows.map { Double($0.prediction.rulLow) },
            high: rows.map { Double($0.prediction.rulHigh) },
            truth: rows.map { min($0.truth, Double(Prediction.cap)) })
    }
}
