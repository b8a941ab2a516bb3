import Evaluation
import Testing

@Suite("Promotion policy")
struct PromotionPolicyTests {
    static func contender(_ version: Int64, _ score: Double, started: Int64 = 0) -> Contender {
        Contender(version: version, runID: "run\(version)", score: score, startTimeMillis: started)
    }

    @Test("Without candidates there is nothing to decide")
    func empty() {
        #expect(
            PromotionPolicy.decide(candidates: [], promoted: .scored(Self.contender(1, 9))) == nil)
    }

    @Test("The lowest score wins, then the latest start, then the highest version")
    func order() throws {
        let candidates = [
            Self.contender(1, 10, started: 5), Self.contender(2, 9, started: 1),
            Self.contender(4, 9, started: 3), Self.contender(3, 9, started: 3),
        ]
        let decision = PromotionPolicy.decide(candidates: candidates, promoted: nil)
        guard case .promote(let winner, let reasons)? = decision else {
            Issue.record("unexpected \(String(describing: decision))")
            return
        }
        #expect(winner.version == 4)
        #expect(reasons.count == 2)
    }

    @Test("A candidate as good as the promoted bundle passes the gate, a worse one does not")
    func gate() {
        let promoted = PromotedBundle.scored(Self.contender(1, 9))
        let equal = PromotionPolicy.decide(candidates: [Self.contender(2, 9)], promoted: promoted)
        guard case .promote? = equal else {
            Issue.record("unexpected \(String(describing: equal))")
            return
        }
        let worse = PromotionPolicy.decide(
            candidates: [Self.contender(2, 9.000_1)], promoted: promoted)
        guard case .hold(_, let reasons)? = worse else {
            Issue.record("unexpected \(String(describing: worse))")
            return
        }
        #expect(
            reasons.last == "The promoted version 1 (run run1) scores 9.0 on the same rows, "
                + "so the candidate is worse and held.")
    }

    @Test("A promoted bundle that cannot be read is written down and not compared with")
    func unreadable() {
        let decision = PromotionPolicy.decide(
            candidates: [Self.contender(2, 99)],
            promoted: .unreadable(version: 1, reason: "It is gone."))
        guard case .promote(let winner, let reasons)? = decision else {
            Issue.record("unexpected \(String(describing: decision))")
            return
        }
        #expect(winner.version == 2)
        #expect(
            reasons.last
                == "Promoted version 1 cannot be read: It is gone. It is not compared with.")
    }

    @Test("The promoted model that still wins is kept")
    func keep() {
        let decision = PromotionPolicy.decide(
            candidates: [Self.contender(1, 9), Self.contender(2, 10)],
            promoted: .scored(Self.contender(1, 9)))
        guard case .keep(let winner, _)? = decision else {
            Issue.record("unexpected \(String(describing: decision))")
            return
        }
        #expect(winner.version == 1)
    }
}
