package import EdgeCore
package import EdgeProtocol
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

    let database: Database
    let life: EventStore
    package let released: ReleasedStore
    private let writer: BatchWriter
    private var budget: StoreBudget?
    private let selectUnit: Statement
    private let selectCheckpoint: Statement
    private let selectReplay: Statement
    private let selectKnown: Statement

    /// Wraps an open database whose schema has been checked.
    private init(_ database: Database) throws(SQLiteError) {
        self.database = database
        let identity = try database.prepare("SELECT store_id FROM identity WHERE id = 1")
        guard try identity.step(), UnitIdentifier(identity.text(at: 0)) != nil else {
            throw .damaged("the store has no name", in: "identity", path: database.path)
        }
        storeID = identity.text(at: 0)
        identity.reset()
        models = try ModelStore(database)
        released = try ReleasedStore(database)
        life = try EventStore(database, released)
        log = try LogStore(database, life)
        writer = try BatchWriter(database, life)
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
    package static func open(
        path: String, newStoreID: String, configuration: Database.Configuration = .init()
    ) throws(EdgeRuntimeError) -> EdgeStore {
        let version: Int64
        let database: Database
        do throws(SQLiteError) {
            database = try Database(
                path: path, mode: .readWriteCreate, configuration: configuration)
            version = try database.userVersion()
        } catch {
            throw .store(error)
        }
        guard version <= Int64(Schema.version) else {
            throw .storeVersion(seen: version, supported: Schema.version, path: path)
        }
        do throws(SQLiteError) {
            if version < Int64(Schema.version) {
                try Schema.migrate(database, from: version, newStoreID: newStoreID)
            }
            return try EdgeStore(database)
        } catch {
            throw .store(error)
        }
    }

    /// Bytes of the database's used pages.
    package func size() throws(SQLiteError) -> Int64 {
        let pages = try database.scalar("PRAGMA page_count") ?? 0
        let free = try database.scalar("PRAGMA freelist_count") ?? 0
        return (pages - free) * (try database.scalar("PRAGMA page_size") ?? 0)
    }

    /// Units that were ever heard of.
    package func unitCount() throws(EdgeRuntimeError) -> Int64 {
        do throws(SQLiteError) {
            return try database.scalar("SELECT count(*) FROM units") ?? 0
        } catch {
            throw .store(error)
        }
    }

    /// The latest day that readings came in, counted from 1970 by the device's clock.
    package func lastDay() throws(EdgeRuntimeError) -> Int64? {
        do throws(SQLiteError) {
            return try database.scalar("SELECT max(day) FROM growth")
        } catch {
            throw .store(error)
        }
    }

    /// Keeps the file within a budget from now on, with a ballast beside it.
    package func keep(within budget: DiskBudget) throws(EdgeRuntimeError) {
        let folder = StoreFiles(path: database.path).folder
        let ballast = Ballast(folder: folder, size: DiskBudget.ballastSize)
        _ = ballast.lay()
        do throws(SQLiteError) {
            self.budget = try StoreBudget(
                database, released, budget: budget, ballast: ballast)
        } catch {
            throw .store(error)
        }
    }

    /// Writes a batch: all of it is on disk when this returns, or nothing is.
    ///
    /// Before that what the budget asks for is released.
    package func commit(_ batch: Batch) throws(SQLiteError) {
        try budget?.makeRoom()
        do throws(SQLiteError) {
            try writer.commit(batch)
        } catch {
            guard error.isFull, let budget, try budget.makeRoomOnFullDisk() else { throw error }
            try writer.commit(batch)
        }
    }

    /// Remembers how far pages are durable in the back office: on a full disk that is what helps.
    package func storePulled(through sequence: Int64) throws(EdgeRuntimeError) {
        try withBallast { () throws(EdgeRuntimeError) in try log.setPulled(through: sequence) }
    }

    /// Remembers how far predictions are with the broker.
    package func storePublished(through sequence: Int64) throws(EdgeRuntimeError) {
        try withBallast { () throws(EdgeRuntimeError) in try log.setPublished(through: sequence) }
    }

    /// Runs a small write, on a full disk at the expense of the ballast.
    private func withBallast(
        _ write: () throws(EdgeRuntimeError) -> Void
    ) throws(EdgeRuntimeError) {
        do throws(EdgeRuntimeError) {
            try write()
        } catch {
            guard case .store(let reason) = error, reason.isFull, budget?.ballast.drop() == true
            else { throw error }
            try write()
        }
    }

    /// What the disk holds of its budget; `nil` without one.
    package func diskReport() throws(EdgeRuntimeError) -> DiskReport? {
        do throws(SQLiteError) { return try budget?.report() } catch { throw .store(error) }
    }

    /// Closes the file; the store is of no further use.
    package func close() { database.close() }

    /// Where the file is.
    package var path: String { database.path }

    /// What SQLite finds wrong with the file, all of which it reads; `nil` for a sound one.
    package func firstDamage() throws(EdgeRuntimeError) -> String? {
        do throws(SQLiteError) { return try database.quickCheck(limit: 1).first } catch {
            throw .store(error)
        }
    }

    // MARK: Reading

    /// What the machine starts from, but for the active model.
    package func restore() throws(EdgeRuntimeError) -> EdgeCore.Restored {
        var restored = EdgeCore.Restored()
        do throws(SQLiteError) {
            let progress = try database.prepare(
                """
                SELECT received, scored, unscored, suppressed, late, quarantined, unprotected,
                  missing_cycles, published_through, last_sequence
                FROM progress WHERE id = 1
                """)
            guard try progress.step(), Accounting(progress).isBalanced else {
                throw .damaged("the counters do not add up", in: "progress", path: database.path)
            }
            restored.accounting = Accounting(progress)
            restored.publishedThrough = progress.int64(at: 8)
            restored.lastSequence = progress.int64(at: 9)
            progress.reset()
            restored.salvages = try salvages().filter { report in
                Files.exists(StoreFiles(path: database.path).sibling(report.setAside))
            }
            let troubled = try database.prepare(
                """
                SELECT received, scored, unscored, suppressed, late, quarantined, unprotected,
                  missing_cycles, name
                FROM units WHERE missing_cycles + quarantined + late > 0 LIMIT ?
                """)
            troubled.bind(ProtocolLimits.healthUnitCountMax, at: 1)
            while try troubled.step() {
                guard let unit = UnitIdentifier(troubled.text(at: 8)) else { continue }
                restored.troubledUnits[unit] = Accounting(troubled)
            }
        } catch {
            throw .store(error)
        }
        restored.shelf = try models.shelf()
        return restored
    }

    /// A unit's record and, under `parameters`, the readings that rebuild its feature state, after
    /// a checkpoint that is no newer than `limit`.
    package func history(
        of unit: UnitIdentifier, parameters: Digest?, checkpointThrough limit: CycleCount? = nil
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
                accounting: Accounting(selectUnit))
            let marks = try life.marks(of: unit, installation: record.installation)
            guard let parameters else {
                return UnitHistory(
                    unit: unit, record: record, checkpoint: nil, replay: [], marks: marks)
            }
            var checkpoint = try checkpoint(
                of: unit, installation: record.installation, parameters: parameters)
            if let limit, let last = checkpoint?.lastCycle, last > limit { checkpoint = nil }
            let replay = try replay(
                of: unit, installation: record.installation,
                after: checkpoint?.lastCycle?.cycles ?? 0)
            return UnitHistory(
                unit: unit, record: record, checkpoint: checkpoint, replay: replay, marks: marks)
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
        return CheckpointSeal.state(of: selectCheckpoint.blob(at: 0))
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
                throw .damaged(
                    "a stored snapshot is none", in: "readings of unit \(unit)",
                    path: database.path)
            }
            snapshots.append(snapshot)
        }
        return snapshots
    }

    /// What is known of a unit and cycle, in all installations, released readings included.
    package func known(
        _ unit: UnitIdentifier, cycle: CycleCount
    ) throws(EdgeRuntimeError) -> [KnownReading] {
        do throws(SQLiteError) {
            defer { selectKnown.reset() }
            selectKnown.bind(unit.description, at: 1)
            selectKnown.bind(Int64(cycle.cycles), at: 2)
            var known: [KnownReading] = []
            while try selectKnown.step() {
                guard let hash = Digest(bytes: selectKnown.blob(at: 1)) else {
                    throw .damaged(
                        "a hash is none", in: "readings of unit \(unit)", path: database.path)
                }
                known.append(
                    KnownReading(
                        installation: Int32(truncatingIfNeeded: selectKnown.int64(at: 0)),
                        payloadHash: hash))
            }
            return known + (try released.known(unit, cycle: cycle.cycles))
        } catch {
            throw .store(error)
        }
    }

    /// The damage that this store's forerunners took, oldest first.
    private func salvages() throws(SQLiteError) -> [SalvageReport] {
        let select = try database.prepare(
            "SELECT set_aside, reason, at, readings, lost FROM salvages ORDER BY id")
        var reports: [SalvageReport] = []
        while try select.step() {
            reports.append(
                SalvageReport(
                    setAside: select.text(at: 0), reason: select.text(at: 1),
                    at: select.int64(at: 2), readings: select.int64(at: 3),
                    lost: select.isNull(at: 4) ? nil : select.int64(at: 4)))
        }
        return reports
    }
}

extension Accounting {
    /// The eight counters of a row, of which `first` is the first column.
    init(_ row: Statement, from first: Int32 = 0) {
        self.init()
        received = row.int64(at: first)
        scored = row.int64(at: first + 1)
        unscored = row.int64(at: first + 2)
        suppressed = row.int64(at: first + 3)
        late = row.int64(at: first + 4)
        quarantined = row.int64(at: first + 5)
        unprotected = row.int64(at: first + 6)
        missingCycles = row.int64(at: first + 7)
    }
}
