import BackofficePipeline
import Datasets
import EdgeProtocol
import ObjectStore
import Prognostics
import Sodium
import StrictJSON
import TestSupport
import Zlib

/// A device store's log, entry by entry, as a pull would leave it.
struct FieldLog {
    let agent: String
    let storeID: String
    private(set) var entries: [LogEntry] = []
    /// The clock of the device, in milliseconds since 1970.
    var now: Int64 = 1_770_000_000_000

    init(agent: String = "edge-1", storeID: String = "store-1") {
        self.agent = agent
        self.storeID = storeID
    }

    private var next: Int64 { Int64(entries.count) + 1 }

    /// Logs readings of a unit; those that `score` says something about are scored.
    mutating func fly(
        _ unit: String, _ snapshots: some Sequence<Snapshot>, installation: Int32 = 1,
        outcome: Outcome = .unscored, forgedHash: Bool = false,
        score: (Snapshot) -> ReadingEntry.Scoring? = { _ in nil }
    ) throws {
        for snapshot in snapshots {
            let scoring = score(snapshot)
            let hash = SHA256.digest(of: forgedHash ? [] : snapshot.canonicalBytes)
            entries.append(
                .reading(
                    ReadingEntry(
                        sequence: next,
                        key: ReadingKey(
                            unit: try Self.unit(unit), installation: installation,
                            cycle: snapshot.cycle),
                        snapshot: snapshot, payloadHash: hash,
                        outcome: scoring == nil ? outcome : .scored, receivedAt: now,
                        unprotected: false, scoring: scoring)))
        }
    }

    /// Puts another entry in the place of the last one.
    mutating func replaceLast(_ entry: LogEntry) { entries[entries.count - 1] = entry }

    /// Logs what maintenance says of a unit.
    mutating func event(
        _ kind: EngineEvent.Kind, of unit: String, after cycle: Int32, installation: Int32 = 1
    ) throws {
        guard let cycle = CycleCount(cycle) else { throw TestSupportError("no cycle") }
        entries.append(
            .event(
                EventEntry(
                    sequence: next, unit: try Self.unit(unit), installation: installation,
                    kind: kind, cycle: cycle, payloadHash: SHA256.digest(of: []), receivedAt: now,
                    unprotected: false)))
    }

    /// Logs a refused payload.
    mutating func quarantine() {
        entries.append(
            .quarantine(
                QuarantineEntry(
                    sequence: next, topic: "t", reason: "Too short.", payloadPrefix: [0, 255],
                    payloadSize: 2, payloadHash: SHA256.digest(of: [0, 255]), receivedAt: now)))
    }

    /// Puts the log into the workspace as one page of lines, as nights before this one left it.
    func store(in workspace: Workspace, fleet: String = "f") throws {
        var lines: [UInt8] = []
        for entry in entries {
            lines += JSON.object(entry.members).bytes
            lines.append(10)
        }
        try workspace.objects.put(
            Gzip.compress(lines), bucket: .inferenceLogs,
            key: ObjectKey("\(fleet)/\(agent)/\(storeID)/1-\(entries.count).jsonl.gz"),
            replace: true)
    }

    private static func unit(_ text: String) throws -> UnitIdentifier {
        guard let unit = UnitIdentifier(text) else { throw TestSupportError("'\(text)'") }
        return unit
    }
}

extension Snapshot {
    /// The same measurements with one of them changed.
    func changing(_ column: Int, to value: Float) -> Snapshot {
        var columns = columns
        columns[column] = value
        return Snapshot(cycle: cycle, columns: columns)
    }
}
