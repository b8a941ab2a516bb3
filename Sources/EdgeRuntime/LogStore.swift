package import EdgeProtocol
import Prognostics
import SQLite

/// Reads the log: for the outbox, and for the pages that the back office pulls.
package final class LogStore {
    /// A page's entries and where the next one starts.
    package struct Page {
        package let entries: [LogEntry]
        package let through: Int64
        package let more: Bool
    }

    private static let columns = """
        sequence, name, readings.installation, cycle, outcome, payload_hash, snapshot, received_at,
        readings.unprotected, run_id, rul, rul_low, rul_high, failure_probability, flags, latency_us
        """

    private let database: Database
    private let life: EventStore
    private let selectScored: Statement
    private let selectReadings: Statement
    private let selectQuarantined: Statement
    private let updatePublished: Statement
    private let updatePulled: Statement

    init(_ database: Database, _ life: EventStore) throws(SQLiteError) {
        self.database = database
        self.life = life
        selectScored = try database.prepare(
            """
            SELECT \(Self.columns) FROM readings JOIN units USING (unit_id)
            WHERE sequence > ? AND outcome = 1 ORDER BY sequence LIMIT ?
            """)
        selectReadings = try database.prepare(
            """
            SELECT \(Self.columns) FROM readings JOIN units USING (unit_id)
            WHERE sequence > ? ORDER BY sequence LIMIT ?
            """)
        selectQuarantined = try database.prepare(
            """
            SELECT sequence, topic, reason, payload_prefix, payload_size, payload_hash, received_at
            FROM quarantine WHERE sequence > ? ORDER BY sequence LIMIT ?
            """)
        updatePublished = try database.prepare(
            "UPDATE progress SET published_through = max(published_through, ?) WHERE id = 1")
        updatePulled = try database.prepare(
            "UPDATE progress SET pulled_through = max(pulled_through, ?) WHERE id = 1")
    }

    /// The highest sequence ever given; 0 in an empty log.
    private func lastSequence() throws(SQLiteError) -> Int64 {
        try database.scalar("SELECT last_sequence FROM progress WHERE id = 1") ?? 0
    }

    /// Scored rows after a sequence, and the last sequence that was looked at.
    package func scored(
        after sequence: Int64, limit: Int
    ) throws(EdgeRuntimeError) -> (entries: [ReadingEntry], through: Int64) {
        let entries = try rows(selectScored, after: sequence, limit: limit)
        if entries.count == limit, let last = entries.last { return (entries, last.sequence) }
        do throws(SQLiteError) { return (entries, try lastSequence()) } catch {
            throw .store(error)
        }
    }

    /// Remembers how far predictions are with the broker.
    package func setPublished(through sequence: Int64) throws(EdgeRuntimeError) {
        try update(updatePublished, sequence)
    }

    /// Remembers how far pages are durable in the back office.
    package func setPulled(through sequence: Int64) throws(EdgeRuntimeError) {
        try update(updatePulled, sequence)
    }

    private func update(_ statement: Statement, _ sequence: Int64) throws(EdgeRuntimeError) {
        statement.bind(sequence, at: 1)
        do throws(SQLiteError) { try statement.run() } catch { throw .store(error) }
    }

    /// Entries after a sequence, as many as `limit` and the page's size allow.
    package func page(after sequence: Int64, limit: Int) throws(EdgeRuntimeError) -> Page {
        let readings = try rows(selectReadings, after: sequence, limit: limit + 1)
        let quarantined = try quarantine(after: sequence, limit: limit + 1)
        let events: [EventEntry]
        do throws(SQLiteError) {
            events = try life.page(after: sequence, limit: limit + 1)
        } catch {
            throw .store(error)
        }
        let all =
            (readings.map { LogEntry.reading($0) } + quarantined.map { LogEntry.quarantine($0) }
            + events.map { LogEntry.event($0) })
            .sorted { $0.sequence < $1.sequence }
        var size = 0
        var count = 0
        for entry in all.prefix(limit) {
            size += entry.lineSizeMax
            // One entry always fits, so that a page never stands still.
            guard count == 0 || size <= ProtocolLimits.pageSizeMax else { break }
            count += 1
        }
        let entries = Array(all.prefix(count))
        return Page(
            entries: entries, through: entries.last?.sequence ?? sequence, more: count < all.count)
    }

    private func rows(
        _ statement: Statement, after sequence: Int64, limit: Int
    ) throws(EdgeRuntimeError) -> [ReadingEntry] {
        defer { statement.reset() }
        statement.bind(sequence, at: 1)
        statement.bind(limit, at: 2)
        var entries: [ReadingEntry] = []
        do throws(SQLiteError) {
            while try statement.step() {
                guard let unit = UnitIdentifier(statement.text(at: 1)),
                    let entry = ReadingEntry(statement, unit: unit)
                else {
                    throw .damaged(
                        "a row is no reading", in: "sequence \(statement.int64(at: 0))",
                        path: database.path)
                }
                entries.append(entry)
            }
        } catch {
            throw .store(error)
        }
        return entries
    }

    private func quarantine(
        after sequence: Int64, limit: Int
    ) throws(EdgeRuntimeError) -> [QuarantineEntry] {
        defer { selectQuarantined.reset() }
        selectQuarantined.bind(sequence, at: 1)
        selectQuarantined.bind(limit, at: 2)
        var entries: [QuarantineEntry] = []
        do throws(SQLiteError) {
            while try selectQuarantined.step() {
                guard let entry = QuarantineEntry(selectQuarantined) else { continue }
                entries.append(entry)
            }
        } catch {
            throw .store(error)
        }
        return entries
    }
}

