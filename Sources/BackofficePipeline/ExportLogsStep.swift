import EdgeProtocol
import Parquet
import StrictJSON

/// Writes all pulled log entries, for people and for their tools.
package enum ExportLogsStep {
    /// What to write.
    package enum Format: String, Sendable, CaseIterable {
        /// A JSON object per line.
        case jsonl
        /// A header, then a line per entry; what an entry lacks is empty (RFC 4180).
        case csv
        /// One table of all entries, which must fit into memory.
        case parquet
    }

    /// Calls `write` with the entries, agent by agent and store by store, in sequence.
    ///
    /// Each entry says first whose it is: `fleet`, `agent` and `store_id`. An entry that was pulled
    /// twice is written once. A damaged page is named and left out, as is a file that is no page.
    /// - Throws: At the end, if pages were damaged.
    package static func run(
        workspace: Workspace, progress: ProgressReport, format: Format = .jsonl,
        write: ([UInt8]) throws -> Void
    ) throws {
        var all: [(source: PulledLog.Source, entry: LogEntry)] = []
        if format == .csv { try write(CSV.header(of: table([]))) }
        // Whatever is damaged, what is whole is written.
        let result = Result {
            try PulledLog.entries(in: workspace.objects, progress: progress) { source, entries in
                switch format {
                case .jsonl: try write(lines(source, entries))
                case .csv: try write(CSV.rows(of: table(entries.map { (source, $0) })))
                case .parquet: all += entries.map { (source, $0) }
                }
            }
        }
        if format == .parquet { try write(table(all).encoded()) }
        try result.get()
    }

    private static func lines(_ source: PulledLog.Source, _ entries: [LogEntry]) -> [UInt8] {
        let owner = [
            JSON.Member(key: "fleet", value: .string(source.fleet)),
            JSON.Member(key: "agent", value: .string(source.agent)),
            JSON.Member(key: "store_id", value: .string(source.storeID)),
        ]
        var lines: [UInt8] = []
        for entry in entries {
            JSONWriter.write(.object(owner + entry.members), to: &lines)
            lines.append(UInt8(ascii: "\n"))
        }
        return lines
    }

    private static func table(
        _ entries: [(source: PulledLog.Source, entry: LogEntry)]
    ) throws(ParquetError) -> ParquetTable {
        let owner = [
            ParquetColumn("fleet", .string(entries.map(\.source.fleet))),
            ParquetColumn("agent", .string(entries.map(\.source.agent))),
            ParquetColumn("store_id", .string(entries.map(\.source.storeID))),
        ]
        return try ParquetTable(columns: owner + LogTable.table(entries.map(\.entry)).columns)
    }
}

/// A table as comma-separated values (RFC 4180); bytes are hexadecimal.
private enum CSV {
    static func header(of table: ParquetTable) -> [UInt8] {
        Array((table.columns.map(\.name).joined(separator: ",") + "\r\n").utf8)
    }

    static func rows(of table: ParquetTable) -> [UInt8] {
        var text = ""
        for row in 0..<table.rowCount {
            text += table.columns.map { field($0, row) }.joined(separator: ",") + "\r\n"
        }
        return Array(text.utf8)
    }

    private static func field(_ column: ParquetColumn, _ row: Int) -> String {
        guard column.presence?[row] ?? true else { return "" }
        switch column.values {
        case .boolean(let values): return "\(values[row])"
        case .int32(let values): return "\(values[row])"
        case .int64(let values): return "\(values[row])"
        case .float(let values): return "\(values[row])"
        case .double(let values): return "\(values[row])"
        case .string(let values): return quoted(values[row])
        case .bytes(let values):
            return values[row].map { String(String(UInt16($0) + 256, radix: 16).dropFirst()) }
                .joined()
        }
    }

    /// A text, in quotes where it is empty or has a character that means something.
    private static func quoted(_ text: String) -> String {
        let special = Set("\",\r\n".unicodeScalars)
        guard text.isEmpty || text.unicodeScalars.contains(where: special.contains) else {
            return text
        }
        return "\"\(text.replacing("\"", with: "\"\""))\""
    }
}
