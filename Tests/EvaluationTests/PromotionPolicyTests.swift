import Evaluation
import Testing

@Suite("Promotion policy")
struct PromotionPolicyTests {
    static func contender(_ version: Int64, _ score: Double, started: Int64 = 0) -> Contender {
        Contender(version: version, runID: "run\(version)", score: score, startTimeMillis: started)
    }

    /// A record for each gate, with the outcomes of some.
    static func gates(
        _ outcomes: [PromotionGate: GateRecord.Outcome] = [:]
    ) -> [GateRecord] {
        PromotionGate.allCases.map {
            GateRecord(
                gate: $0, value: 1, promoted: 1, limit: 1, bound: nil,
                outcome: outcomes[$0] ?? .passed)
        }
    }

    @Test("Without candidates there is nothing to decide")
    func empty() {
        #expect(
            PromotionPolicy.decide(
                candidates: [], promoted: .scored(Self.contender(1, 9)), gates: []) == nil)
    }

    @Test("The lowest score wins, then the latest start, then the highest version")
    func order() throws {
        let candidates = [
            Self.contender(1, 10, started: 5), Self.contender(2, 9, started: 1),
            Self.contender(4, 9, started: 3), Self.contender(3, 9, started: 3),
        ]
        #expect(PromotionPolicy.winner(of: candidates)?.version == 4)
        let decision = PromotionPolicy.decide(
            candidates: candidates, promoted: nil, gates: Self.gates())
        guard case .promote(let winner, let reasons, _)? = decision else {
            Issue.record("unexpected \(String(describing: decision))")
            return
        }
        #expect(winner.version == 4)
        #expect(reasons.count == 3)
    }

    @Test("Of all combinations of gates only the one without a failure promotes")
    func everyCombination() {
        let all = PromotionGate.allCases
        let candidates = [Self.contender(2, 9)]
        let promoted: [PromotedBundle?] = [
            nil, .scored(Self.contender(1, 9)), .unreadable(version: 1, reason: "It is gone."),
        ]
        for bits in 0..<(1 << all.count) {
            let failed = all.indices.filter { bits & (1 << $0) != 0 }
            let outcomes = Dictionary(
                uniqueKeysWithValues: failed.map {
                    (all[$0], GateRecord.Outcome.failed("reason \($0)"))
                })
            let gates = Self.gates(outcomes)
            let decision = PromotionPolicy.decide(
                candidates: candidates, promoted: promoted[bits % 3], gates: gates)
            switch decision {
            case .promote(_, _, let kept):
                #expect(failed.isEmpty && kept == gates)
            case .hold(_, let reasons, let kept):
                #expect(!failed.isEmpty && kept == gates)
                let sentences = reasons.suffix(failed.count)
                #expect(
                    zip(sentences, failed).allSatisfy { $0.contains(": reason \($1).") },
                    "\(reasons)")
            case .keep, nil: Issue.record("unexpected \(String(describing: decision))")
            }
        }
    }

    @Test("A gate that does not apply holds nothing")
    func notApplicable() {
        let outcomes = PromotionGate.allCases.map {
            ($0, GateRecord.Outcome.notApplicable("there is nothing"))
        }
        let decision = PromotionPolicy.decide(
            candidates: [Self.contender(2, 9)], promoted: nil,
            gates: Self.gates(Dictionary(uniqueKeysWithValues: outcomes)))
        guard case .promote(_, let reasons, _)? = decision else {
            Issue.record("unexpected \(String(describing: decision))")
            return
        }
        #expect(reasons.last == "No gate fails it: 0 passed, 15 did not apply.")
    }

    @Test("A promoted bundle that cannot be read is written down and not compared with")
    func unreadable() {
        let decision = PromotionPolicy.decide(
            candidates: [Self.contender(2, 99)],
            promoted: .unreadable(version: 1, reason: "It is gone."), gates: Self.gates())
        guard case .promote(let winner, let reasons, _)? = decision else {
            Issue.record("unexpected \(String(describing: decision))")
            return
        }
        #expect(winner.version == 2)
        #expect(
            reasons.contains(
                "Promoted version 1 cannot be read: It is gone. It is not compared with."))
    }

    @Test("The promoted model that still wins is kept, and no gate is asked")
    func keep() {
        let decision = PromotionPolicy.decide(
            candidates: [Self.contender(1, 9), Self.contender(2, 10)],
            promoted: .scored(Self.contender(1, 9)), gates: [])
        guard case .keep(let winner, _)? = decision else {
            Issue.record("unexpected \(String(describing: decision))")
            return
        }
        #expect(winner.version == 1)
    }
}
