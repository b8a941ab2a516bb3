import Drift
import Features
import Prognostics

/// What memory holds of a unit: its record, and its feature state under the active model.
struct ResidentUnit: Sendable {
    var record: UnitRecord
    /// `nil` while no model is active.
    var features: FeatureState?
    /// What events say about this installation.
    var marks: [EngineMark] = []
    /// How often its sensors repeated their values while it was in memory.
    var repeats = SensorRepeats()

    /// Another engine goes on under the unit's identifier.
    mutating func startInstallation() {
        record.installation += 1
        record.lastCycle = 0
        marks = []
        if features != nil { features = FeatureState() }
    }
}

/// The units in memory, bounded: the least recently used leave first.
///
/// A unit that left comes back by replaying its raw readings, to the same bits. The list of use is
/// threaded through an array of slots, so that touching a unit neither allocates nor searches.
struct ResidentUnits: Sendable {
    private struct Slot: Sendable {
        var unit: UnitIdentifier
        var state: ResidentUnit
        var newer: Int
        var older: Int
    }

    private static let none = -1

    private var slots: [Slot] = []
    private var free: [Int] = []
    private var index: [UnitIdentifier: Int] = [:]
    private var newest = Self.none
    private var oldest = Self.none

    /// Units in memory.
    var count: Int { index.count }

    /// Whether `unit` is in memory.
    func contains(_ unit: UnitIdentifier) -> Bool { index[unit] != nil }

    /// Brings a unit into memory as the most recently used.
    /// - Precondition: It is not there yet.
    mutating func insert(_ unit: UnitIdentifier, _ state: ResidentUnit) {
        precondition(index[unit] == nil, "unit \(unit) is resident already")
        let slot = Slot(unit: unit, state: state, newer: Self.none, older: newest)
        let position: Int
        if let reused = free.popLast() {
            slots[reused] = slot
            position = reused
        } else {
            slots.append(slot)
            position = slots.count - 1
        }
        link(position)
        index[unit] = position
    }

    /// Lets `body` read and change a resident unit in place, and marks it most recently used.
    /// - Precondition: The unit is resident.
    mutating func update<Result>(
        _ unit: UnitIdentifier, _ body: (inout ResidentUnit) -> Result
    ) -> Result {
        guard let position = index[unit] else {
            preconditionFailure("unit \(unit) is not resident")
        }
        if position != newest {
            unlink(position)
            link(position)
        }
        return body(&slots[position].state)
    }

    /// The record of a resident unit.
    func record(of unit: UnitIdentifier) -> UnitRecord? {
        index[unit].map { slots[$0].state.record }
    }

    /// The marks of a resident unit.
    func marks(of unit: UnitIdentifier) -> [EngineMark] {
        index[unit].map { slots[$0].state.marks } ?? []
    }

    /// Forgets a unit, if it is resident.
    mutating func remove(_ unit: UnitIdentifier) {
        guard let position = index.removeValue(forKey: unit) else { return }
        unlink(position)
        slots[position].state.features = nil
        free.append(position)
    }

    /// Forgets every unit: their feature states belong to another model.
    mutating func removeAll() { self = ResidentUnits() }

    /// Forgets the least recently used units beyond `limit`.
    mutating func evict(beyond limit: Int) {
        while count > limit, oldest != Self.none { remove(slots[oldest].unit) }
    }

    private mutating func link(_ position: Int) {
        slots[position].newer = Self.none
        slots[position].older = newest
        if newest != Self.none { slots[newest].newer = position }
        newest = position
        if oldest == Self.none { oldest = position }
    }

    private mutating func unlink(_ position: Int) {
        let slot = slots[position]
        if slot.newer != Self.none {
            slots[slot.newer].older = slot.older
        } else {
            newest = slot.older
        }
        if slot.older != Self.none {
            slots[slot.older].newer = slot.newer
        } else {
            oldest = slot.newer
        }
    }
}
