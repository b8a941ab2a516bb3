package import EdgeCore
import EdgeProtocol
import Features
package import Prognostics
package import SQLite

/// The device's one SQLite file: raw readings, predictions, counters, models.
///
/// One connection on the network thread writes and checkpoints. Every commit is one transaction
/// with `synchronous=FULL`: when it returns, a reading survives power loss.
package final class EdgeStore {
    /// Names this file's life; pulled pages count their sequences within it.
    package let storeID: String
    package let models: ModelStore
    package let log: LogStore

    private let database: Database
    private let insertReading: Statement
    private let insertQuarantine: Statement
    private let boundQuarantine: Statement
    private let upsertUnit: Statement
    private let upsertCheckpoint: Statement
    private let updateProgress: Statement
    private let selectUnit: Statement
    private let selectCheckpoint: Statement
    private let selectReplay: Statement
    private let selectKnown: Statement

    /// Wraps an open database whose schema has been checked.
    private init(_ database: Database) throws(SQLiteError) {
        self.database = database
        let identity = try database.prepare("SELECT store_id FROM identity WHERE id = 1")
        _ = try identity.step()
        storeID = identity.text(at: 0)
        identity.reset()
        models = try ModelStore(database)
        log = try LogStore(database)
        insertReading = try database.prepare(
            """
            INSERT INTO readings (sequence, unit_id, installation, cycle, outcome, payload_hash,
              snapshot, received_at, unprotected, run_id, rul, rul_low, rul_high,
              failure_probability, flags, latency_us)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            """)
        insertQuarantine = try database.prepare(
            """
            INSERT INTO quarantine (sequence, topic, reason, payload_prefix, payload_size,
              payload_hash, received_at)
            VALUES (?, ?, ?, ?, ?, ?, ?)
            """)
        boundQuarantine = try database.prepare(
            """
            DELETE FROM quarantine WHERE sequence <= (SELECT sequence FROM quarantine
              ORDER BY sequence DESC LIMIT 1 OFFSET \(ProtocolLimits.quarantineCountMax))
            """)
        upsertUnit = try database.prepare(
            """
            INSERT INTO units (name, installation, last_cycle, received, scored, unscored,
              suppressed, late, quarantined, unprotected, missing_cycles)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
            ON CONFLICT (name) DO UPDATE SET installation = ?2, last_cycle = ?3, received = ?4,
              scored = ?5, unscored = ?6, suppressed = ?7, late = ?8, quarantined = ?9,
              unprotected = ?10, missing_cycles = ?11
            RETURNING unit_id
            """)
        upsertCheckpoint = try database.prepare(
            """
            INSERT INTO checkpoints (unit_id, feature_parameters, installation, cycle, state)
            VALUES (?1, ?2, ?3, ?4, ?5)
            ON CONFLICT (unit_id) DO UPDATE SET feature_parameters = ?2, installation = ?3,
              cycle = ?4, state = ?5
            """)
        updateProgress = try database.prepare(
            """
            UPDATE progress SET published_through = max(published_through, ?1), received = ?2,
              scored = ?3, unscored = ?4, suppressed = ?5, late = ?6, quarantined = ?7,
              unprotected = ?8, missing_cycles = ?9
            WHERE id = 1
            """)
        selectUnit = try database.prepare(
            """
            SELECT received, scored, unscored, suppressed, late, quarantined, unprotected,
              missing_cycles, installation, last_cycle
            FROM units WHERE name = ?
            """)
        selectCheckpoint = try database.prepare(
            """
            SELECT state FROM checkpoints
            WHERE unit_id = (SELECT unit_id FROM units WHERE name = ?1)
              AND feature_parameters = ?2 AND installation = ?3
            """)
        selectReplay = try database.prepare(
            """
            SELECT snapshot FROM readings
            WHERE unit_id = (SELECT unit_id FROM units WHERE name = ?1)
              AND installation = ?2 AND cycle > ?3 AND outcome IN (1, 2)
            ORDER BY cycle
            """)
        selectKnown = try database.prepare(
            """
            SELECT installation, payload_hash FROM readings
            WHERE unit_id = (SELECT unit_id FROM units WHERE name = ?1) AND cycle = ?2
            """)
    }

    /// Opens the file, or creates it under the name `newStoreID`.
    package static func open(path: String, newStoreID: String) throws(EdgeRuntimeError) -> EdgeStore
    {
        let version: Int64
        let database: Database
        do throws(SQLiteError) {
            database = try Database(path: path, mode: .readWriteCreate)
            version = try database.userVersion()
            if version == 0 { try create(in: database, storeID: newStoreID) }
        } catch {
            throw .store(error)
        }
        guard version <= Int64(Schema.version) else {
            throw .storeVersion(seen: version, supported: Schema.version, path: path)
        }
        do throws(SQLiteError) { return try EdgeStore(database) } catch { throw .store(error) }
    }

    private static func create(in database: Database, storeID: String) throws(SQLiteError) {
        try database.transaction { () throws(SQLiteError) in
            try database.execute(Schema.statements)
            let insert = try database.prepare("INSERT INTO identity VALUES (1, ?)")
            insert.bind(storeID, at: 1)
            try insert.run()
            try database.setUserVersion(Schema.version)
        }
    }

    /// Bytes of the database's used pages.
    package func size() throws(SQLiteError) -> Int64 {
        let pages = try database.scalar("PRAGMA page_count") ?? 0
        let free = try database.scalar("PRAGMA freelist_count") ?? 0
        return (pages - free) * (try database.scalar("PRAGMA page_size") ?? 0)
    }

    // MARK: Reading

    /// What the machine starts from, but for the active model.
    package func restore() throws(EdgeRuntimeError) -> EdgeCore.Restored {
        var restored = EdgeCore.Restored()
        do throws(SQLiteError) {
            let progress = try database.prepare(
                """
                SELECT received, scored, unscored, suppressed, late, quarantined, unprotected,
                  missing_cycles, published_through
                FROM progress WHERE id = 1
                """)
            _ = try progress.step()
            restored.accounting = Self.accounting(progress)
            restored.publishedThrough = progress.int64(at: 8)
            progress.reset()
            restored.lastSequence = try log.lastSequence()
            let troubled = try database.prepare(
                """
                SELECT received, scored, unscored, suppressed, late, quarantined, unprotected,
                  missing_cycles, name
                FROM units WHERE missing_cycles + quarantined + late > 0 LIMIT ?
                """)
            troubled.bind(ProtocolLimits.healthUnitCountMax, at: 1)
            while try troubled.step() {
                guard let unit = UnitIdentifier(troubled.text(at: 8)) else { continue }
                restored.troubledUnits[unit] = Self.accounting(troubled)
            }
        } catch {
            throw .store(error)
        }
        restored.shelf = try models.shelf()
        return restored
    }

    /// A unit's record and, under `parameters`, the readings that rebuild its feature state.
    package func history(
        of unit: UnitIdentifier, parameters: Digest?
    ) throws(EdgeRuntimeError) -> UnitHistory {
        do throws(SQLiteError) {
            defer { selectUnit.reset() }
            selectUnit.bind(unit.description, at: 1)
            guard try selectUnit.step() else {
                return UnitHistory(unit: unit, record: nil, checkpoint: nil, replay: [])
            }
            let record = UnitRecord(
                installation: Int32(truncatingIfNeeded: selectUnit.int64(at: 8)),
                lastCycle: Int32(truncatingIfNeeded: selectUnit.int64(at: 9)),
                accounting: Self.accounting(selectUnit))
            guard let parameters else {
                return UnitHistory(unit: unit, record: record, checkpoint: nil, replay: [])
            }
            let checkpoint = try checkpoint(
                of: unit, installation: record.installation, parameters: parameters)
            let replay = try replay(
                of: unit, installation: record.installation,
                after: checkpoint?.lastCycle?.cycles ?? 0)
            return UnitHistory(unit: unit, record: record, checkpoint: checkpoint, replay: replay)
        } catch {
            throw .store(error)
        }
    }

    private func checkpoint(
        of unit: UnitIdentifier, installation: Int32, parameters: Digest
    ) throws(SQLiteError) -> FeatureState? {
        defer { selectCheckpoint.reset() }
        selectCheckpoint.bind(unit.description, at: 1)
        selectCheckpoint.bind(parameters.bytes, at: 2)
        selectCheckpoint.bind(Int64(installation), at: 3)
        guard try selectCheckpoint.step() else { return nil }
        // An unreadable checkpoint costs a longer replay, nothing else.
        return FeatureState(encoded: selectCheckpoint.blob(at: 0))
    }

    private func replay(
        of unit: UnitIdentifier, installation: Int32, after cycle: Int32
    ) throws(SQLiteError) -> [Snapshot] {
        defer { selectReplay.reset() }
        selectReplay.bind(unit.description, at: 1)
        selectReplay.bind(Int64(installation), at: 2)
        selectReplay.bind(Int64(cycle), at: 3)
        var snapshots: [Snapshot] = []
        while try selectReplay.step() {
            guard let snapshot = Snapshot(canonicalBytes: selectReplay.blob(at: 0)) else {
                throw .failed(
                    code: 11, extendedCode: 11, message: "a stored snapshot is no snapshot",
                    sql: "readings of unit \(unit)", path: database.path)
            }
            snapshots.append(snapshot)
        }
        return snapshots
    }

    /// The rows of a unit and cycle, in all installations.
    package func known(
        _ unit: UnitIdentifier, cycle: CycleCount
    ) throws(EdgeRuntimeError) -> [KnownReading] {
        do throws(SQLiteError) {
            defer { selectKnown.reset() }
            selectKnown.bind(unit.description, at: 1)
            selectKnown.bind(Int64(cycle.cycles), at: 2)
            var known: [KnownReading] = []
            while try selectKnown.step() {
                guard let hash = Digest(bytes: selectKnown.blob(at: 1)) else { continue }
                known.append(
                    KnownReading(
                        installation: Int32(truncatingIfNeeded: selectKnown.int64(at: 0)),
                        payloadHash: hash))
            }
            return known
        } catch {
            throw .store(error)
        }
    }

    /// The eight counters of a row whose first columns they are.
    private static func accounting(_ row: Statement) -> Accounting {
        var accounting = Accounting()
        accounting.received = row.int64(at: 0)
        accounting.scored = row.int64(at: 1)
        accounting.unscored = row.int64(at: 2)
        accounting.suppressed = row.int64(at: 3)
        accounting.late = row.int64(at: 4)
        accounting.quarantined = row.int64(at: 5)
        accounting.unprotected = row.int64(at: 6)
        accounting.missingCycles = row.int64(at: 7)
        return accounting
    }

    // MARK: Writing

    /// Writes a batch: all of it is on disk when this returns, or nothing is.
    package func commit(_ batch: Batch) throws(SQLiteError) {
        try database.transaction { () throws(SQLiteError) in
            var unitIDs: [UnitIdentifier: Int64] = [:]
            for (unit, record) in batch.units { unitIDs[unit] = try write(unit, record) }
            for entry in batch.readings {
                guard let unitID = unitIDs[entry.key.unit] else {
                    preconditionFailure("a batch names every unit that it touches")
                }
                try write(entry, unitID: unitID)
            }
            for entry in batch.quarantined { try write(entry) }
            if !batch.quarantined.isEmpty { try boundQuarantine.run() }
            for checkpoint in batch.checkpoints {
                guard let unitID = unitIDs[checkpoint.unit] else {
                    preconditionFailure("a batch names every unit that it touches")
                }
                upsertCheckpoint.bind(unitID, at: 1)
                upsertCheckpoint.bind(checkpoint.parametersDigest.bytes, at: 2)
                upsertCheckpoint.bind(Int64(checkpoint.installation), at: 3)
                upsertCheckpoint.bind(Int64(checkpoint.cycle.cycles), at: 4)
                upsertCheckpoint.bind(checkpoint.state, at: 5)
                try upsertCheckpoint.run()
            }
            updateProgress.bind(batch.publishedThrough, at: 1)
            Self.bind(batch.accounting, to: updateProgress, from: 2)
            try updateProgress.run()
        }
    }

    private func write(
        _ unit: UnitIdentifier, _ record: UnitRecord
    ) throws(SQLiteError) -> Int64 {
        defer { upsertUnit.reset() }
        upsertUnit.bind(unit.description, at: 1)
        upsertUnit.bind(Int64(record.installation), at: 2)
        upsertUnit.bind(Int64(record.lastCycle), at: 3)
        Self.bind(record.accounting, to: upsertUnit, from: 4)
        guard try upsertUnit.step() else { preconditionFailure("RETURNING returns a row") }
        let unitID = upsertUnit.int64(at: 0)
        // The write is complete only once the statement has run to its end.
        _ = try upsertUnit.step()
        return unitID
    }

    private func write(_ entry: ReadingEntry, unitID: Int64) throws(SQLiteError) {
        let row = insertReading
        row.bind(entry.sequence, at: 1)
        row.bind(unitID, at: 2)
        row.bind(Int64(entry.key.installation), at: 3)
        row.bind(Int64(entry.key.cycle.cycles), at: 4)
        row.bind(Int64(entry.outcome.rawValue), at: 5)
        row.bind(entry.payloadHash.bytes, at: 6)
        row.bind(entry.snapshot.canonicalBytes, at: 7)
        row.bind(entry.receivedAt, at: 8)
        row.bind(entry.unprotected ? 1 as Int64 : 0, at: 9)
        if let scoring = entry.scoring {
            row.bind(scoring.runID, at: 10)
            row.bind(Double(scoring.prediction.rul), at: 11)
            row.bind(Double(scoring.prediction.rulLow), at: 12)
            row.bind(Double(scoring.prediction.rulHigh), at: 13)
            row.bind(Double(scoring.prediction.failureProbability), at: 14)
            row.bind(Int64(scoring.prediction.flags.rawValue), at: 15)
            row.bind(scoring.latencyMicros, at: 16)
        } else {
            for column in 10...16 as ClosedRange<Int32> { row.bindNull(at: column) }
        }
        try row.run()
    }

    private func write(_ entry: QuarantineEntry) throws(SQLiteError) {
        let row = insertQuarantine
        row.bind(entry.sequence, at: 1)
        row.bind(entry.topic, at: 2)
        row.bind(entry.reason, at: 3)
        row.bind(entry.payloadPrefix, at: 4)
        row.bind(entry.payloadSize, at: 5)
        row.bind(entry.payloadHash.bytes, at: 6)
        row.bind(entry.receivedAt, at: 7)
        try row.run()
    }

    private static func bind(
        _ accounting: Accounting, to row: Statement, from index: Int32
    ) {
        let counters = [
            accounting.received, accounting.scored, accounting.unscored, accounting.suppressed,
            accounting.late, accounting.quarantined, accounting.unprotected,
            accounting.missingCycles,
        ]
        for (offset, counter) in counters.enumerated() {
            row.bind(counter, at: index + Int32(offset))
        }
    }
}
