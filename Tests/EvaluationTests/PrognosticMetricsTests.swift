import Evaluation
import TestSupport
import Testing

@Suite("Prognostic metrics")
struct PrognosticMetricsTests {
    /// A unit of 101 cycles, predicted from the first on.
    static func life(_ rul: (_ truth: Double) -> Double) throws -> [ScoredRow] {
        try (1...101).map { cycle in
            let truth = Double(101 - cycle)
            return try Rows.row(cycle: cycle, truth: truth, rul: min(max(rul(truth), 0), 125))
        }
    }

    @Test("A prediction 25 % above the truth is outside the cone, one 15 % above is inside")
    func cone() throws {
        let far = PrognosticMetrics(ScoredRow.byUnit(try Self.life { $0 * 1.25 }))
        #expect(far.alphaLambda.map(\.accuracy) == [0, 0, 0])
        let near = PrognosticMetrics(ScoredRow.byUnit(try Self.life { $0 * 1.15 }))
        #expect(near.alphaLambda.map(\.lambda) == [0.5, 0.75, 0.9])
        #expect(near.alphaLambda.map(\.accuracy) == [1, 1, 1])
    }

    @Test("The horizon opens at the first prediction in the band, and the stable one at the last")
    func horizon() throws {
        // The band is ±10.1 cycles. The error is 15 but for 70 cycles to live, and from 40 on.
        let metrics = PrognosticMetrics(
            ScoredRow.byUnit(try Self.life { $0 == 70 || $0 <= 40 ? $0 : $0 + 15 }))
        #expect(metrics.horizon == 70)
        #expect(metrics.stableHorizon == 40)
    }

    @Test("Truth counts as 125 above it, because the prediction saturates there")
    func saturates() throws {
        let rows = try (1...401).map { cycle in
            try Rows.row(
                cycle: cycle, truth: Double(401 - cycle), rul: min(Double(401 - cycle), 125))
        }
        let metrics = PrognosticMetrics(ScoredRow.byUnit(rows))
        #expect(metrics.alphaLambda.map(\.accuracy) == [1, 1, 1])
        // 125 + 40.1, the band of a life of 401 cycles.
        #expect(metrics.horizon == 165)
        #expect(metrics.stableHorizon == 165)
    }

    @Test(
        "NASA's progpy finds the same accuracy and horizons on 40 noisy lives",
        .enabled(if: OraclePython.isPresent, "\(OraclePython.skipMessage)"))
    func oracle() throws {
        let rows = try Rows.lives(40, seed: 2_010)
        let ours = PrognosticMetrics(ScoredRow.byUnit(rows))
        let judged = try OraclePython.run(Self.script, input: Rows.text(rows))
            .split(whereSeparator: \.isWhitespace).compactMap { Double($0) }
        #expect(judged.count == 4)
        #expect(judged.dropLast() == ours.alphaLambda.map(\.accuracy)[...])
        #expect(abs((judged.last ?? 0) - ours.horizon) < 1e-9)
        #expect(Set(judged).count > 2, "the lives differ in what they show")
    }

    static let script = """
        import collections, sys
        from progpy.metrics import alpha_lambda, prognostic_horizon
        from progpy.predictors import ToEPredictionProfile
        from progpy.uncertain_data import UnweightedSamples
        units = collections.defaultdict(list)
        for line in sys.stdin:
            unit, cycle, truth, rul = line.split()[:4]
            units[unit].append((float(cycle), float(truth), float(rul)))
        met, horizons = collections.defaultdict(list), []
        for rows in units.values():
            profile = ToEPredictionProfile()
            for cycle, truth, rul in rows:
                profile.add_prediction(cycle, UnweightedSamples([{"failure": cycle + rul}]))
            start, end = rows[0][0], rows[-1][0]
            for part in [0.5, 0.75, 0.9]:
                time = start + part * (end - start)
                cycle, truth = next((c, t) for c, t, _ in rows if c >= time)
                event = {"failure": cycle + min(truth, 125)}
                met[part].append(alpha_lambda(profile, event, time, 0.2, 0.5)["failure"])
            band = 0.1 * end
            found = prognostic_horizon(
                profile,
                lambda tte, truth: {
                    "failure": abs(tte.mean["failure"] - truth["failure"]) <= band},
                {"failure": end})
            horizons.append(found["failure"] or 0)
        for values in list(met.values()) + [horizons]:
            print(sum(values) / len(values))
        """
}
