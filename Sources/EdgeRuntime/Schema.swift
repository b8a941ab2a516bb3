import SQLite

/// The device's tables; `user_version` counts their versions.
enum Schema {
    /// The version that this binary reads and writes.
    static let version: Int32 = 1

    /// Creates the tables of version 1 in an empty file.
    static let statements = """
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
}
