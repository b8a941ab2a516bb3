import EdgeProtocol
import ObjectStore
import StrictJSON
import Zlib

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
        let pages = try pages(in: workspace.objects, progress: progress)
        let logs = Dictionary(grouping: pages) { "\($0.fleet)/\($0.agent)/\($0.storeID)" }
        var damagedCount = 0
        for log in logs.sorted(by: { $0.key < $1.key }) {
            var last: Int64 = 0
            for page in log.value.sorted(by: { ($0.first, $0.last) < ($1.first, $1.last) }) {
                let known = last
                let lines: [[UInt8]]
                do {
                    lines = try newLines(of: page, after: &last, objects: workspace.objects)
                } catch {
                    // Another page may hold some of its entries.
                    last = known
                    damagedCount += 1
                    let path = workspace.objects.path(bucket: .inferenceLogs, key: try page.key())
                    progress.step("Damaged page \(path): \(error)")
                    continue
                }
                try write(Array(lines.joined()))
            }
        }
        guard damagedCount == 0 else {
            throw BackofficeError.damagedPages(damagedCount, of: pages.count)
        }
    }

    /// The pages in the bucket; whatever else lies there is named.
    private static func pages(
        in objects: ObjectStore, progress: ProgressReport
    ) throws -> [StoredPage] {
        func ignore(_ path: String) { progress.step("Warning: \(path) is no log page; ignored.") }
        return try objects.list(bucket: .inferenceLogs, stray: ignore).compactMap { key in
            let page = StoredPage(key: key)
            if page == nil { ignore(objects.path(bucket: .inferenceLogs, key: key)) }
            return page
        }
    }

    /// The lines of a page whose sequence is above `last`, which moves along.
    private static func newLines(
        of page: StoredPage, after last: inout Int64, objects: ObjectStore
    ) throws -> [[UInt8]] {
        let bytes = try objects.get(bucket: .inferenceLogs, key: page.key())
        let opening = opening(of: page)
        var lines: [[UInt8]] = []
        let text = try Gzip.decompress(bytes, limit: ProtocolLimits.pageSizeMax)
        for line in text.split(separator: UInt8(ascii: "\n")) {
            let sequence = try JSONReader(parsing: Array(line)).integer("sequence")
            guard sequence > last else { continue }
            last = sequence
            lines.append(opening + line.dropFirst() + [UInt8(ascii: "\n")])
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
