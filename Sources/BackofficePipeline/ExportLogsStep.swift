import EdgeProtocol
import ObjectStore
import StrictJSON
import Zlib

/// Writes all pulled log entries as JSON lines.
package enum ExportLogsStep {
    /// Calls `write` with each page's new lines, agent by agent and store by store, in sequence.
    ///
    /// Each line says first whose it is: `fleet`, `agent` and `store_id`. An entry that was pulled
    /// twice is written once. Returns the number of lines.
    @discardableResult
    package static func run(
        workspace: Workspace, write: ([UInt8]) throws -> Void
    ) throws -> Int {
        let pages = try workspace.objects.list(bucket: .inferenceLogs).compactMap {
            StoredPage(key: $0)
        }
        let logs = Dictionary(grouping: pages) { "\($0.fleet)/\($0.agent)/\($0.storeID)" }
        var lineCount = 0
        for log in logs.sorted(by: { $0.key < $1.key }) {
            var last: Int64 = 0
            for page in log.value.sorted(by: { ($0.first, $0.last) < ($1.first, $1.last) }) {
                let lines = try newLines(of: page, after: &last, objects: workspace.objects)
                lineCount += lines.count
                try write(Array(lines.joined()))
            }
        }
        return lineCount
    }

    /// The lines of a page whose sequence is above `last`, which moves along.
    private static func newLines(
        of page: StoredPage, after last: inout Int64, objects: ObjectStore
    ) throws -> [[UInt8]] {
        let key = try page.key()
        let bytes = try objects.get(bucket: .inferenceLogs, key: key)
        let opening = opening(of: page)
        var lines: [[UInt8]] = []
        do {
            let text = try Gzip.decompress(bytes, limit: ProtocolLimits.pageSizeMax)
            for line in text.split(separator: UInt8(ascii: "\n")) {
                let sequence = try JSONReader(parsing: Array(line)).integer("sequence")
                guard sequence > last else { continue }
                last = sequence
                lines.append(opening + line.dropFirst() + [UInt8(ascii: "\n")])
            }
        } catch {
            throw BackofficeError.badStoredPage(key: key.description, reason: "\(error)")
        }
        return lines
    }

    private static func opening(of page: StoredPage) -> [UInt8] {
        let owner: JSON = [
            "fleet": .string(page.fleet), "agent": .string(page.agent),
            "store_id": .string(page.storeID),
        ]
        return owner.bytes.dropLast() + [UInt8(ascii: ",")]
    }
}
