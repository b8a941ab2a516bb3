import Evaluation
import Prognostics
import TestSupport
import Testing

@Suite("Bootstrap by unit")
struct UnitBootstrapTests {
    static func tallies(_ rows: [ScoredRow]) -> [UnitTally] {
        ScoredRow.byUnit(rows).map { UnitTally($0, alarmThreshold: 0.75) }
    }

    @Test("The same units give the same intervals, and one unit gives no width")
    func deterministic() throws {
        let units = Self.tallies(try Rows.lives(10, seed: 1))
        #expect(ResampledMetrics(units) == ResampledMetrics(units))
        let one = ResampledMetrics(Array(units.prefix(1)))
        let interval = try #require(one.rmse)
        #expect(interval.low == interval.high)
        #expect(interval.low == units[0].rmse)
    }

    @Test("A candidate against itself differs by nothing, whatever is drawn")
    func same() throws {
        let units = Self.tallies(try Rows.lives(10, seed: 1))
        let difference = PairedDifference(units, minus: units)
        #expect(difference.rmse == 0)
        #expect(difference.rmseInterval?.low == 0)
        #expect(difference.rmseInterval?.high == 0)
        #expect(difference.rmseInterval?.excludesZero == false)
    }

    @Test("Without a row near failure its coverage is undefined")
    func undefined() throws {
        let units = Self.tallies([
            try Rows.row(unit: 1, cycle: 20, truth: 90, rul: 80),
            try Rows.row(unit: 2, cycle: 20, truth: 40, rul: 80),
        ])
        let metrics = ResampledMetrics(units)
        #expect(metrics.coverageNearFailure == nil)
        #expect(metrics.coverage?.low == 0)
        #expect(metrics.coverage?.high == 1)
    }

    @Test(
        "NumPy draws the same units from SplitMix64 and finds the same intervals",
        .enabled(if: OraclePython.isPresent, "\(OraclePython.skipMessage)"))
    func oracle() throws {
        let rows = try Rows.lives(12, seed: 3)
        let other = try rows.map {
            try Rows.row(
                unit: Int($0.unit.description) ?? 0, cycle: Int($0.cycle.cycles),
                truth: $0.truth, rul: ($0.truth * 64 / 70).rounded() / 64 + 3)
        }
        let metrics = ResampledMetrics(Self.tallies(rows))
        let paired = PairedDifference(Self.tallies(rows), minus: Self.tallies(other))
        let intervals = [
            metrics.rmse, metrics.f2, metrics.coverage, metrics.coverageNearFailure,
            paired.rmseInterval,
        ]
        let ours = try intervals.flatMap { interval in
            let interval = try #require(interval)
            return [interval.low, interval.high]
        }
        let input = Rows.text(rows) + Array("other\n".utf8) + Rows.text(other)
        let judged = try OraclePython.run(Self.script, input: input)
            .split(whereSeparator: \.isWhitespace).compactMap { Double($0) }
        #expect(judged.count == ours.count)
        for (one, other) in zip(judged, ours) {
            #expect(abs(one - other) < 1e-9, "\(one) against \(other)")
        }
    }

    static let script = """
        import sys
        import numpy as np
        from sklearn.metrics import fbeta_score
        first, second = sys.stdin.read().split("other")
        def table(text):
            return np.array([line.split() for line in text.strip().splitlines()], dtype=float)
        def squares(rows):
            return (rows[:, 3] - np.minimum(rows[:, 2], 125)) ** 2
        rows, other = table(first), table(second)
        units = [np.flatnonzero(rows[:, 0] == unit) for unit in range(1, 13)]
        state, mask = 1979, (1 << 64) - 1
        def draw():
            global state
            state = (state + 0x9E3779B97F4A7C15) & mask
            z = state
            z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & mask
            z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & mask
            return ((z ^ (z >> 31)) >> 11) / 2.0**53
        found = [[], [], [], [], []]
        for _ in range(2000):
            chosen = np.concatenate([units[int(draw() * 12)] for _ in range(12)])
            some = rows[chosen]
            near = some[:, 2] <= 30
            truth = np.minimum(some[:, 2], 125)
            covered = (some[:, 4] <= truth) & (truth <= some[:, 5])
            rmse = np.sqrt(squares(some).mean())
            found[0].append(rmse)
            found[1].append(fbeta_score(near, some[:, 6] >= 0.75, beta=2))
            found[2].append(covered.mean())
            found[3].append(covered[near].mean())
            found[4].append(rmse - np.sqrt(squares(other[chosen]).mean()))
        for values in found:
            print(*np.percentile(values, [2.5, 97.5]))
        """
}
