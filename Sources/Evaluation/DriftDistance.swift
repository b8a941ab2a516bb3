import Glibc

/// How far apart two distributions over the same bins are.
package enum DriftDistance {
    /// The share of readings that a group of bins holds at least.
    package static let groupShareMin = 0.1

    /// The population stability index over groups of neighbouring bins.
    ///
    ///     PSI = Σ (q − p) · ln(q / p),  q = (count + 0.5) / (n + 0.5 · groups)
    ///
    /// Groups are closed from the left as soon as they are expected to hold a tenth of the
    /// readings; what is left over joins the last one. Half a reading in each group keeps the
    /// logarithm finite.
    /// - Parameters:
    ///   - counts: Readings by bin.
    ///   - shares: The expected share of each bin; they add up to 1.
    /// - Returns: The index and the number of groups.
    package static func psi(
        counts: [Double], shares: [Double]
    ) -> (psi: Double, groupCount: Int) {
        var groups: [(count: Double, share: Double)] = []
        var open = (count: 0.0, share: 0.0)
        for (count, share) in zip(counts, shares) {
            open.count += count
            open.share += share
            guard open.share >= groupShareMin else { continue }
            groups.append(open)
            open = (0, 0)
        }
        if groups.isEmpty { return (0, 0) }
        groups[groups.count - 1].count += open.count
        groups[groups.count - 1].share += open.share
        let total = counts.reduce(0, +) + 0.5 * Double(groups.count)
        let psi = groups.reduce(0.0) { sum, group in
            let seen = (group.count + 0.5) / total
            return sum + (seen - group.share) * log(seen / group.share)
        }
        return (psi, groups.count)
    }

    /// The Wasserstein-1 distance: the area between the two distribution functions.
    ///
    /// Readings count as if they lay in the middle of their bin, `width` apart.
    package static func wasserstein(
        counts: [Double], shares: [Double], width: Double
    ) -> Double {
        let total = counts.reduce(0, +)
        var (distance, seen, expected) = (0.0, 0.0, 0.0)
        for (count, share) in zip(counts, shares) {
            seen += count / total
            expected += share
            distance += (seen - expected).magnitude * width
        }
        return distance
    }
}
