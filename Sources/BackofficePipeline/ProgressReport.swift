import Glibc

/// Says on standard error how far a step is: a bar on a terminal, otherwise one line per step.
package struct ProgressReport: Sendable {
    private let isTerminal: Bool
    let isSilent: Bool

    /// Reports to standard error.
    package static let standardError = Self(isTerminal: isatty(STDERR_FILENO) == 1, isSilent: false)
    /// Reports lines to standard error, also on a terminal, which others write to as well.
    package static let lines = Self(isTerminal: false, isSilent: false)
    /// Reports nothing, for tests.
    package static let silent = Self(isTerminal: false, isSilent: true)

    private init(isTerminal: Bool, isSilent: Bool) {
        self.isTerminal = isTerminal
        self.isSilent = isSilent
    }

    /// One line: what begins or what was found.
    package func step(_ text: String) { write(text + "\n") }

    /// How much of a long step is done; only a terminal shows it.
    package func advance(_ label: String, done: Int, of total: Int) {
        guard isTerminal, total > 0 else { return }
        let width = 30
        let filled = min(width, done * width / total)
        let bar =
            String(repeating: "#", count: filled) + String(repeating: ".", count: width - filled)
        write("\r\(label) [\(bar)] \(done)/\(total)" + (done >= total ? "\n" : ""))
    }

    private func write(_ text: String) {
        guard !isSilent else { return }
        let bytes = Array(text.utf8)
        // Progress that cannot be written is not worth failing a night for.
        _ = Glibc.write(STDERR_FILENO, bytes, bytes.count)
    }
}
