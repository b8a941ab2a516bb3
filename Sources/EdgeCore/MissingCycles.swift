import EdgeProtocol
import Prognostics

/// Cycles that a batch found missing: its units went on without them.
struct MissingCycles: Sendable {
    private(set) var cycleCount: Int64 = 0
    private(set) var gapCount = 0
    /// The unit of the first gap.
    private(set) var unit: UnitIdentifier?

    /// Takes in a reading before which so many cycles never came.
    mutating func add(_ missing: Int32, of unit: UnitIdentifier) {
        guard missing > 0 else { return }
        cycleCount += Int64(missing)
        gapCount += 1
        self.unit = self.unit ?? unit
    }

    mutating func add(_ other: MissingCycles) {
        cycleCount += other.cycleCount
        gapCount += other.gapCount
        unit = unit ?? other.unit
    }
}

/// Logs missing cycles at most once in ten seconds, so that a lost session makes no flood of lines.
///
/// Every gap is also in the unit's counters, in its prediction's flags and, for up to a hundred
/// units, in the health message.
struct GapLog: Sendable {
    static let intervalMillis: Int64 = 10_000

    private var pending = MissingCycles()
    private var lastMillis: Int64?

    mutating func note(_ gaps: MissingCycles) { pending.add(gaps) }

    /// The line that is due, if any.
    mutating func line(_ now: Instant) -> LogLine? {
        guard pending.gapCount > 0,
            lastMillis.map({ now.monotonicMillis - $0 >= Self.intervalMillis }) ?? true
        else { return nil }
        defer { pending = MissingCycles() }
        lastMillis = now.monotonicMillis
        return LogLine(
            .warning, "cycles missing",
            [
                "cycles": "\(pending.cycleCount)", "gaps": "\(pending.gapCount)",
                "first_unit": pending.unit.map { "\($0)" } ?? "",
            ])
    }
}
