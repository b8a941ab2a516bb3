package import Inference

/// A prediction on a calibrate unit beside what became of the unit.
package struct CalibrationRow: Equatable, Sendable {
    /// The predicted RUL, in `0...125`.
    package let rul: Float
    /// The true RUL, capped at 125, minus the predicted one.
    package let residual: Double

    package init(rul: Float, residual: Double) {
        self.rul = rul
        self.residual = residual
    }
}

/// Interval reaches from residuals of calibrate units: split conformal prediction by bins of
/// predicted RUL, in which each unit weighs 1.
///
/// Rows of one unit are not exchangeable with rows of another, units are. So each of a unit's `m`
/// rows in a bin weighs `1/m`: the pooled distribution is the mean of the units' own (Dunn,
/// Wasserman, Ramdas, "Distribution-free prediction sets for two-layer hierarchical models", JASA
/// 2022, §3.2 "pooling CDFs"), whose coverage for a new unit is only asymptotic in the number of
/// units. With the 6 to 12 units of a small fleet the plain level falls short, and a correction by
/// the number of units would need 19 of them for any finite interval. So the level is measured: it
/// is the least one on ``levels`` at which units that took no part in the quantiles are covered as
/// promised, each left out in turn (leave-one-out as in Barber, Candès, Ramdas, Tibshirani,
/// "Predictive inference with the jackknife+", Annals of Statistics 2021). If none does, the
/// reaches are the extreme residuals.
package enum ConformalCalibration {
    /// The share of units whose true RUL the interval should contain.
    package static let coverage = 0.9
    /// The levels that are tried, in thousandths of the weight on one side of a quantile: from the
    /// nominal one, which leaves half of the misses to either side, up to the extreme residuals.
    package static let levels = Array(950...1_000)

    /// The interval for new units, from each calibrate unit's rows.
    /// - Precondition: There is a unit, and none without rows.
    package static func interval(
        _ units: [[CalibrationRow]]
    ) throws(InferenceError) -> ConformalInterval {
        let pool = ResidualPool(units)
        let index = leastCoveringLevel(units, pool: pool)
        return try interval(pool.reaches(leavingOut: nil).map { $0[index] })
    }

    /// The index of the least level whose mean coverage of left-out units is reached, or the last.
    private static func leastCoveringLevel(
        _ units: [[CalibrationRow]], pool: ResidualPool
    ) -> Int {
        var covered = [Double](repeating: 0, count: levels.count)
        for (number, rows) in units.enumerated() {
            let reaches = pool.reaches(leavingOut: number)
            for index in levels.indices {
                let hits = rows.count { row in
                    reaches[ConformalInterval.bin(rul: row.rul)][index].contains(row.residual)
                }
                covered[index] += Double(hits) / Double(rows.count)
            }
        }
        // Sums of shares: a coverage met exactly must not fail by rounding.
        let enough = coverage * Double(units.count) - 1e-9
        return covered.firstIndex { $0 >= enough } ?? levels.count - 1
    }

    private static func interval(
        _ reaches: [ClosedRange<Double>]
    ) throws(InferenceError) -> ConformalInterval {
        func reach(_ bin: Int) -> ConformalInterval.Reach {
            .init(below: Float(-reaches[bin].lowerBound), above: Float(reaches[bin].upperBound))
        }
        return try ConformalInterval(
            nearFailure: reach(0), middle: reach(1), saturated: reach(2), coverage: coverage)
    }
}

/// All rows of all units, sorted once by bin and residual.
private struct ResidualPool {
    struct Entry {
        let residual: Double
        let unit: Int
        /// One over the unit's rows in the bin.
        let weight: Double
    }

    /// Per bin its entries, residuals going up.
    private let bins: [[Entry]]
    /// Per bin the units that have rows there.
    private let unitsOfBin: [Set<Int>]

    /// - Precondition: There is a unit, and none without rows.
    init(_ units: [[CalibrationRow]]) {
        precondition(!units.isEmpty && units.allSatisfy { !$0.isEmpty })
        var bins = [[Entry]](repeating: [], count: ConformalInterval.binCount)
        var unitsOfBin = [Set<Int>](repeating: [], count: ConformalInterval.binCount)
        for (unit, rows) in units.enumerated() {
            for bin in 0..<ConformalInterval.binCount {
                let own = rows.filter { ConformalInterval.bin(rul: $0.rul) == bin }
                if !own.isEmpty { unitsOfBin[bin].insert(unit) }
                bins[bin] += own.map {
                    Entry(residual: $0.residual, unit: unit, weight: 1 / Double(own.count))
                }
            }
        }
        // Equal residuals keep the order of units, so equal input sums in equal order.
        self.bins = bins.map { $0.sorted { ($0.residual, $0.unit) < ($1.residual, $1.unit) } }
        self.unitsOfBin = unitsOfBin
    }

    /// Per bin and level the reaches below and above a prediction, as a range that contains 0.
    ///
    /// A bin without a row of the other units promises nothing: its range is the whole scale.
    func reaches(leavingOut unit: Int?) -> [[ClosedRange<Double>]] {
        bins.indices.map { bin in
            let count = unitsOfBin[bin].count - (unit.map(unitsOfBin[bin].contains) == true ? 1 : 0)
            let highs = Self.quantiles(bins[bin], count: count, leavingOut: unit)
            let lows = Self.quantiles(bins[bin].reversed(), count: count, leavingOut: unit)
            return ConformalCalibration.levels.indices.map { index in
                guard count > 0 else { return -Self.scale...Self.scale }
                return min(lows[index], 0)...max(highs[index], 0)
            }
        }
    }

    /// The length of the RUL scale in cycles.
    private static let scale = Double(ConformalInterval.reachMax)

    /// Per level the first residual, in the order given, at which the weight of all up to it
    /// reaches the level; the last where rounding keeps the weight below.
    private static func quantiles(
        _ entries: some Collection<Entry>, count: Int, leavingOut unit: Int?
    ) -> [Double] {
        var quantiles: [Double] = []
        var (reached, last) = (0.0, 0.0)
        for entry in entries where entry.unit != unit {
            reached += entry.weight
            last = entry.residual
            while quantiles.count < ConformalCalibration.levels.count {
                let level = Double(ConformalCalibration.levels[quantiles.count]) / 1_000
                guard reached >= level * Double(count) - 1e-9 else { break }
                quantiles.append(entry.residual)
            }
        }
        let missing = ConformalCalibration.levels.count - quantiles.count
        return quantiles + [Double](repeating: last, count: missing)
    }
}
