import Evaluation
import Prognostics
import TestSupport
import Testing

@Suite("Promotion gates")
struct PromotionGatesTests {
    /// A promoted bundle, and a candidate that is worse in one respect by an amount.
    struct Flaw: CustomTestStringConvertible, Sendable {
        let gate: PromotionGate
        /// Amounts within the limit, then amounts beyond it.
        let within: [Double]
        let beyond: [Double]
        var promoted: @Sendable () -> GateWorld = { GateWorld() }
        let candidate: @Sendable (Double) -> GateWorld

        var testDescription: String { gate.name }
    }

    /// Intervals of no width on some rows, whose truths they miss by 4 cycles.
    static func missing(_ count: Int, reach: Double, isNear: Bool) -> GateWorld {
        GateWorld(reach: { $0.isNear == isNear && $0.isAmong(count) ? 0 : reach })
    }

    /// Exact predictions with narrow intervals, but for some rows, which are 4 cycles off.
    static func narrow(_ count: Int, isNear: Bool? = nil) -> GateWorld {
        GateWorld(
            error: { (isNear ?? $0.isNear) == $0.isNear && $0.isAmong(count) ? $0.sway : 0 },
            reach: { _ in 3 })
    }

    static let flaws: [Flaw] = [
        Flaw(gate: .score, within: [3.99, 4], beyond: [4.001, 4.1]) { error in
            GateWorld(error: { $0.sway > 0 ? error : -error })
        },
        Flaw(
            gate: .phm08, within: [3, 3.6], beyond: [3.8, 3.99],
            promoted: { GateWorld(error: { _ in -4 }) }
        ) { error in
            GateWorld(error: { _ in error })
        },
        Flaw(gate: .f2, within: [0, 1], beyond: [2, 4]) { count in
            GateWorld(isAlarm: { $0.truth <= 30 + count })
        },
        Flaw(
            gate: .recallNearFailure, within: [0], beyond: [1, 2],
            promoted: { GateWorld(isAlarm: { $0.truth <= 38 }) }
        ) { count in
            GateWorld(isAlarm: { $0.truth <= 30 - count })
        },
        Flaw(
            gate: .lateShare, within: [0, 1], beyond: [3],
            promoted: { GateWorld(reach: { _ in 11 }, regime: { _ in 0 }) }
        ) { count in
            GateWorld(error: { $0.isAmong(Int(count)) ? 10.5 : 0 }, reach: { _ in 11 })
        },
        Flaw(gate: .intervalScore, within: [0], beyond: [1, 4]) { count in
            missing(Int(count), reach: 10, isNear: false)
        },
        Flaw(
            gate: .intervalScoreNearFailure, within: [0], beyond: [1, 3],
            promoted: { GateWorld(reach: { $0.isNear ? 10 : 20 }) }
        ) { count in
            missing(Int(count), reach: 10, isNear: true)
        },
        Flaw(
            gate: .coverage, within: [4, 6], beyond: [7, 10],
            promoted: { GateWorld(reach: { _ in 14 }) }
        ) { count in
            narrow(Int(count), isNear: false)
        },
        Flaw(
            gate: .coverageNearFailure, within: [2, 3], beyond: [4, 5],
            promoted: { GateWorld(reach: { _ in 14 }) }
        ) { count in
            narrow(Int(count), isNear: true)
        },
        Flaw(
            gate: .width, within: [8, 9.9], beyond: [10.2, 10.7],
            promoted: { missing(1, reach: 8, isNear: false) }
        ) { reach in
            GateWorld(reach: { $0.isNear ? 8 : reach })
        },
        Flaw(
            gate: .widthNearFailure, within: [8, 9.3], beyond: [10.3, 11],
            promoted: { missing(1, reach: 8, isNear: true) }
        ) { reach in
            GateWorld(reach: { $0.isNear ? reach : 8 })
        },
        Flaw(gate: .worstRegime, within: [4, 4.3], beyond: [4.5, 6]) { error in
            GateWorld(error: { $0.index % 3 == 0 ? ($0.sway > 0 ? error : -error) : 0 })
        },
        Flaw(gate: .quantization, within: [0, 1], beyond: [1.000_1, 30]) { rms in
            GateWorld(quantization: .measured(rms: rms))
        },
        Flaw(gate: .bundleBytes, within: [1, 2_000], beyond: [2_001]) { size in
            GateWorld(bundleBytes: Int(size))
        },
        Flaw(gate: .latency, within: [0, 500], beyond: [500.5]) { micros in
            GateWorld(latencyMicros: micros)
        },
    ]

