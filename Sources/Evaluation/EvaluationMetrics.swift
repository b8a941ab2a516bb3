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
    /// 95 % intervals of the main metrics, resampled by unit.
    package let resampled: ResampledMetrics
    /// Errors and interval per bin of true RUL.
    package let byTrueRUL: [ErrorGroup]
    /// Errors and interval per operating regime.
    package let byRegime: [ErrorGroup]
    /// Errors and interval of recorded lives, and of engines in the field.
    package let bySource: [ErrorGroup]
    /// The alarm rule over whole lives; nil when a unit's last row is not its failure.
    package let alarms: AlarmMetrics?
    /// α-λ accuracy and horizon; nil when a unit's last row is not its failure.
    package let prognostic: PrognosticMetrics?
    /// The sums that each unit adds, in the rows' order: what a paired comparison draws from.
    package let tallies: [UnitTally]

    /// Measures rows; one counts as an alarm from a failure probability of `alarmThreshold`.
    /// - Precondition: There is at least one row; a unit's rows stand together, oldest first.
    package init(rows: [ScoredRow], alarmThreshold: Double) {
        let units = ScoredRow.byUnit(rows)
        let predicted = rows.map { Double($0.prediction.rul) }
        rowCount = rows.count
        unitCount = units.count
        capped = RegressionMetrics(predicted: predicted, truth: rows.map(\.cappedTruth))
        uncapped = RegressionMetrics(predicted: predicted, truth: rows.map(\.truth))
        failure = FailureMetrics(
            probabilities: rows.map { Double($0.prediction.failureProbability) },
            positive: rows.map(\.isNearFailure), threshold: alarmThreshold)
        interval = IntervalMetrics(rows)
        intervalNearFailure = IntervalMetrics(rows.filter(\.isNearFailure))
        tallies = units.map { UnitTally($0, alarmThreshold: alarmThreshold) }
        resampled = ResampledMetrics(tallies)
        byTrueRUL = ErrorGroup.byTrueRUL(rows)
        byRegime = ErrorGroup.byRegime(rows)
        bySource = ErrorGroup.bySource(rows)
        let areWholeLives = units.allSatisfy { $0.last?.truth == 0 && $0.count > 1 }
        alarms = areWholeLives ? AlarmMetrics(units, alarmThreshold: alarmThreshold) : nil
        prognostic = areWholeLives ? PrognosticMetrics(units) : nil
    }

    /// The score with the truth capped; lower is better.
    package var score: Double { capped.score }
}
