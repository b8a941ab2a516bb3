/// Registries as earlier programs made them.
enum OldRegistry {
    /// Schema 2, word for word.
    static let schema2 = """
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
        CREATE TRIGGER promotion_history_no_UPDATE BEFORE UPDATE ON promotion_history
        BEGIN SELECT RAISE(ABORT, 'this history is append-only'); END;
        CREATE TRIGGER promotion_history_no_DELETE BEFORE DELETE ON promotion_history
        BEGIN SELECT RAISE(ABORT, 'this history is append-only'); END;
        CREATE TRIGGER official_scorings_no_UPDATE BEFORE UPDATE ON official_scorings
        BEGIN SELECT RAISE(ABORT, 'this history is append-only'); END;
        CREATE TRIGGER official_scorings_no_DELETE BEFORE DELETE ON official_scorings
        BEGIN SELECT RAISE(ABORT, 'this history is append-only'); END;
        CREATE TRIGGER releases_no_UPDATE BEFORE UPDATE ON releases
        BEGIN SELECT RAISE(ABORT, 'this history is append-only'); END;
        CREATE TRIGGER releases_no_DELETE BEFORE DELETE ON releases
        BEGIN SELECT RAISE(ABORT, 'this history is append-only'); END;
        CREATE TRIGGER model_versions_no_UPDATE BEFORE UPDATE ON model_versions
        BEGIN SELECT RAISE(ABORT, 'this history is append-only'); END;
        CREATE TRIGGER model_versions_no_DELETE BEFORE DELETE ON model_versions
        BEGIN SELECT RAISE(ABORT, 'this history is append-only'); END;
        """

    /// What schema 3 added, word for word.
    static let claims = """
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
}
