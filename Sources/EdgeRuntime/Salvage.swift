import EdgeCore
import EdgeProtocol
import Prognostics
import SQLite
import Sodium

/// Copies what can be read of a damaged store into a new one.
///
/// A reading is taken only if its snapshot still has the hash that was stored with it. Checkpoints
/// are left behind: nothing proves them, and raw readings rebuild what they held. Sequences stay.
struct Salvage {
    /// Readings of one transaction.
    private static let chunkCount = 1_000

    let source: Database?
    let target: EdgeStore
    private(set) var names: [Int64: UnitIdentifier] = [:]
    private var records: [Int64: UnitRecord] = [:]
    /// Records of units whose own could not be read, made from their readings.
    private var derived: [Int64: UnitRecord] = [:]
    private(set) var lastSequence: Int64 = 0
    private var readingCount: Int64 = 0

    init(from source: Database?, to target: EdgeStore) {
        self.source = source
        self.target = target
    }

    /// Copies everything.
    /// - Returns: Readings taken over, and readings that are gone; `nil` if nobody can tell.
    mutating func run() throws(SQLiteError) -> (readings: Int64, lost: Int64?) {
        readUnits()
        let counters = readCounters()
        try copyReadings()
        try copyQuarantine()
        var batch = Batch()
        batch.units = names.sorted { $0.key < $1.key }.map { id, name in
            (unit: name, record: record(of: id))
        }
        batch.accounting =
            counters
            ?? batch.units.reduce(into: Accounting()) { sum, unit in
                sum.add(unit.record.accounting)
            }
        try target.commit(batch)
        try target.database.transaction { () throws(SQLiteError) in
            try copyReleased()
            try copyEvents()
            try copyModels()
            try copyProgress()
        }
        return (readingCount, counters.map { max(0, expected($0) - readingCount) })
    }

    // MARK: Units and counters

    private mutating func readUnits() {
        var table = DamagedTable(
            """
            SELECT unit_id, name, installation, last_cycle, received, scored, unscored, suppressed,
              late, quarantined, unprotected, missing_cycles
            FROM units NOT INDEXED WHERE unit_id >= ?1 ORDER BY unit_id
            """, in: source)
        let rows =
            table?.all { row -> (Int64, UnitIdentifier, UnitRecord)? in
                guard let unit = UnitIdentifier(row.text(at: 1)),
                    let installation = Int32(exactly: row.int64(at: 2)), installation > 0,
                    let cycle = CycleCount(Int32(clamping: row.int64(at: 3)))
                else { return nil }
                let accounting = Accounting(row, from: 4)
                guard accounting.isBalanced else { return nil }
                return (
                    row.int64(at: 0), unit,
                    UnitRecord(
                        installation: installation, lastCycle: cycle.cycles,
                        accounting: accounting)
                )
            } ?? []
        for (id, unit, record) in rows {
            names[id] = unit
            records[id] = record
        }
        readUnitNames()
    }

    /// The index over the names has them too: both ends of it, up to where it is damaged.
    private mutating func readUnitNames() {
        for order in ["ASC", "DESC"] {
            let select = try? source?.prepare(
                """
                SELECT unit_id, name FROM units INDEXED BY sqlite_autoindex_units_1
                WHERE name > '' ORDER BY name \(order)
                """)
            guard let select else { continue }
            while (try? select.step()) == true {
                guard names[select.int64(at: 0)] == nil,
                    let unit = UnitIdentifier(select.text(at: 1))
                else { continue }
                names[select.int64(at: 0)] = unit
            }
        }
    }

    private func readCounters() -> Accounting? {
        let select = try? source?.prepare(
            """
            SELECT received, scored, unscored, suppressed, late, quarantined, unprotected,
              missing_cycles
            FROM progress WHERE id = 1
            """)
        guard let select, (try? select.step()) == true else { return nil }
        let accounting = Accounting(select)
        return accounting.isBalanced && accounting.received >= 0 ? accounting : nil
    }

    private func record(of id: Int64) -> UnitRecord {
        records[id] ?? derived[id]
            ?? UnitRecord(installation: 1, lastCycle: 0, accounting: Accounting())
    }

