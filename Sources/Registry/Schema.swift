extension Registry {
    /// What brings a registry from the version it has to the newest one, in order.
    static func statements(from version: Int64) -> [String] {
        let base =
            switch version {
            case 0: [schema2]
            case 1: [upgradeFrom1]
            default: [] as [String]
            }
        return base + upgrades.dropFirst(max(0, Int(version) - 2))
    }

    /// What turns schema 2 into 3, 3 into 4 and so on; a change of the schema is appended here.
    static let upgrades = [claims, gates, rolloutTables, alertTables]

    private static let schema2 = """
        CREATE TABLE data_sets (
            config_hash TEXT PRIMARY KEY,
            object_key TEXT NOT NULL,
            -- Grows with each preprocess, so the newest data set is known without a clock.
            use INTEGER NOT NULL UNIQUE
        ) STRICT;
        CREATE TABLE runs (
            run_id TEXT PRIMARY KEY,
            config_hash TEXT NOT NULL,
            model_type TEXT NOT NULL,
            parameters TEXT NOT NULL,
            seed INTEGER NOT NULL,
            status TEXT NOT NULL CHECK (status IN ('RUNNING', 'SUCCESS', 'FAILED')),
            reason TEXT NOT NULL DEFAULT '',
            start_time INTEGER NOT NULL,
            end_time INTEGER,
            bundle_key TEXT,
            bundle_digest TEXT,
            bundle_size INTEGER,
            CHECK ((status = 'SUCCESS') = (bundle_key IS NOT NULL))
        ) STRICT;
        CREATE INDEX runs_by_config ON runs (config_hash, model_type);
        CREATE TABLE model_versions (
            version INTEGER PRIMARY KEY AUTOINCREMENT,
            run_id TEXT NOT NULL UNIQUE REFERENCES runs (run_id)
        ) STRICT;
        CREATE TABLE promotion_history (
            sequence INTEGER PRIMARY KEY AUTOINCREMENT,
            time INTEGER NOT NULL,
            decision TEXT NOT NULL CHECK (decision IN ('promoted', 'kept', 'held')),
            config_hash TEXT NOT NULL,
            version INTEGER NOT NULL REFERENCES model_versions (version),
            score REAL NOT NULL,
            reasons TEXT NOT NULL,
            -- The highest version among the candidates; 0 where schema 1 did not say.
            newest_version INTEGER NOT NULL DEFAULT 0
        ) STRICT;
        CREATE TABLE official_scorings (
            sequence INTEGER PRIMARY KEY AUTOINCREMENT,
            time INTEGER NOT NULL,
            purpose TEXT NOT NULL,
            version INTEGER NOT NULL REFERENCES model_versions (version),
            test_digest TEXT NOT NULL,
            rul_digest TEXT NOT NULL,
            report TEXT NOT NULL
        ) STRICT;
        CREATE TABLE releases (
            target TEXT NOT NULL,
            counter INTEGER NOT NULL CHECK (counter > 0),
            time INTEGER NOT NULL,
            content TEXT NOT NULL,
            expires INTEGER NOT NULL,
            offer BLOB NOT NULL,
            PRIMARY KEY (target, counter)
        ) STRICT;
        CREATE TABLE log_cursors (
            fleet TEXT NOT NULL,
            agent TEXT NOT NULL,
            store_id TEXT NOT NULL,
            sequence INTEGER NOT NULL,
            PRIMARY KEY (fleet, agent)
        ) STRICT;
        """
        + appendOnlyTables.map(appendOnly).joined()

    /// Triggers that refuse every change of a table's rows.
    private static func appendOnly(_ table: String) -> String {
        ["UPDATE", "DELETE"].map { change in
            """

            CREATE TRIGGER \(table)_no_\(change) BEFORE \(change) ON \(table)
            BEGIN SELECT RAISE(ABORT, 'this history is append-only'); END;
            """
        }.joined()
    }

    /// Turns schema 1 into schema 2.
    private static let upgradeFrom1 =
        "ALTER TABLE promotion_history ADD COLUMN newest_version INTEGER NOT NULL DEFAULT 0"

    /// Schema 3: runs that are to be made, for whoever trains.
    private static let claims = """
        CREATE TABLE claims (
            run_id TEXT PRIMARY KEY,
            config_hash TEXT NOT NULL,
            model_type TEXT NOT NULL,
            parameters TEXT NOT NULL,
            members TEXT NOT NULL,
            seed INTEGER NOT NULL,
            state TEXT NOT NULL CHECK (state IN ('OPEN', 'LEASED', 'SETTLED')),
            -- Grows with every lease and never goes back: it fences off a holder that is late.
            attempt INTEGER NOT NULL DEFAULT 0,
            -- Attempts that ended without a bundle since the claim was posted.
            failures INTEGER NOT NULL DEFAULT 0,
            attempts_max INTEGER NOT NULL CHECK (attempts_max > 0),
            holder TEXT NOT NULL DEFAULT '',
            -- Seconds since 1970 by this file's machine; NULL for as long as the workspace's lock.
            renewed INTEGER,
            lease_seconds INTEGER,
            CHECK ((renewed IS NULL) = (lease_seconds IS NULL))
        ) STRICT;
        CREATE INDEX claims_by_config ON claims (config_hash, state);
        """

    /// Schema 4: what each gate said about a candidate, and decisions that an operator took.
    private static let gates =
        """
        ALTER TABLE promotion_history
            -- A promotion of an earlier version, by an operator.
            ADD COLUMN is_rollback INTEGER NOT NULL DEFAULT 0 CHECK (is_rollback IN (0, 1));
        CREATE TABLE promotion_gates (
            decision INTEGER NOT NULL REFERENCES promotion_history (sequence),
            -- In the order of judgement, from 1.
            place INTEGER NOT NULL CHECK (place > 0),
            gate TEXT NOT NULL,
            value REAL,
            promoted REAL,
            value_limit REAL,
            bound REAL,
            outcome TEXT NOT NULL CHECK (outcome IN ('passed', 'failed', 'not applicable')),
            reason TEXT NOT NULL,
            PRIMARY KEY (decision, place)
        ) STRICT;
        """ + appendOnly("promotion_gates")

    /// The schema that an upgrade makes.
    static func version(of upgrade: String) -> Int64 {
        guard let place = upgrades.firstIndex(of: upgrade) else {
            preconditionFailure("an upgrade stands in the list")
        }
        return Int64(3 + place)
    }

    private static let appendOnlyTables = [
        "promotion_history", "official_scorings", "releases", "model_versions",
    ]
}
