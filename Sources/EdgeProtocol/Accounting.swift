/// Durable counters of readings and refused payloads by outcome.
///
/// Engine events stand beside the sum: each has a row of its own in the log. Every other delivery
/// is counted in the transaction that records its outcome, so
/// `received = scored + unscored + suppressed + late + quarantined` holds after every commit.
package struct Accounting: Equatable, Sendable {
    /// Counted where a delivery enters, apart from its outcome, so that the sum can prove
    /// something.
    package var received: Int64 = 0
    package var scored: Int64 = 0
    package var unscored: Int64 = 0
    /// Repeats of a reading that was applied or logged before.
    package var suppressed: Int64 = 0
    package var late: Int64 = 0
    /// Refused payloads, conflicts included.
    package var quarantined: Int64 = 0
    /// Deliveries at QoS 0 among all of these.
    package var unprotected: Int64 = 0
    /// Cycles that never arrived between two that did.
    package var missingCycles: Int64 = 0

    package init() {}

    /// Whether every delivery counted has exactly one outcome counted.
    package var isBalanced: Bool {
        received == scored + unscored + suppressed + late + quarantined
    }
}