    /// Readings that an undamaged store would hold.
    private func expected(_ counters: Accounting) -> Int64 {
        let gone = scalar("SELECT released + released_unpulled FROM progress WHERE id = 1") ?? 0
        let lost = scalar("SELECT coalesce(sum(lost), 0) FROM salvages") ?? 0
        return counters.scored + counters.unscored + counters.late - gone - lost
    }

    func scalar(_ sql: String) -> Int64? {
        (try? source?.scalar(sql)) ?? nil
    }

    // MARK: Log

    private mutating func copyReadings() throws(SQLiteError) {
        var table = DamagedTable(
            """
            SELECT sequence, unit_id, installation, cycle, outcome, payload_hash, snapshot,
              received_at, unprotected, run_id, rul, rul_low, rul_high, failure_probability, flags,
              latency_us
            FROM readings NOT INDEXED WHERE sequence >= ?1 ORDER BY sequence
            """, in: source)
        let names = names
        while true {
            let rows = table?.chunk(Self.chunkCount) { row -> (id: Int64, entry: ReadingEntry)? in
                let id = row.int64(at: 1)
                guard let unit = names[id], let entry = ReadingEntry(row, unit: unit),
                    SHA256.digest(of: entry.snapshot.canonicalBytes) == entry.payloadHash
                else { return nil }
                return (id, entry)
            }
            guard let rows, !rows.isEmpty else { return }
            for (id, entry) in rows where records[id] == nil { derive(id, entry) }
            try write(rows)
        }
    }

    /// Keeps the record of a unit whose own is lost: what its readings say.
    private mutating func derive(_ id: Int64, _ entry: ReadingEntry) {
        var record = record(of: id)
        if entry.key.installation > record.installation {
            record.installation = entry.key.installation
            record.lastCycle = 0
        }
        if entry.outcome != .late, entry.key.installation == record.installation {
            record.lastCycle = max(record.lastCycle, entry.key.cycle.cycles)
        }
        record.accounting.received += 1
        switch entry.outcome {
        case .scored: record.accounting.scored += 1
        case .unscored: record.accounting.unscored += 1
        case .late: record.accounting.late += 1
        }
        if entry.unprotected { record.accounting.unprotected += 1 }
        derived[id] = record
    }

    private mutating func write(_ rows: [(id: Int64, entry: ReadingEntry)]) throws(SQLiteError) {
        do throws(SQLiteError) {
            try commit(rows[...])
        } catch {
            guard error.isConstraint, rows.count > 1 else {
                if error.isConstraint { return }
                throw error
            }
            // The same reading twice: both came from one damaged page. One of them stays.
            for index in rows.indices {
                do throws(SQLiteError) { try commit(rows[index...index]) } catch {
                    guard error.isConstraint else { throw error }
                }
            }
        }
    }

    private mutating func commit(
        _ rows: ArraySlice<(id: Int64, entry: ReadingEntry)>
    ) throws(SQLiteError) {
        var batch = Batch()
        batch.readings = rows.map(\.entry)
        batch.units = Set(rows.map(\.id)).sorted().compactMap { id in
            names[id].map { (unit: $0, record: record(of: id)) }
        }
        try target.commit(batch)
        readingCount += Int64(rows.count)
        lastSequence = max(lastSequence, rows.last?.entry.sequence ?? 0)
    }

    private mutating func copyQuarantine() throws(SQLiteError) {
        var table = DamagedTable(
            """
            SELECT sequence, topic, reason, payload_prefix, payload_size, payload_hash, received_at
            FROM quarantine WHERE sequence >= ?1 ORDER BY sequence
            """, in: source)
        while let entries = table?.chunk(Self.chunkCount, { QuarantineEntry($0) }),
            !entries.isEmpty
        {
            var batch = Batch()
            batch.quarantined = entries
            try target.commit(batch)
            lastSequence = max(lastSequence, entries.last?.sequence ?? 0)
        }
    }
}

extension Accounting {
    /// Adds another unit's counters to these.
    fileprivate mutating func add(_ other: Accounting) {
        received += other.received
        scored += other.scored
        unscored += other.unscored
        suppressed += other.suppressed
        late += other.late
        quarantined += other.quarantined
        unprotected += other.unprotected
        missingCycles += other.missingCycles
    }
}
