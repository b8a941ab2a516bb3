import Prognostics
import Zlib

/// Reads NASA's C-MAPSS text files: 26 columns, one row per unit and cycle.
///
/// Column 1 is the unit, 2 the cycle, 3 to 5 the operational settings, 6 to 26 the sensors (Saxena
/// et al. 2008, readme of the data set). Files may be gzip, which their first bytes tell. Whatever
/// deviates is refused with its place: a data set is repaired by its owner, not guessed at.
package enum CMAPSSReader {
    /// Columns of a row.
    package static let columnCount = 26
    /// The largest file accepted, in bytes, as it lies there and decompressed.
    ///
    /// NASA's largest has 10 MB, the greatest simulated fleet's 750 MB.
    package static let textSizeMax = 1 << 30

    /// Reads trajectories: each unit's cycles start at 1 and go up by 1, units go up.
    /// - Throws: An error that names `file` and the place in it.
    package static func trajectories(
        _ bytes: [UInt8], file: String, endsInFailure: Bool
    ) throws(DatasetError) -> [Trajectory] {
        var cursor = RowCursor(try text(bytes, file: file), file: file)
        var result: [Trajectory] = []
        var open: (unit: Int32, snapshots: [Snapshot])?
        func close(_ unit: Int32, _ snapshots: [Snapshot]) {
            // A number in decimal always is an identifier.
            guard let name = UnitIdentifier(String(unit)) else { return }
            result.append(
                Trajectory(unit: name, snapshots: snapshots, endsInFailure: endsInFailure))
        }
        while cursor.nextLine() {
            let (unit, snapshot) = try row(&cursor)
            if var current = open, current.unit == unit {
                try check(snapshot, follows: current.snapshots.count, unit: unit, in: cursor)
                // The tuple is emptied first, so that appending does not copy the snapshots.
                open = nil
                current.snapshots.append(snapshot)
                open = current
                continue
            }
            if let last = open {
                guard last.unit < unit else {
                    throw .badOrder(
                        file: file, line: cursor.line, seen: "unit \(unit)",
                        expected: "unit \(last.unit) or a greater one")
                }
                close(last.unit, last.snapshots)
            }
            try check(snapshot, follows: 0, unit: unit, in: cursor)
            open = (unit, [snapshot])
        }
        guard let open else { throw .empty(file: file) }
        close(open.unit, open.snapshots)
        return result
    }

    /// Reads the true RULs of test units: one whole number of cycles per line.
    /// - Throws: Unless there are exactly `units` of them.
    package static func trueRULs(
        _ bytes: [UInt8], file: String, units: Int
    ) throws(DatasetError) -> [Int32] {
        var cursor = RowCursor(try text(bytes, file: file), file: file)
        var result: [Int32] = []
        while cursor.nextLine() {
            let range = cursor.nextValue()
            guard let value = cursor.wholeNumber(range), value <= CycleCount.limit else {
                throw badValue(cursor, 1, range, "cycles in 0...\(CycleCount.limit)")
            }
            let rest = cursor.nextValue()
            guard rest.isEmpty else { throw badValue(cursor, 2, rest, "the end of the line") }
            result.append(value)
        }
        guard result.count == units else {
            throw .rulCount(file: file, seen: result.count, units: units)
        }
        return result
    }

    static func row(
        _ cursor: inout RowCursor
    ) throws(DatasetError) -> (unit: Int32, snapshot: Snapshot) {
        let count = cursor.valueCount()
        guard count == columnCount else {
            throw .columnCount(file: cursor.file, line: cursor.line, seen: count)
        }
        let unitRange = cursor.nextValue()
        guard let unit = cursor.wholeNumber(unitRange), unit >= 1 else {
            throw badValue(cursor, 1, unitRange, "a unit number from 1")
        }
        let cycleRange = cursor.nextValue()
        guard let number = cursor.wholeNumber(cycleRange), let cycle = CycleCount(number) else {
            throw badValue(cursor, 2, cycleRange, "a cycle in 1...\(CycleCount.limit)")
        }
        var columns = InlineArray<24, Float>(repeating: 0)
        for index in 0..<Snapshot.columnCount {
            let range = cursor.nextValue()
            guard let value = cursor.decimal(range) else {
                throw badValue(cursor, index + 3, range, "a finite decimal number")
            }
            columns[index] = value
        }
        return (unit, Snapshot(cycle: cycle, columns: columns))
    }

    private static func check(
        _ snapshot: Snapshot, follows count: Int, unit: Int32, in cursor: RowCursor
    ) throws(DatasetError) {
        guard Int(snapshot.cycle.cycles) == count + 1 else {
            throw .badOrder(
                file: cursor.file, line: cursor.line,
                seen: "cycle \(snapshot.cycle)", expected: "cycle \(count + 1) of unit \(unit)")
        }
    }

    static func text(
        _ bytes: [UInt8], file: String
    ) throws(DatasetError) -> [UInt8] {
        guard Gzip.isGzip(bytes) else { return bytes }
        do throws(ZlibError) {
            return try Gzip.decompress(bytes, limit: textSizeMax)
        } catch {
            throw .badGzip(file: file, reason: error.description)
        }
    }

    private static func badValue(
        _ cursor: RowCursor, _ column: Int, _ range: Range<Int>, _ expected: String
    ) -> DatasetError {
        .badValue(
            file: cursor.file, line: cursor.line, column: column, seen: cursor.shown(range),
            expected: expected)
    }
}
