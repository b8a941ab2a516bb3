package import EdgeProtocol
package import ObjectStore
import Parquet
import Zlib

/// The logs that were pulled home: the one place that reads pages of `inference-logs`.
package enum PulledLog {
    /// Whose log it is: one device store of one agent, in which sequence numbers are unique.
    package struct Source: Hashable, Sendable {
        package let fleet: String
        package let agent: String
        package let storeID: String

        package init(fleet: String, agent: String, storeID: String) {
            self.fleet = fleet
            self.agent = agent
            self.storeID = storeID
        }
    }

    /// Calls `body` with each page's new entries, agent by agent and store by store, in sequence.
    ///
    /// An entry that was pulled twice comes once. A damaged page is named and left out, as is a
    /// file that is no page.
    /// - Throws: What `body` throws; at the end, if pages were damaged.
    package static func entries(
        in objects: any ObjectStore, progress: ProgressReport,
        _ body: (Source, [LogEntry]) throws -> Void
    ) throws {
        var damagedCount = 0
        let pageCount = try entries(in: objects, progress: progress) { path, error in
            damagedCount += 1
            progress.step("Damaged page \(path): \(error)")
        } _: { source, entries in
            try body(source, entries)
        }
        guard damagedCount == 0 else {
            throw BackofficeError.damagedPages(damagedCount, of: pageCount)
        }
    }

    /// The same, with what is to happen for each damaged page: its path and the reason are given.
    ///
    /// - Returns: The number of pages.
    static func entries(
        in objects: any ObjectStore, progress: ProgressReport,
        damaged: (String, any Error) -> Void, _ body: (Source, [LogEntry]) throws -> Void
    ) throws -> Int {
        let pages = try pages(in: objects, progress: progress)
        for (source, pages) in pages {
            var last: Int64 = 0
            for page in pages.sorted(by: { ($0.first, $0.last) < ($1.first, $1.last) }) {
                let entries: [LogEntry]
                do {
                    entries = try self.entries(of: page, in: objects).filter { $0.sequence > last }
                } catch {
                    // Another page may hold some of its entries.
                    damaged(
                        objects.place(bucket: .inferenceLogs, key: try page.key()), error)
                    continue
                }
                guard let newest = entries.last else { continue }
                last = newest.sequence
                try body(source, entries)
            }
        }
        return pages.reduce(0) { $0 + $1.pages.count }
    }

    /// The pages in the bucket, log by log; whatever else lies there is named.
    private static func pages(
        in objects: any ObjectStore, progress: ProgressReport
    ) throws -> [(source: Source, pages: [StoredPage])] {
        func ignore(_ path: String) { progress.step("Warning: \(path) is no log page; ignored.") }
        let pages = try objects.list(bucket: .inferenceLogs, stray: ignore).compactMap { key in
            let page = StoredPage(key: key)
            if page == nil { ignore(objects.place(bucket: .inferenceLogs, key: key)) }
            return page
        }
        return Dictionary(grouping: pages, by: \.source).map { (source: $0.key, pages: $0.value) }
            .sorted { $0.source.path < $1.source.path }
    }

    /// The entries of one page, in sequence.
    static func entries(of page: StoredPage, in objects: any ObjectStore) throws -> [LogEntry] {
        let bytes = try objects.get(bucket: .inferenceLogs, key: page.key())
        if page.format == .table { return try LogTable.entries(ParquetTable(decoding: bytes)) }
        let text = try Gzip.decompress(bytes, limit: ProtocolLimits.pageSizeMax)
        return try text.split(separator: UInt8(ascii: "\n")).map { try LogEntry(line: Array($0)) }
    }
}

extension PulledLog.Source {
    fileprivate var path: String { "\(fleet)/\(agent)/\(storeID)" }
}

extension StoredPage {
    /// The log that the page is of.
    var source: PulledLog.Source {
        PulledLog.Source(fleet: fleet, agent: agent, storeID: storeID)
    }
}