extension ReadingEntry {
    /// Decodes a row; `nil` if it does not hold what this program writes.
    ///
    /// The columns are sequence, unit, installation, cycle, outcome, payload_hash, snapshot,
    /// received_at, unprotected, run_id, rul, rul_low, rul_high, failure_probability, flags and
    /// latency_us.
    init?(_ row: Statement, unit: UnitIdentifier) {
        guard let snapshot = Snapshot(canonicalBytes: row.blob(at: 6)),
            Int64(snapshot.cycle.cycles) == row.int64(at: 3),
            let outcome = Outcome(rawValue: Int(row.int64(at: 4))),
            let hash = Digest(bytes: row.blob(at: 5)),
            (outcome == .scored) != row.isNull(at: 9)
        else { return nil }
        var scoring: ReadingEntry.Scoring?
        if outcome == .scored {
            scoring = ReadingEntry.Scoring(
                prediction: Prediction(
                    rul: Float(row.double(at: 10)), rulLow: Float(row.double(at: 11)),
                    rulHigh: Float(row.double(at: 12)),
                    failureProbability: Float(row.double(at: 13)),
                    flags: PredictionFlags(rawValue: UInt8(truncatingIfNeeded: row.int64(at: 14)))),
                runID: row.text(at: 9), latencyMicros: row.int64(at: 15))
        }
        self.init(
            sequence: row.int64(at: 0),
            key: ReadingKey(
                unit: unit, installation: Int32(truncatingIfNeeded: row.int64(at: 2)),
                cycle: snapshot.cycle),
            snapshot: snapshot, payloadHash: hash, outcome: outcome,
            receivedAt: row.int64(at: 7), unprotected: row.int64(at: 8) != 0, scoring: scoring)
    }
}

extension QuarantineEntry {
    /// Decodes a row; `nil` if it does not hold what this program writes.
    ///
    /// The columns are sequence, topic, reason, payload_prefix, payload_size, payload_hash and
    /// received_at.
    init?(_ row: Statement) {
        guard let hash = Digest(bytes: row.blob(at: 5)) else { return nil }
        self.init(
            sequence: row.int64(at: 0), topic: row.text(at: 1), reason: row.text(at: 2),
            payloadPrefix: row.blob(at: 3), payloadSize: Int(row.int64(at: 4)), payloadHash: hash,
            receivedAt: row.int64(at: 6))
    }
}
