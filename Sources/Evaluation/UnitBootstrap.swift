import Datasets

/// An interval that holds 95 % of the resampled values of a metric.
package struct BootstrapInterval: Equatable, Sendable {
    package let low: Double
    package let high: Double

    /// The 2.5 % and 97.5 % quantiles, linear between neighbours; nil without values.
    package init?(_ values: [Double]) {
        guard !values.isEmpty else { return nil }
        let sorted = values.sorted()
        func quantile(_ share: Double) -> Double {
            let place = share * Double(sorted.count - 1)
            let below = Int(place)
            let above = min(below + 1, sorted.count - 1)
            return sorted[below] + (place - Double(below)) * (sorted[above] - sorted[below])
        }
        low = quantile(0.025)
        high = quantile(0.975)
    }

    /// Whether zero lies outside, so that a difference is more than chance.
    package var excludesZero: Bool { low > 0 || high < 0 }
}

/// Draws units with replacement, because rows of one unit are alike and not independent.
///
/// Percentile bootstrap (Efron 1979) over whole units; the seed is fixed, so the same rows give the
/// same intervals.
package enum UnitBootstrap {
    /// Draws of as many units as there are.
    package static let resampleCount = 2_000
    private static let seed: UInt64 = 1_979

    /// The sums over each draw of units.
    /// - Precondition: There is a unit.
    static func resample(_ units: [UnitTally]) -> [UnitTally] {
        resample(units, nothing: UnitTally()) { $0 += $1 }
    }

    /// The sums over each draw of units; as many units are drawn alike, whatever is summed.
    /// - Precondition: There is a unit.
    static func resample<Tally>(
        _ units: [Tally], nothing: Tally, add: (inout Tally, Tally) -> Void
    ) -> [Tally] {
        precondition(!units.isEmpty, "there is no unit to draw")
        var random = SplitMix64(seed: seed)
        return (0..<resampleCount).map { _ in
            var sum = nothing
            for _ in units.indices {
                add(&sum, units[Int(random.uniform() * Double(units.count))])
            }
            return sum
        }
    }
}

/// The intervals of one set of rows, resampled by unit.
package struct ResampledMetrics: Equatable, Sendable {
    package let rmse: BootstrapInterval?
    package let f2: BootstrapInterval?
    package let coverage: BootstrapInterval?
    package let coverageNearFailure: BootstrapInterval?

    /// Resamples units; a draw in which a metric is undefined does not count for it.
    /// - Precondition: There is a unit.
    package init(_ units: [UnitTally]) {
        let draws = UnitBootstrap.resample(units)
        rmse = BootstrapInterval(draws.compactMap(\.rmse))
        f2 = BootstrapInterval(draws.compactMap(\.f2))
        coverage = BootstrapInterval(draws.compactMap(\.coverage))
        coverageNearFailure = BootstrapInterval(draws.compactMap(\.coverageNearFailure))
    }
}

/// How much better one candidate is than another on the same units, with 95 % intervals.
package struct PairedDifference: Equatable, Sendable {
    /// First candidate minus second; below 0 the first is better.
    package let rmse: Double?
    package let rmseInterval: BootstrapInterval?
    /// First candidate minus second; above 0 the first is better.
    package let f2: Double?
    package let f2Interval: BootstrapInterval?

    /// Draws the same units for both.
    /// - Precondition: Both are sums over the same units in the same order; there is one.
    package init(_ first: [UnitTally], minus second: [UnitTally]) {
        precondition(first.map(\.rowCount) == second.map(\.rowCount), "the units differ")
        let pairs = Array(
            zip(UnitBootstrap.resample(first), UnitBootstrap.resample(second)))
        let wholes = (Self.sum(first), Self.sum(second))
        rmse = Self.difference(wholes, \.rmse)
        f2 = Self.difference(wholes, \.f2)
        rmseInterval = BootstrapInterval(pairs.compactMap { Self.difference($0, \.rmse) })
        f2Interval = BootstrapInterval(pairs.compactMap { Self.difference($0, \.f2) })
    }

    private static func sum(_ units: [UnitTally]) -> UnitTally {
        units.reduce(into: UnitTally()) { $0 += $1 }
    }

    private static func difference(
        _ pair: (UnitTally, UnitTally), _ metric: (UnitTally) -> Double?
    ) -> Double? {
        guard let first = metric(pair.0), let second = metric(pair.1) else { return nil }
        return first - second
    }
}
