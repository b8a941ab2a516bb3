/// Residual quantiles over pooled rows in which each unit weighs 1: split conformal prediction.
///
/// Rows of one unit are not exchangeable with rows of another, units are. So each of a unit's `m`
/// rows weighs `1/m`: the pooled distribution is the mean of the units' own (Dunn, Wasserman,
/// Ramdas, "Distribution-free prediction sets for two-layer hierarchical models", JASA 2022, §3.2
/// "pooling CDFs"), whose coverage for a new unit is asymptotic in the number of units. Levels
/// carry split conformal's finite-sample correction for the `n` rows in the pool: the upper
/// quantile is taken at `(1 − α/2)·(1 + 1/n)`, the lower mirrors it; a level of 1 or more is the
/// extreme residual. A correction by the number of units would need 19 of them for any finite
/// interval.
package struct ConformalQuantiles: Equatable, Sendable {
    /// The signed lower quantile of true minus predicted.
    package let low: Double
    /// The signed upper quantile of true minus predicted.
    package let high: Double

    /// Quantiles of `residuals[unit][row]` that leave `(1 − coverage)/2` of the weight on each
    /// side.
    /// - Precondition: At least one unit, and no unit without rows.
    package init(residuals: [[Double]], coverage: Double) {
        precondition(!residuals.isEmpty && residuals.allSatisfy { !$0.isEmpty })
        precondition(coverage > 0 && coverage < 1)
        let rowCount = Double(residuals.reduce(0) { $0 + $1.count })
        let level = (1 + coverage) / 2 * (1 + 1 / rowCount)
        let pool = residuals.flatMap { unit in
            unit.map { (residual: $0, weight: 1 / (Double(unit.count) * Double(residuals.count))) }
        }
        high = Self.quantile(pool, level: level)
        low = -Self.quantile(pool.map { (-$0.residual, $0.weight) }, level: level)
    }

    /// The least residual at which the weight of all up to it reaches `level`, or the greatest.
    private static func quantile(
        _ pool: [(residual: Double, weight: Double)], level: Double
    ) -> Double {
        let sorted = pool.sorted { $0.residual < $1.residual }
        var reached = 0.0
        for (residual, weight) in sorted {
            reached += weight
            // Weights are sums of reciprocals: a level met exactly must not fail by rounding.
            if reached >= level - 1e-12 { return residual }
        }
        return sorted[sorted.count - 1].residual
    }
}
