package import Prognostics

/// One decoded reading: whose it is, and what was measured.
package struct Reading: Equatable, Sendable {
    /// The unit that the topic or the row names.
    package let unit: UnitIdentifier
    /// The measurements; hashed, stored and replayed in their canonical form.
    package let snapshot: Snapshot

    package init(unit: UnitIdentifier, snapshot: Snapshot) {
        self.unit = unit
        self.snapshot = snapshot
    }
}

/// The identity of a reading: it is applied at most once, ever, whatever the model.
package struct ReadingKey: Hashable, Sendable {
    package let unit: UnitIdentifier
    /// Counts the engines that carried this unit identifier, from 1.
    package let installation: Int32
    package let cycle: CycleCount

    package init(unit: UnitIdentifier, installation: Int32, cycle: CycleCount) {
        self.unit = unit
        self.installation = installation
        self.cycle = cycle
    }
}
