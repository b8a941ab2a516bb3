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
/// A small fleet has 6 to 12 calibrate units, too few for separate quantiles of either tail of
/// every bin. So the *shape* of the errors is fixed, and what is learnt is one number per bin. A
/// row with prediction `p` and residual `r` scores (Lei, G'Sell, Rinaldo, Tibshirani, Wasserman,
/// "Distribution-free predictive inference for regression", JASA 2018, §5.2, with a scale per side
/// as in Romano, Patterson, Candès, "Conformalized quantile regression", NeurIPS 2019)
///
///     s = max(-r / below(p), r / above(p))
///
/// with ``shape(rul:)`` for `below` and `above`. Of a bin's `n` units with `m_i` rows there, each
/// row weighs `1/m_i`; the bin's factor is the least score `λ` with
///
///     (1/n) Σ_i (1/m_i) #{s_ij ≤ λ}  ≥  0.9 (1 + ρ/n)
///
/// and a bin in which the right side exceeds 1 (fewer than five units) promises nothing: its reach
/// is the whole scale. `ρ` is the share of a score's variance that rows of a unit have in common.
/// With independent rows (0) the level needs no correction for few units; with `ρ` = 1 it is that
/// of hierarchical conformal prediction, whose coverage is guaranteed for every `n` (Lee, Barber,
/// Willett, "Distribution-free inference with hierarchical data", 2023, §3); for 10 units it is
/// 0.99. `n` units of correlation `ρ` tell as much as `n/ρ` independent rows, so coverage with
/// ``correlation`` is approximate: docs/decisions/0011 shows it by simulation.
package enum ConformalCalibration {
    /// The share of units whose true RUL the interval should contain.
    package static let coverage = 0.9
    /// `ρ`, above the 0.18 to 0.45 measured on held-out units of FD001 to FD004's training files:
    /// the variance between units of the share of rows outside, over that of one row.
    package static let correlation = 0.5
    /// Predicted RULs at which the middle and the saturated bin begin: the failure horizon of 30
    /// cycles and room for the errors around it, and where most truths are at the cap or beyond.
    package static let binStarts: [Float] = [40, 100]

    /// The shape of the errors: 5 % lie below and 5 % above by about as much, on held-out units of
    /// the training files of FD001 to FD004, predicted by XGBoost.
    ///
    /// It grows by a cycle in four up to 100 cycles. From there a truth that is capped can lie
    /// hardly above, and a prediction at the cap is seldom far too high.
    package static func shape(rul: Float) -> (below: Double, above: Double) {
        let rul = min(max(Double(rul), 0), Double(ConformalInterval.reachMax))
        let grown = 3 + min(rul, 100) / 4
        return (grown - max(rul - 100, 0) * 14 / 25, grown)
    }

    /// The interval for new units, from each calibrate unit's rows.
    ///
    /// Inside of a bin the reach is the shape times the bin's factor. Between the bins' middles the
    /// factor passes from one bin's to the next one's, so that the ends do not step.
    /// - Precondition: There is a unit, and none without rows.
    package static func interval(
        _ units: [[CalibrationRow]]
    ) throws(InferenceError) -> ConformalInterval {
        precondition(!units.isEmpty && units.allSatisfy { !$0.isEmpty })
        let factors = (0...binStarts.count).map { bin in
            factor(units.map { unit in unit.filter { Self.bin(rul: $0.rul) == bin }.map(score) })
        }
        let reaches = ConformalInterval.knots.flatMap { knot -> [Float] in
            let (left, right) = binsBeside(knot)
            let factor = (factors[left] + factors[right]) / 2
            let shape = shape(rul: knot)
            return [shape.below, shape.above].map {
                min(Float($0 * factor), ConformalInterval.reachMax)
            }
        }
        return try ConformalInterval(reaches: reaches, coverage: coverage)
    }

    /// The score of a row: how many times its side of the shape its residual is.
    private static func score(_ row: CalibrationRow) -> Double {
        let shape = shape(rul: row.rul)
        return max(-row.residual / shape.below, row.residual / shape.above)
    }

    /// The factor of a bin from the scores of each unit in it; infinite where they are too few.
    private static func factor(_ units: [[Double]]) -> Double {
        let units = units.filter { !$0.isEmpty }
        let count = Double(units.count)
        let entries = units.flatMap { scores in
            scores.map { (score: $0, weight: 1 / Double(scores.count)) }
        }.sorted { ($0.score, $0.weight) < ($1.score, $1.weight) }
        // Weights are shares whose sums round: a level met exactly must not fail by that.
        let enough = coverage * (count + correlation) - 1e-9
        guard count > 0, enough <= count else { return .infinity }
        var reached = 0.0
        for entry in entries {
            reached += entry.weight
            if reached >= enough { return entry.score }
        }
        return entries.last?.score ?? .infinity
    }

    /// 0 for near failure, 1 for the middle, 2 for saturated.
    private static func bin(rul: Float) -> Int {
        binStarts.count { rul >= $0 }
    }

    /// The bins on either side of a knot; one bin twice where the knot is inside of it.
    private static func binsBeside(_ knot: Float) -> (Int, Int) {
        (binStarts.count { knot > $0 }, bin(rul: knot))
    }
}
