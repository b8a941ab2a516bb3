import SQLite

/// The device's tables; `user_version` counts their versions.
///
/// A version that a release has written never changes again: what comes later is one more
/// migration. An empty file has version 0, and goes through all of them.
enum Schema {
    /// The version that this binary writes; it reads every earlier one.
    static let version = Int32(migrations.count)

    /// What leads from each version to the next, from 0 on.
    static let migrations = [
        readingsAndModels, releaseAndSalvage, eventsAndTrials, boundedReleaseAndSessions,
    ]

    /// Brings a file of an earlier version up to ``version``: all of the way, or not at all.
    static func migrate(
        _ database: Database, from version: Int64, newStoreID: String
    ) throws(SQLiteError) {
        try database.transaction { () throws(SQLiteError) in
            for migration in migrations.dropFirst(Int(version)) {
                try database.execute(migration)
            }
            if version < 4 {
                try ReleasedStore.takeOverRows(database)
                try database.execute("DROP TABLE released_rows")
            }
            if version == 0 {
                let insert = try database.prepare("INSERT INTO identity VALUES (1, ?)")
                insert.bind(newStoreID, at: 1)
                try insert.run()
            }
            try database.setUserVersion(Self.version)
        }
    }

    /// Version 1: readings, counters, models.
    private static let readingsAndModels = """
        CREATE TABLE identity (
          id INTEGER PRIMARY KEY CHECK (id = 1),
          store_id TEXT NOT NULL
        ) STRICT;
        CREATE TABLE progress (
          id INTEGER PRIMARY KEY CHECK (id = 1),
          published_through INTEGER NOT NULL,
          pulled_through INTEGER NOT NULL,
          received INTEGER NOT NULL, scored INTEGER NOT NULL, unscored INTEGER NOT NULL,
          suppressed INTEGER NOT NULL, late INTEGER NOT NULL, quarantined INTEGER NOT NULL,
          unprotected INTEGER NOT NULL, missing_cycles INTEGER NOT NULL
        ) STRICT;
        INSERT INTO progress VALUES (1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
        CREATE TABLE units (
          unit_id INTEGER PRIMARY KEY,
          name TEXT NOT NULL UNIQUE,
          installation INTEGER NOT NULL,
          last_cycle INTEGER NOT NULL,
          received INTEGER NOT NULL, scored INTEGER NOT NULL, unscored INTEGER NOT NULL,
          suppressed INTEGER NOT NULL, late INTEGER NOT NULL, quarantined INTEGER NOT NULL,
          unprotected INTEGER NOT NULL, missing_cycles INTEGER NOT NULL
        ) STRICT;
        CREATE TABLE readings (
          sequence INTEGER PRIMARY KEY,
          unit_id INTEGER NOT NULL REFERENCES units (unit_id),
          installation INTEGER NOT NULL,
          cycle INTEGER NOT NULL,
          outcome INTEGER NOT NULL CHECK (outcome IN (1, 2, 3)),
          payload_hash BLOB NOT NULL,
          snapshot BLOB NOT NULL,
          received_at INTEGER NOT NULL,
          unprotected INTEGER NOT NULL,
          run_id TEXT,
          rul REAL, rul_low REAL, rul_high REAL, failure_probability REAL,
          flags INTEGER,
          latency_us INTEGER,
          CHECK ((outcome = 1) = (run_id IS NOT NULL))
        ) STRICT;
        CREATE UNIQUE INDEX reading_key ON readings (unit_id, cycle, installation);
        CREATE TABLE quarantine (
          sequence INTEGER PRIMARY KEY,
          topic TEXT NOT NULL,
          reason TEXT NOT NULL,
          payload_prefix BLOB NOT NULL,
          payload_size INTEGER NOT NULL,
          payload_hash BLOB NOT NULL,
          received_at INTEGER NOT NULL
        ) STRICT;
        CREATE TABLE checkpoints (
          unit_id INTEGER PRIMARY KEY REFERENCES units (unit_id),
          feature_parameters BLOB NOT NULL,
          installation INTEGER NOT NULL,
          cycle INTEGER NOT NULL,
          state BLOB NOT NULL
        ) STRICT;
        CREATE TABLE slots (
          name TEXT PRIMARY KEY CHECK (name IN ('candidate', 'active', 'fallback')),
          bundle BLOB NOT NULL
        ) STRICT;
        CREATE TABLE offers (
          id INTEGER PRIMARY KEY CHECK (id = 1),
          counter INTEGER NOT NULL,
          signed BLOB NOT NULL
        ) STRICT;
        CREATE TABLE blocks (
          bundle BLOB NOT NULL,
          block INTEGER NOT NULL,
          bytes BLOB NOT NULL,
          PRIMARY KEY (bundle, block)
        ) STRICT;
        CREATE TABLE refusals (
          bundle BLOB NOT NULL,
          counter INTEGER NOT NULL,
          reason TEXT NOT NULL,
          PRIMARY KEY (bundle, counter)
        ) STRICT;
        """

