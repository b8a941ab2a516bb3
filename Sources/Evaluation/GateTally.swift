import Prognostics

/// What one unit adds to the metrics that gates compare; sums of rows, so they add up.
struct GateTally {
    /// Cycles above the truth from which a prediction is late: the scale of PHM08's late side.
    ///
    /// Not the sign alone: half of an unbiased model's predictions are a little above the truth,
    /// and a model that errs to the early side would forbid every better one.
    static let lateCycles = 10.0
    /// α of the interval, whose coverage is to be 1 − α.
    private static let alpha = 0.1

    /// Sums over some of the rows, about their intervals.
    struct Intervals {
        private(set) var rowCount = 0.0
        private(set) var covered = 0.0
        private(set) var width = 0.0
        private(set) var score = 0.0

        /// Adds a row's interval with its score.
        ///
        /// The score of a central interval is `(u − l) + 2/α·(l − x)` for x below l, and
        /// `(u − l) + 2/α·(x − u)` for x above u (Gneiting and Raftery 2007, equation 43).
        mutating func add(_ row: ScoredRow) {
            let (low, high) = (Double(row.prediction.rulLow), Double(row.prediction.rulHigh))
            let miss = max(low - row.cappedTruth, row.cappedTruth - high, 0)
            rowCount += 1
            if row.isCovered { covered += 1 }
            width += high - low
            score += high - low + 2 / GateTally.alpha * miss
        }

        static func += (sum: inout Self, unit: Self) {
            sum.rowCount += unit.rowCount
            sum.covered += unit.covered
            sum.width += unit.width
            sum.score += unit.score
        }

        /// Means over the rows; nil without one.
        var coverage: Double? { rowCount == 0 ? nil : covered / rowCount }
        var meanWidth: Double? { rowCount == 0 ? nil : width / rowCount }
        var meanScore: Double? { rowCount == 0 ? nil : score / rowCount }
    }

    private var penalties = 0.0
    private var late = 0.0
    private var truePositives = 0.0
    private var falsePositives = 0.0
    /// Of all rows, and of those within 30 cycles of failure.
    private(set) var all = Intervals()
    private(set) var nearFailure = Intervals()
    /// Rows and squares of errors of each regime.
    private var regimes: [(rowCount: Double, squares: Double)]

    /// Nothing yet.
    init(regimeCount: Int) {
        regimes = Array(repeating: (0, 0), count: regimeCount)
    }

    /// Adds a row of a regime, counted from 0.
    private mutating func add(_ row: ScoredRow, regime: Int, alarmThreshold: Double) {
        penalties += RegressionMetrics.phm08Penalty(row.error)
        if row.error > Self.lateCycles { late += 1 }
        all.add(row)
        if row.isNearFailure { nearFailure.add(row) }
        if Double(row.prediction.failureProbability) >= alarmThreshold {
            if row.isNearFailure { truePositives += 1 } else { falsePositives += 1 }
        }
        regimes[regime].rowCount += 1
        regimes[regime].squares += row.error * row.error
    }

    /// Adds another unit's rows.
    static func += (sum: inout Self, unit: Self) {
        sum.penalties += unit.penalties
        sum.late += unit.late
        sum.truePositives += unit.truePositives
        sum.falsePositives += unit.falsePositives
        sum.all += unit.all
        sum.nearFailure += unit.nearFailure
        for regime in sum.regimes.indices {
            sum.regimes[regime].rowCount += unit.regimes[regime].rowCount
            sum.regimes[regime].squares += unit.regimes[regime].squares
        }
    }

    /// The sums of each unit's rows; `regimes` says for each row which one it is of, from 0.
    static func units(
        _ rows: [ScoredRow], alarmThreshold: Double, regimes: [Int]
    ) -> [GateTally] {
        let regimeCount = (regimes.max() ?? 0) + 1
        return ScoredRow.byUnit(rows).map { unit in
            var tally = GateTally(regimeCount: regimeCount)
            for index in unit.indices {
                tally.add(rows[index], regime: regimes[index], alarmThreshold: alarmThreshold)
            }
            return tally
        }
    }

    var regimeCount: Int { regimes.count }

    /// Mean PHM08 penalty; nil without rows.
    var meanPenalty: Double? { all.rowCount == 0 ? nil : penalties / all.rowCount }

    /// The share of late predictions; nil without rows.
    var lateShare: Double? { all.rowCount == 0 ? nil : late / all.rowCount }

    /// The share of rows near failure with an alarm; nil without one.
    var recall: Double? {
        nearFailure.rowCount == 0 ? nil : truePositives / nearFailure.rowCount
    }

    /// F2 as ``FailureMetrics/f2``.
    var f2: Double? {
        let hits = 5 * truePositives
        let misses = 4 * (nearFailure.rowCount - truePositives) + falsePositives
        return hits + misses == 0 ? nil : hits / (hits + misses)
    }

    /// The greatest RMSE of a regime; nil without rows.
    var worstRegimeRMSE: Double? {
        regimes.filter { $0.rowCount > 0 }.map { ($0.squares / $0.rowCount).squareRoot() }.max()
    }
}
