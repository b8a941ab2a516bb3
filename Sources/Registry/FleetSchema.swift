/// What the registry keeps about a fleet: rollouts, sightings, nights and alerts.
extension Registry {
    /// Rollouts with their events, and when agents were seen.
    static let rolloutTables = """
        CREATE TABLE rollouts (
            rollout INTEGER PRIMARY KEY AUTOINCREMENT,
            target TEXT NOT NULL,
            version INTEGER NOT NULL REFERENCES model_versions (version),
            former_version INTEGER NOT NULL REFERENCES model_versions (version),
            -- The former version's offer, which stands for everybody who is not reached.
            former_counter INTEGER NOT NULL,
            -- The candidate's newest offer; 0 before the first.
            counter INTEGER NOT NULL,
            disagreement_max REAL NOT NULL,
            active INTEGER NOT NULL CHECK (active IN (0, 1)),
            -- JSON of the rollout's machine.
            state TEXT NOT NULL,
            start_time INTEGER NOT NULL,
            change_time INTEGER NOT NULL
        ) STRICT;
        CREATE UNIQUE INDEX one_active_rollout ON rollouts (target) WHERE active = 1;
        CREATE TABLE rollout_events (
            sequence INTEGER PRIMARY KEY AUTOINCREMENT,
            rollout INTEGER NOT NULL REFERENCES rollouts (rollout),
            time INTEGER NOT NULL,
            word TEXT NOT NULL,
            detail TEXT NOT NULL
        ) STRICT;
        CREATE INDEX events_by_rollout ON rollout_events (rollout);
        CREATE TABLE sightings (
            target TEXT NOT NULL,
            agent TEXT NOT NULL,
            last_seen INTEGER NOT NULL,
            PRIMARY KEY (target, agent)
        ) STRICT;
        CREATE TRIGGER rollout_events_no_UPDATE BEFORE UPDATE ON rollout_events
        BEGIN SELECT RAISE(ABORT, 'this history is append-only'); END;
        CREATE TRIGGER rollout_events_no_DELETE BEFORE DELETE ON rollout_events
        BEGIN SELECT RAISE(ABORT, 'this history is append-only'); END;
        """

    /// Nights with how they ended, and what each receiver of alerts has been told.
    static let alertTables = """
        CREATE TABLE nights (
            night INTEGER PRIMARY KEY AUTOINCREMENT,
            target TEXT NOT NULL,
            start_time INTEGER NOT NULL,
            -- NULL while it runs, and for ever if its process was killed.
            end_time INTEGER,
            outcome TEXT CHECK (outcome IN ('DONE', 'HELD', 'FAILED')),
            detail TEXT NOT NULL DEFAULT '',
            -- JSON of the agents at its end; empty when the broker could not be asked.
            fleet TEXT NOT NULL DEFAULT '',
            CHECK ((end_time IS NULL) = (outcome IS NULL))
        ) STRICT;
        CREATE INDEX nights_by_target ON nights (target, night);
        CREATE TABLE alerts (
            target TEXT NOT NULL,
            receiver TEXT NOT NULL,
            -- JSON of the machine: what is firing, and what was said when.
            state TEXT NOT NULL,
            PRIMARY KEY (target, receiver)
        ) STRICT;
        """
}
