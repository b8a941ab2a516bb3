/// One line of what `edge-agent check` found.
package enum CheckFinding: Equatable, Sendable {
    /// As it should be.
    case fine(String)
    /// Not to be seen from here.
    case note(String)
    /// The agent would run; something should be changed, and the sentence says what.
    case warning(String)

    /// The line that `check` prints.
    package var line: String {
        switch self {
        case .fine(let text): "ok: \(text)"
        case .note(let text): "note: \(text)"
        case .warning(let text): "warning: \(text)"
        }
    }

    /// Whether something should be changed.
    package var isWarning: Bool {
        if case .warning = self { true } else { false }
    }
}
