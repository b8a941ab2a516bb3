import Prognostics

/// How early and how steadily predictions over whole lives come true.
///
/// Source: Saxena et al., "Metrics for offline evaluation of prognostic performance", International
/// Journal of Prognostics and Health Management 1, 2010, sections 4.1 and 4.2, as NASA's progpy
/// computes them. A bundle predicts a point and not a distribution: the β criterion, how much of
/// the probability must lie within the bounds, is then whether the point does.
package struct PrognosticMetrics: Equatable, Sendable {
    /// One point of a life and the share of units that were predicted well there.
    package struct AlphaLambda: Equatable, Sendable {
        /// The share of the time from first prediction to failure that has passed.
        package let lambda: Double
        /// The share of units predicted within ±``alpha`` of the truth.
        package let accuracy: Double
    }

    /// α of the α-λ accuracy: within 20 % of the truth, a cone that closes towards failure.
    package static let alpha = 0.2
    /// λ at which accuracy is measured.
    package static let lambdas = [0.5, 0.75, 0.9]
    /// α of the horizon: within 10 % of the whole life, a band of constant width.
    package static let horizonAlpha = 0.1

    /// Accuracy at each λ.
    ///
    /// Measured at the first prediction at or after λ, with the truth capped at 125 cycles, because
    /// a prediction of 125 reads "125 or more".
    package let alphaLambda: [AlphaLambda]
    /// Mean cycles to live when a prediction first came within the band, truth uncapped; 0 for a
    /// unit that never did.
    package let horizon: Double
    /// The same from when on every prediction stayed within the band.
    package let stableHorizon: Double

    /// Measures units that ran to failure, each with its rows oldest first.
    /// - Precondition: There is a unit, and the last row of each has an RUL of 0.
    package init(_ units: [ArraySlice<ScoredRow>]) {
        precondition(!units.isEmpty && units.allSatisfy { $0.last?.truth == 0 })
        let count = Double(units.count)
        alphaLambda = Self.lambdas.map { lambda in
            AlphaLambda(
                lambda: lambda,
                accuracy: Double(units.count { Self.isAccurate($0, at: lambda) }) / count)
        }
        let horizons = units.map(Self.horizons)
        horizon = horizons.reduce(0) { $0 + $1.first } / count
        stableHorizon = horizons.reduce(0) { $0 + $1.stable } / count
    }

    private static func isAccurate(_ rows: ArraySlice<ScoredRow>, at lambda: Double) -> Bool {
        guard let first = rows.first, let last = rows.last else { return false }
        let start = Double(first.cycle.cycles)
        let time = start + lambda * (Double(last.cycle.cycles) - start)
        guard let row = rows.first(where: { Double($0.cycle.cycles) >= time }) else { return false }
        return row.error.magnitude <= alpha * row.cappedTruth
    }

    private static func horizons(_ rows: ArraySlice<ScoredRow>) -> (first: Double, stable: Double) {
        let life = rows.last.map { Double($0.cycle.cycles) } ?? 0
        func isInBand(_ row: ScoredRow) -> Bool {
            (Double(row.prediction.rul) - row.truth).magnitude <= horizonAlpha * life
        }
        let stable = rows.reversed().prefix(while: isInBand).last
        return (rows.first(where: isInBand)?.truth ?? 0, stable?.truth ?? 0)
    }
}
