import EdgeProtocol
import Parquet
import Prognostics

/// Log entries as a Parquet table: one row per entry, in sequence.
///
/// Columns that an entry has no value for are null: a quarantined payload has no unit, an event no
/// measurements. `payload_prefix` holds the refused bytes as they came.
enum LogTable {
    static let format = "nacelle-log/1"

    /// The table of entries; equal entries give equal tables.
    static func table(_ entries: [LogEntry]) throws(ParquetError) -> ParquetTable {
        let rows = entries.map(LogRow.init)
        var columns = [
            ParquetColumn("kind", .string(rows.map(\.kind))),
            ParquetColumn("sequence", .int64(entries.map(\.sequence))),
            ParquetColumn("unit", optional: rows.map(\.unit)),
            ParquetColumn("installation", optional: rows.map(\.installation)),
            ParquetColumn("cycle", optional: rows.map(\.cycle)),
            ParquetColumn("outcome", optional: rows.map(\.outcome)),
            ParquetColumn("event", optional: rows.map(\.event)),
            ParquetColumn("rul", optional: rows.map { $0.scoring?.prediction.rul }),
            ParquetColumn("rul_low", optional: rows.map { $0.scoring?.prediction.rulLow }),
            ParquetColumn("rul_high", optional: rows.map { $0.scoring?.prediction.rulHigh }),
            ParquetColumn(
                "failure_probability",
                optional: rows.map { $0.scoring?.prediction.failureProbability }),
            ParquetColumn(
                "flags",
                optional: rows.map { $0.scoring?.prediction.flags.names.joined(separator: ",") }),
            ParquetColumn("run_id", optional: rows.map { $0.scoring?.runID }),
            ParquetColumn("latency_us", optional: rows.map { $0.scoring?.latencyMicros }),
            ParquetColumn("topic", optional: rows.map(\.topic)),
            ParquetColumn("reason", optional: rows.map(\.reason)),
            ParquetColumn("payload_size", optional: rows.map(\.payloadSize)),
            ParquetColumn("payload_prefix", optional: rows.map(\.payloadPrefix)),
            ParquetColumn("payload_hash", .string(rows.map(\.payloadHash.description))),
            ParquetColumn("received_at", .int64(entries.map(\.receivedAt))),
            ParquetColumn("unprotected", optional: rows.map(\.unprotected)),
        ]
        for (index, name) in ReadingDecoder.memberNames.enumerated() {
            columns.append(ParquetColumn(name, optional: rows.map { $0.snapshot?.columns[index] }))
        }
        return try ParquetTable(columns: columns, metadata: ["format": format])
    }

    /// The entries of a table that ``table(_:)`` made; anything else is damage.
    static func entries(_ table: ParquetTable) throws(ParquetError) -> [LogEntry] {
        guard table.metadata["format"] == format else {
            throw .notParquet(detail: "it is no page of a log")
        }
        let columns = try LogColumns(table)
        var entries: [LogEntry] = []
        for row in 0..<table.rowCount {
            guard let entry = columns.entry(row), (entries.last?.sequence ?? 0) < entry.sequence
            else { throw .damaged(detail: "row \(row + 1) is no entry of a log") }
            entries.append(entry)
        }
        return entries
    }
}

/// An entry with its members side by side.
private struct LogRow {
    let kind: String
    var unit: String?
    var installation: Int32?
    var cycle: Int32?
    var outcome: String?
    var event: String?
    var scoring: ReadingEntry.Scoring?
    var snapshot: Snapshot?
    var topic: String?
    var reason: String?
    var payloadSize: Int64?
    var payloadPrefix: [UInt8]?
    let payloadHash: Digest
    var unprotected: Bool?

    init(_ entry: LogEntry) {
        switch entry {
        case .reading(let entry):
            kind = "reading"
            unit = entry.key.unit.description
            installation = entry.key.installation
            cycle = entry.key.cycle.cycles
            outcome = entry.outcome.name
            scoring = entry.scoring
            snapshot = entry.snapshot
            payloadHash = entry.payloadHash
            unprotected = entry.unprotected
        case .event(let entry):
            kind = "event"
            unit = entry.unit.description
            installation = entry.installation
            cycle = entry.cycle.cycles
            event = entry.kind.name
            payloadHash = entry.payloadHash
            unprotected = entry.unprotected
        case .quarantine(let entry):
            kind = "quarantine"
            topic = entry.topic
            reason = entry.reason
            payloadSize = Int64(entry.payloadSize)
            payloadPrefix = entry.payloadPrefix
            payloadHash = entry.payloadHash
        }
    }
}
