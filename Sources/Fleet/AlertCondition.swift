/// Something that an operator must act on, as a rule states it at one moment.
package struct AlertCondition: Equatable, Sendable {
    /// What is wrong; the name is that of the alert.
    package enum Rule: String, CaseIterable, Sendable {
        case nightFailed = "NightFailed"
        case promotionHeld = "PromotionHeld"
        case rolloutHalted = "RolloutHalted"
        case rolloutStalled = "RolloutStalled"
        case agentSilent = "AgentSilent"
        case agentDegraded = "AgentDegraded"
        case engineNearFailure = "EngineNearFailure"
        case drift = "Drift"
        /// Sent by hand, to see whether alerts arrive.
        case test = "Test"
    }

    package enum Severity: String, Comparable, Sendable {
        case critical, warning

        package static func < (lhs: Self, rhs: Self) -> Bool {
            lhs == .critical && rhs == .warning
        }
    }

    package let rule: Rule
    /// The agent, engine, channel or version that it is about; at most 128 bytes are kept.
    package let subject: String
    package let severity: Severity
    /// What was seen and what to do, in a sentence or two.
    package let summary: String
    /// It keeps an alert that is there and begins none: the band of a hysteresis.
    package let onlyHolds: Bool

    /// Longest summary, in characters: a chat message and a label's page stay readable.
    static let summaryLengthMax = 600

    package init(
        rule: Rule, subject: String, severity: Severity, summary: String, onlyHolds: Bool = false
    ) {
        self.rule = rule
        self.subject = String(subject.prefix(128))
        self.severity = severity
        self.summary = String(summary.prefix(Self.summaryLengthMax))
        self.onlyHolds = onlyHolds
    }

    /// What tells alerts apart: the same again is the same alert.
    package var key: String { "\(rule.rawValue)/\(subject)" }
}
