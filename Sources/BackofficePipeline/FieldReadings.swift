import Datasets
import EdgeProtocol
import Prognostics
import Sodium

/// An engine's identifier in its fleet.
struct FieldUnit: Hashable, Comparable {
    let fleet: String
    let unit: UnitIdentifier

    /// The unit's name in a data set, which no unit of the base data has: `{fleet}.{unit}`.
    ///
    /// Where that would be too long, or would not tell where the fleet's name ends, a digest of
    /// both stands for them.
    var name: UnitIdentifier {
        let text = "\(fleet).\(unit)"
        if !fleet.contains("."), let name = UnitIdentifier(text) { return name }
        let digest = SHA256.digest(of: Array("\(fleet)/\(unit)".utf8)).description.prefix(32)
        guard let name = UnitIdentifier("field-\(digest)") else {
            preconditionFailure("hexadecimal digits are an identifier")
        }
        return name
    }

    static func < (lhs: Self, rhs: Self) -> Bool { (lhs.fleet, lhs.unit) < (rhs.fleet, rhs.unit) }
}

/// One installation of a unit, as one device store records it.
struct LifeRecord: Equatable {
    let agent: String
    let storeID: String
    let installation: Int32
    /// What the device applied, in ascending cycles.
    var snapshots: [Snapshot] = []
    var events: [EngineEvent] = []

    /// Whether both records are of one device store, which tells installations apart.
    func isOfSameStore(as other: LifeRecord) -> Bool {
        (agent, storeID) == (other.agent, other.storeID)
    }

    /// The snapshot of a cycle.
    func snapshot(at cycle: CycleCount) -> Snapshot? {
        snapshots.last { $0.cycle <= cycle }.flatMap { $0.cycle == cycle ? $0 : nil }
    }
}

/// What the pulled logs say about every engine, log by log.
struct FieldReadings {
    /// Clocks of devices that agree with each other to this, in milliseconds, are not remarked on.
    private static let clockErrorMax: Int64 = 3_600_000

    private(set) var records: [FieldUnit: [LifeRecord]] = [:]

    /// Reads every pulled log; what cannot be a training row is counted in `report`.
    init(
        workspace: Workspace, nowMillis: Int64, report: inout ValidationReport,
        progress: ProgressReport
    ) throws {
        var found = report
        var newest: [PulledLog.Source: Int64] = [:]
        _ = try PulledLog.entries(in: workspace.objects, progress: progress) { path, error in
            found.add(.damagedPage, in: .field, at: "\(path): \(error)")
        } _: { log, entries in
            for entry in entries {
                Self.checkClock(
                    entry, of: log, newest: &newest[log, default: .min], nowMillis: nowMillis,
                    report: &found)
                add(entry, of: log, report: &found)
            }
        }
        // One device may be wrong; that all of them are, by an hour or more, is not likely.
        if !newest.isEmpty, newest.values.allSatisfy({ $0 > nowMillis + Self.clockErrorMax }) {
            for (log, time) in newest.sorted(by: { $0.value < $1.value }) {
                found.add(
                    .ownClock, in: .field,
                    at: "\(log.fleet)/\(log.agent)/\(log.storeID) at \(WallClock.text(time)), here "
                        + "it is \(WallClock.text(nowMillis))")
            }
        }
        report = found
    }

    private mutating func add(
        _ entry: LogEntry, of log: PulledLog.Source, report: inout ValidationReport
    ) {
        switch entry {
        case .quarantine(let entry):
            report.add(
                .quarantined, in: .field, at: "\(log.place(entry.sequence)): \(entry.reason)")
        case .event(let entry):
            let event = EngineEvent(unit: entry.unit, kind: entry.kind, cycle: entry.cycle)
            change(log, entry.unit, entry.installation) { record in
                if !record.events.contains(event) { record.events.append(event) }
            }
        case .reading(let entry):
            let place =
                "\(log.place(entry.sequence)), unit \(entry.key.unit), cycle "
                + "\(entry.key.cycle)"
            if entry.outcome == .late { return report.add(.late, in: .field, at: place) }
            report.field.rows += 1
            guard SHA256.digest(of: entry.snapshot.canonicalBytes) == entry.payloadHash else {
                return report.add(.hashMismatch, in: .field, at: place)
            }
            if let (column, value, range) = MeasurementRange.violation(in: entry.snapshot) {
                let name = MeasurementRange.name(ofColumn: column)
                return report.add(
                    .outOfRange, in: .field, at: "\(place): \(name) is \(value), expected \(range)")
            }
            change(log, entry.key.unit, entry.key.installation) { record in
                if let last = record.snapshots.last, last.cycle >= entry.key.cycle {
                    let isKnown = record.snapshot(at: entry.key.cycle) == entry.snapshot
                    report.add(isKnown ? .known : .outOfOrder, in: .field, at: place)
                } else {
                    record.snapshots.append(entry.snapshot)
                }
            }
        }
    }

    private mutating func change(
        _ log: PulledLog.Source, _ unit: UnitIdentifier, _ installation: Int32,
        _ body: (inout LifeRecord) -> Void
    ) {
        let unit = FieldUnit(fleet: log.fleet, unit: unit)
        let empty = LifeRecord(agent: log.agent, storeID: log.storeID, installation: installation)
        let known = records[unit, default: []].lastIndex {
            $0.isOfSameStore(as: empty) && $0.installation == installation
        }
        let index = known ?? records[unit, default: []].count
        if known == nil { records[unit, default: []].append(empty) }
        body(&records[unit, default: []][index])
    }

    /// Says when a device's clock cannot be right; nothing that is learnt depends on it.
    private static func checkClock(
        _ entry: LogEntry, of log: PulledLog.Source, newest: inout Int64, nowMillis: Int64,
        report: inout ValidationReport
    ) {
        let time = entry.receivedAt
        let place = "\(log.place(entry.sequence)) at \(WallClock.text(time))"
        if newest > Int64.min, time < newest - clockErrorMax {
            report.add(.clockBack, in: .field, at: "\(place), after \(WallClock.text(newest))")
        }
        if time > nowMillis + clockErrorMax { report.add(.clockAhead, in: .field, at: place) }
        newest = max(newest, time)
    }
}

extension PulledLog.Source {
    /// Where an entry stands, as a message names it.
    fileprivate func place(_ sequence: Int64) -> String {
        "\(fleet)/\(agent)/\(storeID) entry \(sequence)"
    }
}