    /// Version 2: what a released reading leaves behind, how fast the log grows, what damage cost.
    ///
    /// Sequences go on from `last_sequence`, because the newest row may have been released. A row
    /// of `released` keeps a reading's key and hash, so that a repeat is still known as one.
    private static let releaseAndSalvage = """
        ALTER TABLE progress ADD COLUMN last_sequence INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE progress ADD COLUMN released INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE progress ADD COLUMN released_unpulled INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE progress ADD COLUMN quarantine_released INTEGER NOT NULL DEFAULT 0;
        UPDATE progress SET last_sequence = max(
          (SELECT coalesce(max(sequence), 0) FROM readings),
          (SELECT coalesce(max(sequence), 0) FROM quarantine));
        CREATE TABLE released (
          unit_id INTEGER NOT NULL REFERENCES units (unit_id),
          cycle INTEGER NOT NULL,
          installation INTEGER NOT NULL,
          payload_hash BLOB NOT NULL,
          PRIMARY KEY (unit_id, cycle, installation)
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE growth (
          day INTEGER PRIMARY KEY,
          readings INTEGER NOT NULL
        ) STRICT;
        CREATE TABLE salvages (
          id INTEGER PRIMARY KEY,
          set_aside TEXT NOT NULL,
          reason TEXT NOT NULL,
          at INTEGER NOT NULL,
          readings INTEGER NOT NULL,
          lost INTEGER
        ) STRICT;
        """

    /// Version 3: events of engines' lives, models on trial, and candidates that are held.
    private static let eventsAndTrials = """
        CREATE TABLE events (
          sequence INTEGER PRIMARY KEY,
          unit_id INTEGER NOT NULL REFERENCES units (unit_id),
          installation INTEGER NOT NULL,
          kind INTEGER NOT NULL CHECK (kind IN (1, 2, 3)),
          cycle INTEGER NOT NULL,
          payload_hash BLOB NOT NULL,
          received_at INTEGER NOT NULL,
          unprotected INTEGER NOT NULL
        ) STRICT;
        CREATE UNIQUE INDEX event_key ON events (unit_id, installation, kind, cycle);
        ALTER TABLE refusals ADD COLUMN held INTEGER NOT NULL DEFAULT 0;
        CREATE TABLE trials (
          bundle BLOB PRIMARY KEY,
          starts INTEGER NOT NULL
        ) STRICT;
        """

    /// Version 4: released readings in bounded space, and whether the broker keeps the session.
    ///
    /// A row of `released` holds what ``ReleasedCycles`` encodes.
    private static let boundedReleaseAndSessions = """
        ALTER TABLE released RENAME TO released_rows;
        CREATE TABLE released (
          unit_id INTEGER NOT NULL REFERENCES units (unit_id),
          installation INTEGER NOT NULL,
          cycles BLOB NOT NULL,
          first_hash BLOB,
          newest BLOB NOT NULL,
          PRIMARY KEY (unit_id, installation)
        ) STRICT;
        ALTER TABLE progress ADD COLUMN has_session INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE progress ADD COLUMN sessions_lost INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE progress ADD COLUMN session_lost_at INTEGER NOT NULL DEFAULT 0;
        """
}
