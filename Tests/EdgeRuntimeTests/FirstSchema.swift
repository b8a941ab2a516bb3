import SQLite
import Testing

/// A device store as release 0.1.0 made it, with its SQL: what an update finds on a device.
enum FirstSchema {
    /// Creates the file with one unit of three readings, one refused payload and a model.
    static func create(at path: String) throws {
        let database = try Database(path: path, mode: .readWriteCreate)
        try database.transaction { () throws(SQLiteError) in
            try database.execute(tables)
            try database.execute(rows)
            try database.setUserVersion(1)
        }
        database.close()
    }

    private static let tables = """
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

    /// Snapshots are a cycle as Int32 and 24 Float32, all little-endian; here all channels are 0.
    private static var rows: String {
        func zeros(_ count: Int) -> String { String(repeating: "00", count: count) }
        let readings = (1...3).map { cycle in
            "(\(cycle), 1, 1, \(cycle), 1, x'0\(cycle)\(zeros(31))', "
                + "x'0\(cycle)\(zeros(99))', 1000, 0, 'run', 80.25, 60.0, 100.5, 0.125, 3, 42)"
        }
        return """
            INSERT INTO identity VALUES (1, 'a-device');
            INSERT INTO units VALUES (1, 'u1', 1, 3, 5, 3, 0, 1, 0, 1, 0, 0);
            INSERT INTO readings VALUES \(readings.joined(separator: ", "));
            INSERT INTO quarantine VALUES (4, 'topic', 'reason', x'00ff', 2, zeroblob(32), 1000);
            UPDATE progress SET published_through = 2, pulled_through = 1, received = 5,
              scored = 3, suppressed = 1, quarantined = 1;
            INSERT INTO slots VALUES ('active', zeroblob(32));
            INSERT INTO blocks VALUES (zeroblob(32), 0, x'010203');
            INSERT INTO refusals VALUES (zeroblob(32), 7, 'why');
            """
    }
}
