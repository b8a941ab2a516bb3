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
    /// The candidate becomes the promoted model.
    case promote(Contender, reasons: [String])
    /// The promoted model stays, because it is the best candidate itself.
    case keep(Contender, reasons: [String])
    /// The best candidate fails a gate, and the promoted model stays.
    case hold(Contender, reasons: [String])
}

/// Chooses tonight's candidate and decides whether it replaces the promoted model.
///
/// The lowest score wins; of equal scores the latest start time, then the highest version. The
/// winner passes the gate if it is not worse than the promoted bundle, re-scored on the same units
/// tonight. A promoted bundle that cannot be read is no gate: keeping it would stop every night.
package enum PromotionPolicy {
    /// Decides between tonight's bundles; nil without candidates.
    ///
    /// `promoted` is scored on the same rows, and is nil before the first promotion.
    package static func decide(
        candidates: [Contender], promoted: PromotedBundle?
    ) -> PromotionDecision? {
        guard let winner = candidates.min(by: isBetter) else { return nil }
        var reasons = [
            "Version \(winner.version) (run \(winner.runID)) has the best score of "
                + "\(candidates.count) candidate(s): \(rounded(winner.score))."
        ]
        let promotedBundle = promoted
        let promoted: Contender
        switch promotedBundle {
        case .scored(let contender): promoted = contender
        case .unreadable(let version, let reason):
            reasons.append(
                "Promoted version \(version) cannot be read: \(reason) It is not compared with.")
            return .promote(winner, reasons: reasons)
        case nil:
            reasons.append("No model is promoted yet, so there is none to compare with.")
            return .promote(winner, reasons: reasons)
        }
        guard promoted.version != winner.version else {
            reasons.append("It is the promoted model already.")
            return .keep(winner, reasons: reasons)
        }
        let comparison =
            "The promoted version \(promoted.version) (run \(promoted.runID)) scores "
            + "\(rounded(promoted.score)) on the same rows"
        if winner.score <= promoted.score {
            reasons.append("\(comparison), so the candidate is not worse.")
            return .promote(winner, reasons: reasons)
        } else {
            reasons.append("\(comparison), so the candidate is worse and held.")
            return .hold(winner, reasons: reasons)
        }
    }

    private static func isBetter(_ one: Contender, _ other: Contender) -> Bool {
        if one.score != other.score { return one.score < other.score }
        if one.startTimeMillis != other.startTimeMillis {
            return one.startTimeMillis > other.startTimeMillis
        }
        return one.version > other.version
    }

    /// A score with the digits a reader compares, without Foundation's formatting.
    private static func rounded(_ score: Double) -> String {
        "\((score * 10_000).rounded() / 10_000)"
    }
}
