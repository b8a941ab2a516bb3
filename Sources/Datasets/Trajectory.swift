package import Prognostics

/// The snapshots of one installation of one unit, oldest first.
package struct Trajectory: Equatable, Sendable {
    /// The engine.
    package let unit: UnitIdentifier
    /// Which life of the engine this is, from 1; an overhaul starts another.
    package let installation: Int32
    /// At least one snapshot, with strictly increasing cycles.
    package let snapshots: [Snapshot]
    /// Whether the unit's failure is known (run to failure).
    package let endsInFailure: Bool
    /// Cycles that the unit flew after the last snapshot, before its failure; 0 if that is unknown.
    package let unseenCycles: Int32
    /// Cycles of snapshots after which the unit was serviced, ascending; none is the last.
    package let services: [CycleCount]

    /// A service that came between two snapshots is one after the earlier of them.
    /// - Precondition: There is a snapshot, cycles increase strictly, `installation` is at least 1,
    ///   and only who ends in failure has unseen cycles.
    package init(
        unit: UnitIdentifier, installation: Int32 = 1, snapshots: [Snapshot], endsInFailure: Bool,
        unseenCycles: Int32 = 0, services: [CycleCount] = []
    ) {
        precondition(!snapshots.isEmpty, "unit \(unit) has no snapshot")
        precondition(installation >= 1, "installations count from 1, got \(installation)")
        for index in 1..<max(snapshots.count, 1) {
            precondition(
                snapshots[index - 1].cycle < snapshots[index].cycle,
                "unit \(unit): cycle \(snapshots[index].cycle) does not follow")
        }
        self.unit = unit
        self.installation = installation
        self.snapshots = snapshots
        precondition(unseenCycles >= 0 && (endsInFailure || unseenCycles == 0))
        self.endsInFailure = endsInFailure
        self.unseenCycles = unseenCycles
        self.services = Self.placed(services, among: snapshots)
    }

    /// The last snapshot before each service; services before the first or after the last one say
    /// nothing about any.
    private static func placed(
        _ services: [CycleCount], among snapshots: [Snapshot]
    ) -> [CycleCount] {
        let cycles = services.sorted().compactMap { service in
            snapshots.last { $0.cycle <= service }?.cycle
        }
        var placed: [CycleCount] = []
        for cycle in cycles where cycle != placed.last && cycle != snapshots.last?.cycle {
            placed.append(cycle)
        }
        return placed
    }

    /// The same life from the snapshot at `index` on.
    /// - Precondition: There is such a snapshot.
    package func suffix(from index: Int) -> Trajectory {
        Trajectory(
            unit: unit, installation: installation, snapshots: Array(snapshots[index...]),
            endsInFailure: endsInFailure, unseenCycles: unseenCycles, services: services)
    }

    /// The cycle of the last snapshot.
    package var lastCycle: CycleCount { snapshots[snapshots.count - 1].cycle }

    /// Bytes that differ when anything in the trajectory does, for the data set's digest.
    ///
    /// Layout, little-endian: size of the unit's name (UInt8), name, installation (Int32), 1 if it
    /// ends in failure else 0 (UInt8), unseen cycles (UInt32), count of services (UInt32), their
    /// cycles (UInt32), count of snapshots (UInt32), their canonical bytes. The sizes make a
    /// sequence of trajectories as unambiguous as one.
    package var canonicalBytes: [UInt8] {
        var bytes: [UInt8] = []
        let name = Array(unit.description.utf8)
        bytes.reserveCapacity(name.count + 10 + snapshots.count * Snapshot.canonicalSize)
        // `UnitIdentifier` holds at most 64 bytes.
        bytes.append(UInt8(name.count))
        bytes.append(contentsOf: name)
        bytes.append(contentsOf: littleEndianBytes(UInt32(bitPattern: installation)))
        bytes.append(endsInFailure ? 1 : 0)
        bytes.append(contentsOf: littleEndianBytes(UInt32(unseenCycles)))
        bytes.append(contentsOf: littleEndianBytes(UInt32(services.count)))
        for service in services {
            bytes.append(contentsOf: littleEndianBytes(UInt32(service.cycles)))
        }
        bytes.append(contentsOf: littleEndianBytes(UInt32(snapshots.count)))
        for snapshot in snapshots { bytes.append(contentsOf: snapshot.canonicalBytes) }
        return bytes
    }
}

/// The bytes of an integer, least significant first.
func littleEndianBytes(_ value: some FixedWidthInteger & UnsignedInteger) -> [UInt8] {
    stride(from: 0, to: value.bitWidth, by: 8).map { UInt8(truncatingIfNeeded: value >> $0) }
}
