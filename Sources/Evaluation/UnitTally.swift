import Prognostics

/// What one unit adds to the metrics that are resampled by unit; sums of rows, so they add up.
package struct UnitTally: Equatable, Sendable {
    private(set) var rowCount = 0.0
    private(set) var squares = 0.0
    private(set) var positives = 0.0
    private(set) var truePositives = 0.0
    private(set) var falsePositives = 0.0
    private(set) var covered = 0.0
    private(set) var coveredNearFailure = 0.0

    /// Nothing yet.
    init() {}

    /// Sums over rows; one counts as an alarm from a failure probability of `alarmThreshold`.
    package init(_ rows: some Sequence<ScoredRow>, alarmThreshold: Double) {
        for row in rows {
            rowCount += 1
            squares += row.error * row.error
            let isAlarm = Double(row.prediction.failureProbability) >= alarmThreshold
            if row.isCovered { covered += 1 }
            if row.isNearFailure {
                positives += 1
                if isAlarm { truePositives += 1 }
                if row.isCovered { coveredNearFailure += 1 }
            } else if isAlarm {
                falsePositives += 1
            }
        }
    }

    /// Adds another unit's rows.
    static func += (sum: inout Self, unit: Self) {
        sum.rowCount += unit.rowCount
        sum.squares += unit.squares
        sum.positives += unit.positives
        sum.truePositives += unit.truePositives
        sum.falsePositives += unit.falsePositives
        sum.covered += unit.covered
        sum.coveredNearFailure += unit.coveredNearFailure
    }

    /// Root of the mean square error with the truth capped; nil without rows.
    package var rmse: Double? { rowCount == 0 ? nil : (squares / rowCount).squareRoot() }

    /// F2 as ``FailureMetrics/f2``.
    package var f2: Double? {
        let hits = 5 * truePositives
        let misses = 4 * (positives - truePositives) + falsePositives
        return hits + misses == 0 ? nil : hits / (hits + misses)
    }

    /// The share of rows whose interval holds the truth; nil without rows.
    package var coverage: Double? { rowCount == 0 ? nil : covered / rowCount }

    /// The same for rows with 30 cycles or fewer to live.
    package var coverageNearFailure: Double? {
        positives == 0 ? nil : coveredNearFailure / positives
    }
}
