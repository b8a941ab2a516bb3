/// A number of flight cycles; one cycle is one take-off and one landing.
///
/// Cycles are the fleet's only measure of age: sensor logs, labels and maintenance records all
/// count them. A duration never converts to cycles or back.
package struct CycleCount: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// The greatest count accepted: a larger one is corrupt input, not an old engine.
    package static let limit: Int32 = 20_000

    /// Whole cycles, in `1...limit`: an engine's first cycle is 1.
    package let cycles: Int32

    /// Creates a count from input that may be wrong; `nil` outside `1...limit`.
    package init?(_ cycles: Int32) {
        guard (1...Self.limit).contains(cycles) else { return nil }
        self.cycles = cycles
    }

    /// The count in decimal.
    package var description: String { String(cycles) }

    package static func < (lhs: Self, rhs: Self) -> Bool { lhs.cycles < rhs.cycles }
}