    @Test("Each gate has a flaw of its own here")
    func complete() {
        #expect(Self.flaws.map(\.gate) == PromotionGate.allCases)
    }

    @Test(
        "A candidate with one flaw fails one gate, from the limit on and not before",
        arguments: flaws)
    func oneFlaw(flaw: Flaw) throws {
        for amount in flaw.within {
            let records = try flaw.candidate(amount).judged(against: flaw.promoted())
            let failed = records.values.filter(\.isFailed).map(\.gate)
            #expect(failed.isEmpty, "\(amount): \(failed.compactMap { records[$0] })")
            #expect(records[flaw.gate]?.isBeyondLimit == false)
        }
        for amount in flaw.beyond {
            let records = try flaw.candidate(amount).judged(against: flaw.promoted())
            let failed = records.values.filter(\.isFailed).map(\.gate)
            #expect(failed == [flaw.gate], "\(amount): \(records)")
            #expect(records[flaw.gate]?.isBeyondLimit == true)
        }
    }

    @Test("A bundle against itself passes every gate that applies")
    func same() throws {
        let records = try GateWorld().judged(against: GateWorld())
        #expect(records.values.allSatisfy { $0.outcome == .passed })
        for record in records.values { #expect(record.value == record.promoted, "\(record.gate)") }
    }

    @Test("The same evidence gives the same records, in the order of the gates")
    func repeats() throws {
        let (one, other) = (try GateWorld(error: { _ in 3 }).evidence(), try GateWorld().evidence())
        let records = GateWorld.gates.judge(one, promoted: other)
        #expect(records.map(\.gate) == PromotionGate.allCases)
        #expect(GateWorld.gates.judge(one, promoted: other) == records)
    }

    @Test("What one unit of twelve says is chance, unless it is gross", arguments: [12, 60])
    func chance(alarms: Int) throws {
        // The others have no false alarm; unit 1 has as many as its healthy rows allow.
        let world = GateWorld(
            units: 12,
            isAlarm: { $0.isNear || $0.unit == 1 && $0.truth <= 30 + Double(alarms) })
        let record = try #require(try world.judged(against: GateWorld(units: 12))[.f2])
        #expect(record.outcome == .passed)
        #expect(record.isByChance == (alarms == 60), "\(record)")
        // The same in each unit is no chance.
        let all = GateWorld(isAlarm: { $0.truth <= 30 + Double(alarms) })
        #expect(try all.judged(against: GateWorld())[.f2]?.isFailed == true)
    }

    @Test("Three units cannot say that a candidate is worse, save grossly; four can")
    func fewUnits() throws {
        func record(_ units: Int, alarms: Double) throws -> GateRecord? {
            let world = GateWorld(units: units, isAlarm: { $0.truth <= 30 + alarms })
            return try world.judged(against: GateWorld(units: units))[.f2]
        }
        #expect(try record(3, alarms: 5)?.outcome == .passed)
        #expect(try record(3, alarms: 5)?.bound == nil)
        #expect(try record(4, alarms: 5)?.isFailed == true)
        #expect(try record(3, alarms: 40)?.isFailed == true)
    }

    @Test("A narrower interval that covers less is judged by its score, not against the wider one")
    func narrower() throws {
        let records = try Self.narrow(3).judged(against: GateWorld(reach: { _ in 14 }))
        #expect(records.values.allSatisfy { !$0.isFailed })
        let (coverage, promoted) = (records[.coverage]?.value, records[.coverage]?.promoted)
        #expect(try #require(coverage) < 0.85 && promoted == 1)
    }

    @Test("Below the floor a candidate may cover as much as the promoted bundle, and no less")
    func belowFloor() throws {
        func coverage(_ count: Int) throws -> GateRecord? {
            try Self.narrow(count).judged(against: Self.narrow(8))[.coverage]
        }
        #expect(try coverage(8)?.outcome == .passed)
        #expect(try coverage(7)?.outcome == .passed)
        #expect(try coverage(9)?.isFailed == true)
    }

    @Test("Without a promoted bundle limits of its own remain, and a model that knows nothing")
    func first() throws {
        let records = try GateWorld().judged(against: nil)
        let applied = records.values.filter { $0.outcome == .passed }.map(\.gate)
        #expect(
            Set(applied) == [
                .score, .f2, .coverage, .coverageNearFailure, .worstRegime, .quantization,
                .bundleBytes, .latency,
            ])
        #expect(records.values.allSatisfy { !$0.isFailed && $0.promoted == nil })
        // Who always warns has 15 hits and 60 false alarms of each unit.
        let f2 = try #require(records[.f2]?.limit)
        #expect(abs(f2 - (75.0 / 135 - 0.02)) < 1e-12)
        let blind = try GateWorld(error: { 90 - $0.truth }, isAlarm: { _ in false })
            .judged(against: nil)
        #expect(
            Set(blind.values.filter(\.isFailed).map(\.gate)) == [
                .score, .f2, .worstRegime, .coverage, .coverageNearFailure,
            ])
    }

    @Test("What quantization changed must be known, unless nothing was quantized")
    func quantization() throws {
        let unknown = try GateWorld(quantization: .unknown("it is lost"))
            .judged(against: GateWorld())[.quantization]
        #expect(unknown?.outcome == .failed("it is lost"))
        let nothing = try GateWorld(quantization: .nothingQuantized)
            .judged(against: GateWorld())[.quantization]
        #expect(nothing?.outcome.word == "not applicable")
    }

    @Test("One operating regime is no other than all of them")
    func oneRegime() throws {
        let world = GateWorld(regime: { _ in 4 })
        #expect(try world.judged(against: world)[.worstRegime]?.outcome.word == "not applicable")
    }

    @Test("A record comes back from its words", arguments: ["passed", "failed", "not applicable"])
    func words(word: String) {
        let outcome = GateRecord.Outcome(word: word, reason: word == "passed" ? "" : "because")
        #expect(outcome?.word == word)
        #expect(outcome?.reason == (word == "passed" ? "" : "because"))
        #expect(GateRecord.Outcome(word: "unheard of", reason: "") == nil)
    }

    @Test(
        "NumPy finds the same values and bounds from rows alone",
        .enabled(if: OraclePython.isPresent, "\(OraclePython.skipMessage)"))
    func oracle() throws {
        let promoted = try Rows.lives(12, seed: 3)
        let candidate = try promoted.enumerated().map { index, row in
            try Rows.row(
                unit: Int(row.unit.description) ?? 0, cycle: Int(row.cycle.cycles),
                truth: row.truth,
                rul: min(125, (min(row.truth, 125) * 60 / 64).rounded() + Double(index % 17)),
                probability: Double(index % 8) / 16 + (row.truth <= 33 ? 0.5 : 0), reach: 11,
                regime: row.regime)
        }
        func evidence(_ rows: [ScoredRow]) -> GateEvidence {
            GateEvidence(
                rows: rows, alarmThreshold: 0.75, bundleBytes: 1,
                quantization: .nothingQuantized, latencyMicros: 1)
        }
        let records = GateWorld.gates.judge(evidence(candidate), promoted: evidence(promoted))
        let input =
            Rows.text(candidate) + Array("other\n".utf8) + Rows.text(promoted)
            + Array("other\n".utf8) + Array(promoted.map { "\($0.regime)\n" }.joined().utf8)
        let lines = try OraclePython.run(
            file: "Tests/EvaluationTests/Oracles/gates.py", input: input
        ).split(separator: "\n")
        let judged = PromotionGate.allCases.filter {
            ![.quantization, .bundleBytes, .latency].contains($0)
        }
        try #require(lines.count == judged.count)
        for (gate, line) in zip(judged, lines) {
            let numbers = line.split(separator: " ").map { Double($0) }
            let record = try #require(records.first { $0.gate == gate })
            for (one, other) in zip(numbers, [record.value, record.promoted, record.bound]) {
                guard let one else { continue }
                let other = try #require(other, "\(gate)")
                #expect(abs(one - other) < 1e-9, "\(gate): \(one) against \(other)")
            }
        }
    }
}
