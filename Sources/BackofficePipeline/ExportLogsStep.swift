import EdgeProtocol
import StrictJSON

/// Writes all pulled log entries as JSON lines.
package enum ExportLogsStep {
    /// Calls `write` with each page's new lines, agent by agent and store by store, in sequence.
    ///
    /// Each line says first whose it is: `fleet`, `agent` and `store_id`. An entry that was pulled
    /// twice is written once. A damaged page is named and left out, as is a file that is no page.
    /// - Throws: At the end, if pages were damaged.
    package static func run(
        workspace: Workspace, progress: ProgressReport, write: ([UInt8]) throws -> Void
    ) throws {
        try PulledLog.entries(in: workspace.objects, progress: progress) { source, entries in
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
            try write(lines)
        }
    }
}
