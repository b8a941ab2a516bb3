package import Prognostics

/// The snapshots of one installation of one unit, oldest first.
package struct Trajectory: Equatable, Sendable {
    /// The engine.
    package let unit: UnitIdentifier
    /// Which life of the engine this is, from 1; an overhaul starts another.
    package let installation: Int32
    /// At least one snapshot, with strictly increasing cycles.
    package let snapshots: [Snapshot]
    /// Whether the last snapshot was taken in the unit's last cycle (run to failure).
    package let endsInFailure: Bool

    /// - Precondition: There is a snapshot, cycles increase strictly, `installation` is at least 1.
    package init(
        unit: UnitIdentifier, installation: Int32 = 1, snapshots: [Snapshot], endsInFailure: Bool
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
        self.endsInFailure = endsInFailure
    }

    /// The cycle of the last snapshot.
    package var lastCycle: CycleCount { snapshots[snapshots.count - 1].cycle }

    /// Bytes that differ when anything in the trajectory does, for the data set's digest.
    ///
    /// Layout, little-endian: size of the unit's name (UInt8), name, installation (Int32), 1 if it
    /// ends in failure else 0 (UInt8), count of snapshots (UInt32), their canonical bytes. The
    /// sizes make a sequence of trajectories as unambiguous as one.
    package var canonicalBytes: [UInt8] {
        var bytes: [UInt8] = []
        let name = Array(unit.description.utf8)
        bytes.reserveCapacity(name.count + 10 + snapshots.count * Snapshot.canonicalSize)
        // `UnitIdentifier` holds at most 64 bytes.
        bytes.append(UInt8(name.count))
        bytes.append(contentsOf: name)
        bytes.append(contentsOf: littleEndianBytes(UInt32(bitPattern: installation)))
        bytes.append(endsInFailure ? 1 : 0)
        bytes.append(contentsOf: littleEndianBytes(UInt32(snapshots.count)))
        for snapshot in snapshots { bytes.append(contentsOf: snapshot.canonicalBytes) }
        return bytes
    }
}

/// The bytes of an integer, least significant first.
func littleEndianBytes(_ value: some FixedWidthInteger & UnsignedInteger) -> [UInt8] {
    stride(from: 0, to: value.bitWidth, by: 8).map { UInt8(truncatingIfNeeded: value >> $0) }
}
