import EdgeCore
import EdgeProtocol
import Prognostics
import SQLite

/// Writes batches: one transaction each, synced when it returns.
final class BatchWriter {
    private static let dayMillis: Int64 = 86_400_000
    /// Days whose growth is remembered.
    private static let growthDaysMax = 30

    private let database: Database
    private let life: EventStore
    private let insertReading: Statement
    private let insertQuarantine: Statement
    private let boundQuarantine: Statement
    private let upsertUnit: Statement
    private let upsertCheckpoint: Statement
    private let updateProgress: Statement
    private let upsertGrowth: Statement
    private let boundGrowth: Statement

    init(_ database: Database, _ life: EventStore) throws(SQLiteError) {
        self.database = database
        self.life = life
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
              unprotected = ?8, missing_cycles = ?9, last_sequence = max(last_sequence, ?10)
            WHERE id = 1
            """)
        upsertGrowth = try database.prepare(
            """
            INSERT INTO growth (day, readings) VALUES (?1, ?2)
            ON CONFLICT (day) DO UPDATE SET readings = readings + ?2
            """)
        boundGrowth = try database.prepare(
            """
            DELETE FROM growth WHERE day <= (SELECT day FROM growth
              ORDER BY day DESC LIMIT 1 OFFSET \(Self.growthDaysMax))
            """)
    }

    /// Writes a batch: all of it is on disk when this returns, or nothing is.
    func commit(_ batch: Batch) throws(SQLiteError) {
        try database.transaction { () throws(SQLiteError) in
            var unitIDs: [UnitIdentifier: Int64] = [:]
            for (unit, record) in batch.units { unitIDs[unit] = try write(unit, record) }
            for entry in batch.readings {
                guard let unitID = unitIDs[entry.key.unit] else {
                    preconditionFailure("a batch names every unit that it touches")
                }
                try write(entry, unitID: unitID)
            }
            if let last = batch.readings.last {
                upsertGrowth.bind(last.receivedAt / Self.dayMillis, at: 1)
                upsertGrowth.bind(batch.readings.count, at: 2)
                try upsertGrowth.run()
                try boundGrowth.run()
            }
            for entry in batch.quarantined { try write(entry) }
            if !batch.quarantined.isEmpty { try boundQuarantine.run() }
            for entry in batch.events {
                guard let unitID = unitIDs[entry.unit] else {
                    preconditionFailure("a batch names every unit that it touches")
                }
                try life.write(entry, unitID: unitID)
            }
            for unit in batch.staleCheckpoints {
                if let unitID = unitIDs[unit] { try life.dropCheckpoint(unitID: unitID) }
            }
            for checkpoint in batch.checkpoints {
                guard let unitID = unitIDs[checkpoint.unit] else {
                    preconditionFailure("a batch names every unit that it touches")
                }
                upsertCheckpoint.bind(unitID, at: 1)
                upsertCheckpoint.bind(checkpoint.parametersDigest.bytes, at: 2)
                upsertCheckpoint.bind(Int64(checkpoint.installation), at: 3)
                upsertCheckpoint.bind(Int64(checkpoint.cycle.cycles), at: 4)
                upsertCheckpoint.bind(CheckpointSeal.sealed(checkpoint.state), at: 5)
                try upsertCheckpoint.run()
            }
            updateProgress.bind(batch.publishedThrough, at: 1)
            let last = max(
                batch.readings.last?.sequence ?? 0, batch.quarantined.last?.sequence ?? 0,
                batch.events.last?.sequence ?? 0)
            updateProgress.bind(last, at: 10)
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
