import Prognostics

/// Raw runs of a file, without the units that are not whole.
///
/// One bad unit must not stop a night, and must not be guessed at either: it is left out and named.
/// Too many of them mean that the file is not what it should be.
package struct ValidatedRuns: Equatable, Sendable {
    /// What can be wrong with a row.
    package enum Fault: Sendable {
        /// It does not have 26 columns of numbers.
        case unreadable
        /// A channel reads what no working sensor does.
        case outOfRange
        /// Its cycle is that of the row before.
        case repeated
        /// Cycles before it are missing.
        case missing
        /// Its unit or its cycle is below that of the row before.
        case back
    }

    /// A bad row, with where it stands.
    package struct Finding: Equatable, Sendable {
        package let fault: Fault
        /// A sentence that names file and line.
        package let text: String
    }

    /// The share of units that may be left out before the file is refused.
    package static let leftOutShareMax = 0.1

    /// The whole units, in the order of the file; all ran to failure.
    package let trajectories: [Trajectory]
    /// Units of the file.
    package let unitCount: Int
    /// Rows of the file.
    package let rowCount: Int
    /// In the order of the file.
    package let findings: [Finding]
    /// Units that are left out, ascending.
    package let leftOut: [Int32]

    /// Reads the runs of a file's bytes, plain or gzip.
    /// - Throws: When the file is cut off, has no rows, or has too many units that are not whole.
    package init(_ bytes: [UInt8], file: String) throws(DatasetError) {
        let text = try CMAPSSReader.text(bytes, file: file)
        var runs = OpenRuns()
        var cursor = RowCursor(text, file: file)
        var lastError: DatasetError?
        while cursor.nextLine() {
            var start = cursor
            lastError = nil
            do throws(DatasetError) {
                let (unit, snapshot) = try CMAPSSReader.row(&cursor)
                runs.append(unit, snapshot, place: "\(file), line \(cursor.line)")
            } catch {
                let unit = start.wholeNumber(start.nextValue())
                runs.refuse(unit, .unreadable, error.description)
                lastError = error
            }
        }
        // A whole last line may lack its end, half of one was cut off.
        if case .columnCount(_, let line, _) = lastError, text.last != UInt8(ascii: "\n") {
            throw .truncated(file: file, line: line)
        }
        guard runs.rowCount > 0 else { throw .empty(file: file) }
        let units = Set(runs.order).union(runs.faulty)
        let share = Double(runs.faulty.count) / Double(max(units.count, 1))
        guard share <= Self.leftOutShareMax, runs.faulty.count < units.count else {
            throw .tooManyLeftOut(
                file: file, units: runs.faulty.count, of: units.count,
                first: runs.findings.first?.text ?? "")
        }
        trajectories = runs.order.filter { !runs.faulty.contains($0) }.compactMap { unit in
            // A number in decimal always is an identifier.
            UnitIdentifier(String(unit)).map {
                Trajectory(unit: $0, snapshots: runs.snapshots[unit] ?? [], endsInFailure: true)
            }
        }
        unitCount = units.count
        rowCount = runs.rowCount
        findings = runs.findings
        leftOut = runs.faulty.sorted()
    }

    /// The runs while their file is read.
    private struct OpenRuns {
        var order: [Int32] = []
        var snapshots: [Int32: [Snapshot]] = [:]
        var faulty: Set<Int32> = []
        var findings: [Finding] = []
        var rowCount = 0

        mutating func append(_ unit: Int32, _ snapshot: Snapshot, place: String) {
            rowCount += 1
            let isNew = snapshots[unit] == nil
            let previous = snapshots[unit]?.last?.cycle.cycles ?? 0
            let cycle = snapshot.cycle.cycles
            func say(_ what: String) -> String { "\(place): unit \(unit), cycle \(cycle) \(what)" }
            if let last = order.last, unit < last || (!isNew && unit != last) {
                refuse(unit, .back, say("comes after unit \(last)."), isCounted: true)
            } else if cycle == previous {
                refuse(unit, .repeated, say("is there twice."), isCounted: true)
            } else if cycle < previous {
                refuse(unit, .back, say("comes after cycle \(previous)."), isCounted: true)
            } else if cycle > previous + 1 {
                refuse(unit, .missing, say("follows cycle \(previous)."), isCounted: true)
            } else if let (column, value, range) = MeasurementRange.violation(in: snapshot) {
                let name = MeasurementRange.name(ofColumn: column)
                refuse(
                    unit, .outOfRange, say("has \(value) in \(name), expected \(range)."),
                    isCounted: true)
            }
            if isNew { order.append(unit) }
            // What is not in order is of a unit that is left out.
            if cycle > previous { snapshots[unit, default: []].append(snapshot) }
        }

        mutating func refuse(
            _ unit: Int32?, _ fault: Fault, _ text: String, isCounted: Bool = false
        ) {
            if !isCounted { rowCount += 1 }
            findings.append(Finding(fault: fault, text: text))
            if let unit = unit ?? order.last { faulty.insert(unit) }
        }
    }
}
