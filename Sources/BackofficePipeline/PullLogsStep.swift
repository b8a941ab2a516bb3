import EdgeProtocol
import Mosquitto
import ObjectStore
import Parquet
package import Prognostics
import Registry
import Sodium
import StrictJSON
import Zlib

/// Pulls an agent's log pages into the bucket `inference-logs`.
///
/// A request names the last durable entry, which acknowledges everything up to it: the device may
/// release that. So a page is durable here before the next request is sent, and whatever is killed
/// whenever, an entry is on the device or here.
package struct PullLogsStep {
    /// What one pull brought.
    package struct Report: Equatable, Sendable {
        package let agent: UnitIdentifier
        package var pageCount = 0
        package var entryCount = 0
    }

    /// How long an agent may take to answer, in seconds.
    package static let answerSecondsMax = 10
    /// Requests for the same page before the agent counts as absent.
    private static let attemptCountMax = 3
    /// Pages of one pull; more wait for the next one.
    private static let pageCountMax = 100_000

    private let workspace: Workspace
    private let agent: UnitIdentifier
    private let fleet: UnitIdentifier
    private let session: FleetSession
    private let responseTopic: String
    private let answerSeconds: Int
    private let progress: ProgressReport

    /// Connects and subscribes to the answers of `agent`.
    package init(
        workspace: Workspace, broker: FleetBroker, agent: UnitIdentifier, progress: ProgressReport,
        answerSeconds: Int = Self.answerSecondsMax
    ) throws {
        self.answerSeconds = answerSeconds
        self.workspace = workspace
        self.agent = agent
        self.progress = progress
        fleet = broker.topics.fleet
        session = try broker.connect()
        responseTopic = broker.topics.logResponses(of: agent, to: session.name)
        try session.session.subscribe(
            responseTopic, qos: 1, timeoutSeconds: FleetBroker.answerSecondsMax)
    }

    /// Pulls until the agent has no more, and acknowledges the last page too.
    package func run() throws -> Report {
        var report = Report(agent: agent)
        var isLast = false
        for _ in 0..<Self.pageCountMax {
            let cursor = try cursor()
            let page = try request(after: cursor)
            if try skipsStored(page.header, cursor: cursor) { continue }
            if page.header.count > 0 {
                try store(page)
                report.pageCount += 1
                report.entryCount += page.header.count
                progress.step("\(agent): \(report.entryCount) entries")
            }
            try workspace.registry.setLogCursor(
                LogCursor(storeID: page.header.storeID, sequence: page.header.through),
                fleet: fleet.description, agent: agent.description)
            // The request after the last page acknowledged it.
            if isLast || page.header.count == 0 { return report }
            isLast = !page.header.more
        }
        return report
    }

    /// Where the agent's log is durable up to: the registry's word, or a page stored since.
    private func cursor() throws -> LogCursor? {
        guard
            let known = try workspace.registry.logCursor(
                fleet: fleet.description, agent: agent.description)
        else { return nil }
        let stored = try lastStored(storeID: known.storeID)
        return LogCursor(storeID: known.storeID, sequence: max(known.sequence, stored))
    }

    private func lastStored(storeID: String) throws -> Int64 {
        let prefix = try ObjectKey("\(fleet)/\(agent)/\(storeID)")
        let keys = try workspace.objects.list(bucket: .inferenceLogs, prefix: prefix)
        return keys.compactMap { StoredPage(key: $0)?.last }.max() ?? 0
    }

    /// Whether the page was stored before the registry knew its log: then the cursor moves past it.
    private func skipsStored(_ header: LogPage.Header, cursor: LogCursor?) throws -> Bool {
        guard header.storeID != cursor?.storeID else { return false }
        let stored = try lastStored(storeID: header.storeID)
        guard stored > header.after else { return false }
        try workspace.registry.setLogCursor(
            LogCursor(storeID: header.storeID, sequence: stored),
            fleet: fleet.description, agent: agent.description)
        return true
    }

    /// Asks for the page after the cursor, which acknowledges what lies before it.
    private func request(after cursor: LogCursor?) throws -> LogPage {
        let request = LogRequest(storeID: cursor?.storeID, after: cursor?.sequence ?? 0)
        for _ in 0..<Self.attemptCountMax {
            let correlation = randomBytes(count: 16)
            try session.session.publish(
                topic: session.topics.logRequests(to: agent), payload: request.payload,
                retain: false,
                properties: PublishProperties(
                    responseTopic: responseTopic, correlationData: correlation,
                    expirySeconds: UInt32(answerSeconds)),
                timeoutSeconds: FleetBroker.answerSecondsMax)
            while let message = try session.session.nextMessage(
                timeoutSeconds: Double(answerSeconds))
            {
                // An answer to an earlier attempt came late; its page comes again.
                guard message.correlationData == correlation else { continue }
                return try page(message.payload, after: cursor)
            }
        }
        throw BackofficeError.noAnswer(
            agent: agent.description, seconds: Self.attemptCountMax * answerSeconds)
    }

    private func page(_ payload: [UInt8], after cursor: LogCursor?) throws -> LogPage {
        let page: LogPage
        do {
            let lines = try Gzip.decompress(payload, limit: ProtocolLimits.pageSizeMax)
            page = try LogPage(lines: lines)
        } catch {
            throw BackofficeError.badPage(agent: agent.description, reason: "\(error)")
        }
        let header = page.header
        let isNext = header.storeID != cursor?.storeID || header.after == cursor?.sequence
        // An empty page ends where it begins: the cursor must not pass entries that never came.
        let isForward =
            header.count == 0 ? header.through == header.after : header.through > header.after
        guard header.agent == agent, isNext, isForward else {
            throw BackofficeError.badPage(
                agent: agent.description,
                reason: "it is entries \(header.after)...\(header.through) of \(header.agent), "
                    + "store \(header.storeID); asked for those after \(cursor?.sequence ?? 0).")
        }
        return page
    }

    private func store(_ page: LogPage) throws {
        let header = page.header
        let table = Self.table(of: page)
        let stored = StoredPage(
            fleet: fleet.description, agent: agent.description, storeID: header.storeID,
            first: header.after + 1, last: header.through, format: table == nil ? .lines : .table)
        let bytes =
            try table?.encoded()
            ?? Gzip.compress(Array(page.entryLines.map { $0 + [UInt8(ascii: "\n")] }.joined()))
        try workspace.objects.put(bytes, bucket: .inferenceLogs, key: stored.key())
    }

    /// The page as a table; nil when it says anything that the table would lose, as a newer agent's
    /// may: what is acknowledged leaves the device.
    private static func table(of page: LogPage) -> ParquetTable? {
        guard let entries = try? page.entryLines.map({ try LogEntry(line: $0) }),
            let table = try? LogTable.table(entries),
            let kept = try? LogTable.entries(table)
        else { return nil }
        return kept.map { JSON.object($0.members).bytes } == page.entryLines ? table : nil
    }
}
