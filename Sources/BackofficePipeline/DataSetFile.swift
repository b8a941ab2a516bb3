import Datasets
import Parquet
import Prognostics

/// A data set as a Parquet file: one row per snapshot, trajectory after trajectory.
///
/// Columns: `unit`, `installation`, `role`, `cycle`, `setting_1` to `setting_3`,
/// `s1` to `s21` (C-MAPSS' numbering and units), `rul`, the true remaining cycles, which a
/// trajectory lacks that was cut off before its failure, and `serviced`, whether the unit was
/// serviced before its next row.
extension DataSet {
    private static let measurements =
        (1...Snapshot.settingCount).map { "setting_\($0)" }
        + (1...Snapshot.sensorCount).map { "s\($0)" }

    /// The bytes of the file; equal data sets give equal bytes.
    func encoded() throws(ParquetError) -> [UInt8] {
        let rows = zip(trajectories, roles).flatMap { trajectory, role in
            trajectory.snapshots.map { (trajectory: trajectory, role: role, snapshot: $0) }
        }
        var columns = [
            ParquetColumn("unit", .string(rows.map(\.trajectory.unit.description))),
            ParquetColumn("installation", .int32(rows.map(\.trajectory.installation))),
            ParquetColumn("role", .string(rows.map(\.role.rawValue))),
            ParquetColumn("cycle", .int32(rows.map(\.snapshot.cycle.cycles))),
        ]
        for (index, name) in Self.measurements.enumerated() {
            columns.append(ParquetColumn(name, .float(rows.map { $0.snapshot.columns[index] })))
        }
        let ruls = trajectories.flatMap { trajectory -> [Int32?] in
            trajectory.endsInFailure
                ? RULLabel.labels(trajectory)
                : .init(repeating: nil, count: trajectory.snapshots.count)
        }
        columns.append(ParquetColumn("rul", optional: ruls))
        let serviced = trajectories.flatMap { trajectory in
            let services = Set(trajectory.services)
            return trajectory.snapshots.map { services.contains($0.cycle) }
        }
        columns.append(ParquetColumn("serviced", .boolean(serviced)))
        let metadata = ["format": Self.format, "config_hash": configHash.description]
        return try ParquetTable(columns: columns, metadata: metadata).encoded()
    }

    /// Reads a data set that this program wrote; anything else is damage.
    init(decoding bytes: [UInt8], configHash: Digest) throws(BackofficeError) {
        let key = "\(configHash)/training.parquet"
        let table: ParquetTable
        let rows: Rows
        do throws(ParquetError) {
            table = try ParquetTable(decoding: bytes)
            rows = try Rows(table)
        } catch {
            throw .badDataSet(key: key, reason: "\(error)")
        }
        guard table.metadata["format"] == Self.format,
            table.metadata["config_hash"] == configHash.description
        else { throw .badDataSet(key: key, reason: "its header names another data set.") }
        var trajectories: [Trajectory] = []
        var roles: [UnitRole] = []
        var start = 0
        while start < table.rowCount {
            let end = rows.end(from: start)
            guard let trajectory = rows.trajectory(start..<end),
                let role = UnitRole(rawValue: rows.roles[start])
            else { throw .badDataSet(key: key, reason: "row \(start + 1) is not readable.") }
            trajectories.append(trajectory)
            roles.append(role)
            start = end
        }
        self.init(configHash: configHash, trajectories: trajectories, roles: roles)
    }

    /// The table's columns while they become trajectories.
    private struct Rows {
        let units: [String]
        let installations: [Int32]
        let roles: [String]
        let cycles: [Int32]
        let measurements: [[Float]]
        /// Where it is missing, the trajectory does not end in failure.
        let ruls: [Int32?]
        let serviced: [Bool]

        init(_ table: ParquetTable) throws(ParquetError) {
            units = try table.column("unit").strings()
            installations = try table.column("installation").int32s()
            roles = try table.column("role").strings()
            cycles = try table.column("cycle").int32s()
            var measurements: [[Float]] = []
            for name in DataSet.measurements {
                measurements.append(try table.column(name).floats())
            }
            self.measurements = measurements
            ruls = try table.column("rul").optionalInt32s()
            serviced = try table.column("serviced").booleans()
        }

        /// The row after a trajectory that begins at `start`.
        func end(from start: Int) -> Int {
            var end = start + 1
            while end < units.count, units[end] == units[start],
                installations[end] == installations[start]
            { end += 1 }
            return end
        }

        /// The trajectory of some rows; nil unless it is named, finite and ascending.
        func trajectory(_ rows: Range<Int>) -> Trajectory? {
            guard let unit = UnitIdentifier(units[rows.lowerBound]),
                installations[rows.lowerBound] >= 1
            else { return nil }
            var snapshots: [Snapshot] = []
            for row in rows {
                var values = InlineArray<24, Float>(repeating: 0)
                for index in 0..<Snapshot.columnCount {
                    values[index] = measurements[index][row]
                    guard values[index].isFinite else { return nil }
                }
                guard let cycle = CycleCount(cycles[row]),
                    snapshots.last.map({ $0.cycle < cycle }) ?? true
                else { return nil }
                snapshots.append(Snapshot(cycle: cycle, columns: values))
            }
            let end = ruls[rows.upperBound - 1]
            guard (end ?? 0) >= 0 else { return nil }
            return Trajectory(
                unit: unit, installation: installations[rows.lowerBound], snapshots: snapshots,
                endsInFailure: end != nil, unseenCycles: end ?? 0,
                services: zip(snapshots, serviced[rows]).filter(\.1).map(\.0.cycle))
        }
    }
}
