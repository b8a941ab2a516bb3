import Datasets
import Evaluation
import TestSupport
import Testing

@Suite("Distance of distributions")
struct DriftDistanceTests {
    /// Made-up counts, expected shares, and the width of a bin.
    struct Case {
        let width: Double
        let counts: [Double]
        let shares: [Double]
    }

    /// Smooth, lumpy and disjoint distributions over 2 to 66 bins; shares are multiples of 1/4096.
    static func cases() -> [Case] {
        var random = SplitMix64(seed: 3)
        func draw(_ limit: UInt64) -> Int { Int(random.next() % limit) }
        return (0..<60).map { _ in
            let bins = 2 + draw(65)
            var shares = [Int](repeating: 0, count: bins)
            let clusters = (0...draw(3)).map { _ in draw(UInt64(bins)) }
            for _ in 0..<4_096 {
                let spread = draw(5) + draw(5) - 4
                shares[min(max(clusters[draw(UInt64(clusters.count))] + spread, 0), bins - 1)] += 1
            }
            let shift = draw(4)
            var counts = [Double](repeating: 0, count: bins)
            for _ in 0..<(20 + draw(500)) {
                let bin = min(clusters[draw(UInt64(clusters.count))] + shift + draw(3), bins - 1)
                counts[bin] += 1
            }
            return Case(
                width: [0.25, 4, 0.062_5][draw(3)], counts: counts,
                shares: shares.map { Double($0) / 4_096 })
        }
    }

    @Test(
        "PSI and Wasserstein-1 are those of NumPy and SciPy",
        .enabled(if: OraclePython.isPresent, Comment(rawValue: OraclePython.skipMessage)))
    func oracle() throws {
        let cases = Self.cases()
        func text(_ values: [Double]) -> String { values.map { "\($0)" }.joined(separator: " ") }
        let input = cases.map { "\($0.width)|\(text($0.counts))|\(text($0.shares))\n" }.joined()
        let lines = try OraclePython.run(
            file: "Tests/DriftTests/Oracles/distance.py", input: Array(input.utf8)
        ).split(separator: "\n")
        try #require(lines.count == cases.count)
        for (line, `case`) in zip(lines, cases) {
            let judged = line.split(separator: " ").compactMap { Double($0) }
            let (psi, groups) = DriftDistance.psi(counts: `case`.counts, shares: `case`.shares)
            let distance = DriftDistance.wasserstein(
                counts: `case`.counts, shares: `case`.shares, width: `case`.width)
            #expect(abs(psi - judged[0]) <= 1e-9 * max(1, judged[0]))
            #expect(Double(groups) == judged[1])
            #expect(abs(distance - judged[2]) <= 1e-9 * max(1, judged[2]))
        }
    }

    @Test("Equal distributions are 0 apart; one moved by a bin is a bin's width apart")
    func extremes() {
        let shares = [0.25, 0.5, 0.25, 0]
        let same = shares.map { $0 * 4_000 }
        #expect(DriftDistance.wasserstein(counts: same, shares: shares, width: 0.5) == 0)
        #expect(DriftDistance.psi(counts: same, shares: shares).psi < 1e-6)
        let moved = [0, 0.25, 0.5, 0.25].map { $0 * 4_000 }
        #expect(DriftDistance.wasserstein(counts: moved, shares: shares, width: 0.5) == 0.5)
        #expect(DriftDistance.psi(counts: moved, shares: shares).psi > 1)
    }
}
