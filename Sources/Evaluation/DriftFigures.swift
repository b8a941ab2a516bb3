package import Drift
import Glibc
package import StrictJSON

/// One track of one regime in one window of readings, against training.
package struct DriftFigures: Equatable, Sendable {
    /// Readings of the regime.
    package let readingCount: Int
    /// Engines among the window's readings, at most as many as there are readings.
    package let engineCount: Double
    /// Population stability index.
    package let psi: Double
    /// What the index may be by chance.
    package let psiAllowed: Double
    /// Wasserstein-1 distance in training standard deviations.
    package let distance: Double
    /// What the distance may be by chance.
    package let distanceAllowed: Double
    /// Mean minus expected mean, in training standard deviations.
    package let shift: Double
    /// Readings where training has none.
    package let strangerCount: Int
    /// Whether the window differs enough to matter.
    package let hasMoved: Bool

    /// Compares a window with training; nil when either has too few readings of the regimes.
    package init?(
        _ window: ReadingSketch, track: Int, regimes: Range<Int>, reference: DriftReference,
        policy: DriftPolicy
    ) {
        let moments = regimes.map { window.moments(of: track, regime: $0) }
        let readings = moments.reduce(0) { $0 + $1.count }
        guard readings >= Double(policy.readingCountMin),
            let expected = reference.expectation(of: window, track: track, regimes: regimes)
        else { return nil }
        let kind = SketchTrack.all[track]
        var counts = [Double](repeating: 0, count: kind.grid.binCount)
        for regime in regimes {
            for (bin, inBin) in window.bins(of: track, regime: regime).enumerated() {
                counts[bin] += Double(inBin)
            }
        }
        let engines = min(window.engines.estimate, readings)
        // Engines differ for good, readings of one engine only for a moment.
        let variance =
            expected.engineVariance * (1 / engines + 1 / max(expected.engineCount, 1))
            + expected.variance / readings
        let (psi, groupCount) = DriftDistance.psi(counts: counts, shares: expected.shares)
        // The index of n independent readings has about the mean (groups − 1) / n; as many
        // independent readings have the same error as these.
        let independent = max(1, max(expected.variance, 1e-12) / max(variance, 1e-12))
        let freedom = Double(max(groupCount - 1, 1))
        let distance = DriftDistance.wasserstein(
            counts: counts, shares: expected.shares, width: kind.grid.width)
        let mean = moments.reduce(0) { $0 + $1.count * $1.mean } / readings
        readingCount = Int(readings)
        engineCount = engines
        self.psi = psi
        psiAllowed =
            (freedom + policy.errorsAllowed * (2 * freedom).squareRoot()) / independent
        self.distance = distance / expected.deviation
        distanceAllowed = policy.errorsAllowed * variance.squareRoot() / expected.deviation
        shift = (mean - expected.mean) / expected.deviation
        strangerCount = Self.strangers(
            counts, expected.shares, margin: DriftPolicy.margin(kind))
        let isFar = self.distance >= policy.distanceMin + distanceAllowed
        let isOther = psi >= policy.psiMin + psiAllowed && self.distance >= policy.distanceMin
        hasMoved =
            strangerCount >= policy.strangerCountMin || (!kind.isCountOnly && (isFar || isOther))
    }

    /// Reads figures that were stored.
    init(_ reader: JSONReader) throws(JSONError) {
        readingCount = Int(try reader.integer("readings"))
        engineCount = try reader.double("engines")
        psi = try reader.double("psi")
        psiAllowed = try reader.double("psi_allowed")
        distance = try reader.double("distance")
        distanceAllowed = try reader.double("distance_allowed")
        shift = try reader.double("shift")
        strangerCount = Int(try reader.integer("strangers"))
        hasMoved = try reader.bool("moved")
    }

    /// The figures as JSON.
    package var json: JSON {
        [
            "readings": .integer(readingCount), "engines": .double(engineCount),
            "psi": .double(psi), "psi_allowed": .double(psiAllowed),
            "distance": .double(distance), "distance_allowed": .double(distanceAllowed),
            "shift": .double(shift), "strangers": .integer(strangerCount),
            "moved": .bool(hasMoved),
        ]
    }

    /// Readings in bins that lie more than `margin` beyond those that training filled.
    private static func strangers(_ counts: [Double], _ shares: [Double], margin: Int) -> Int {
        guard let first = shares.firstIndex(where: { $0 > 0 }),
            let last = shares.lastIndex(where: { $0 > 0 })
        else { return 0 }
        let known = first - margin...last + margin
        // The open bins reach without end, so a reading there may lie beyond any margin.
        return counts.enumerated().reduce(0) { sum, entry in
            let isOpen = entry.offset == 0 || entry.offset == counts.count - 1
            let isKnown = isOpen ? shares[entry.offset] > 0 : known.contains(entry.offset)
            return sum + (isKnown ? 0 : Int(entry.element))
        }
    }
}

extension SketchTrack {
    /// Whether only readings where training has none say something: the rest is of one bin.
    var isCountOnly: Bool {
        switch self {
        case .repeats, .regimeDistance: true
        case .level, .healthIndex, .rul, .intervalWidth, .failureProbability: false
        }
    }
}

extension EngineTally {
    /// About how many engines were seen, at least 1.
    package var estimate: Double {
        let bits = Double(Self.bitCount)
        return max(1, bits * log(bits / Double(max(emptyCount, 1))))
    }
}
