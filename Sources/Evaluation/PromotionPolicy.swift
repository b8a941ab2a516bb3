/// A bundle that stands for promotion, with its score on tonight's units.
package struct Contender: Equatable, Sendable {
    /// The model version, from 1.
    package let version: Int64
    /// The run that made it.
    package let runID: String
    /// `EvaluationMetrics.score`; lower is better.
    package let score: Double
    /// When its run started, in milliseconds since 1970; breaks ties.
    package let startTimeMillis: Int64

    package init(version: Int64, runID: String, score: Double, startTimeMillis: Int64) {
        self.version = version
        self.runID = runID
        self.score = score
        self.startTimeMillis = startTimeMillis
    }
}

/// The promoted bundle that a candidate is compared with.
package enum PromotedBundle: Equatable, Sendable {
    /// It was re-scored on tonight's units.
    case scored(Contender)
    /// Its bytes are damaged or gone, so they have no score; `reason` is a sentence.
    case unreadable(version: Int64, reason: String)
}

/// What becomes of tonight's best candidate, with every reason written out.
package enum PromotionDecision: Equatable, Sendable {
    /// The candidate becomes the promoted model: no gate failed.
    case promote(Contender, reasons: [String], gates: [GateRecord])
    /// The promoted model stays, because it is the best candidate itself.
    case keep(Contender, reasons: [String])
    /// The best candidate fails a gate, and the promoted model stays.
    case hold(Contender, reasons: [String], gates: [GateRecord])
}

/// Chooses tonight's candidate and decides whether it replaces the promoted model.
///
/// The lowest score wins; of equal scores the latest start time, then the highest version. The
/// winner passes if it fails no gate. A promoted bundle that cannot be read is nothing to compare
/// with: keeping it would stop every night.
package enum PromotionPolicy {
    /// The candidate that the gates judge; nil without candidates.
    package static func winner(of candidates: [Contender]) -> Contender? {
        candidates.min(by: isBetter)
    }

    /// Decides between tonight's bundles; nil without candidates.
    ///
    /// `promoted` is scored on the same rows, and is nil before the first promotion. `gates` judge
    /// the winner; the promoted model itself needs none.
    /// - Precondition: There is one record for each gate, unless the winner is promoted already.
    package static func decide(
        candidates: [Contender], promoted: PromotedBundle?, gates: [GateRecord]
    ) -> PromotionDecision? {
        guard let winner = winner(of: candidates) else { return nil }
        var reasons = [
            "Version \(winner.version) (run \(winner.runID)) has the best score of "
                + "\(candidates.count) candidate(s): \(winner.score.figure)."
        ]
        switch promoted {
        case .scored(let promoted) where promoted.version == winner.version:
            return .keep(winner, reasons: reasons + ["It is the promoted model already."])
        case .scored(let promoted):
            reasons.append(
                "The promoted version \(promoted.version) (run \(promoted.runID)) scores "
                    + "\(promoted.score.figure) on the same rows.")
        case .unreadable(let version, let reason):
            reasons.append(
                "Promoted version \(version) cannot be read: \(reason) It is not compared with.")
        case nil:
            reasons.append("No model is promoted yet, so there is none to compare with.")
        }
        precondition(
            gates.map(\.gate) == PromotionGate.allCases, "a candidate that a gate did not judge")
        let failures = gates.filter(\.isFailed)
        guard failures.isEmpty else {
            return .hold(
                winner, reasons: reasons + failures.map(sentence), gates: gates)
        }
        let passedCount = gates.count { $0.outcome == .passed }
        reasons.append(
            "No gate fails it: \(passedCount) passed, \(gates.count - passedCount) did not apply.")
        return .promote(winner, reasons: reasons, gates: gates)
    }

    /// Why a gate holds a candidate.
    private static func sentence(_ record: GateRecord) -> String {
        "The gate '\(record.gate.name)' holds it: \(record.outcome.reason)."
    }

    private static func isBetter(_ one: Contender, _ other: Contender) -> Bool {
        if one.score != other.score { return one.score < other.score }
        if one.startTimeMillis != other.startTimeMillis {
            return one.startTimeMillis > other.startTimeMillis
        }
        return one.version > other.version
    }
}
