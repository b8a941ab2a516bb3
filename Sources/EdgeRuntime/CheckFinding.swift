package import StrictJSON

/// One thing that `edge-agent check` found: what was seen, what was expected, what to change.
package struct CheckFinding: Equatable, Sendable {
    package enum Level: String, Sendable {
        /// As it should be.
        case fine = "ok"
        /// Worth knowing, or not to be seen from here.
        case note
        /// The agent would run; something should be changed.
        case warning
    }

    package let level: Level
    /// What it is about, for scripts: `broker.queue`, `disk.free`.
    package let subject: String
    /// What was seen, with the numbers.
    package let seen: String
    /// What was expected instead; empty unless it is a warning.
    package let expected: String
    /// What to change, as a sentence; empty when nothing is to be changed.
    package let change: String

    /// As it should be.
    package static func fine(_ subject: String, _ seen: String) -> Self {
        Self(level: .fine, subject: subject, seen: seen, expected: "", change: "")
    }

    /// Worth knowing, with what to see to.
    package static func note(_ subject: String, _ seen: String, change: String = "") -> Self {
        Self(level: .note, subject: subject, seen: seen, expected: "", change: change)
    }

    /// Something should be changed.
    package static func warning(
        _ subject: String, seen: String, expected: String, change: String
    ) -> Self {
        Self(level: .warning, subject: subject, seen: seen, expected: expected, change: change)
    }

    /// The line that `check` prints.
    package var line: String {
        var text = "\(level.rawValue): \(seen)"
        if !expected.isEmpty { text += "; expected: \(expected)" }
        if !change.isEmpty { text += ". \(change)" }
        return text
    }

    /// The same for scripts.
    package var json: JSON {
        [
            "level": .string(level.rawValue), "subject": .string(subject), "seen": .string(seen),
            "expected": .string(expected), "change": .string(change),
        ]
    }

    /// Whether something should be changed.
    package var isWarning: Bool { level == .warning }
}
