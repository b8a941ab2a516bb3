import SQLite

/// A rollout as it is on record.
package struct RolloutRecord: Equatable, Sendable {
    /// Counts the rollouts, from 1.
    package let number: Int64
    /// The model version that is rolled out.
    package let version: Int64
    /// The model version that everybody else runs, and goes back to.
    package let formerVersion: Int64
    /// The counter of the former version's offer, which stands while the rollout is active.
    package var formerCounter: Int64
    /// The counter of the candidate's newest offer; 0 before the first.
    package var counter: Int64
    /// Cycles that the candidate's offers allow it to differ by.
    package let disagreementMax: Double
    /// Whether the candidate may still be on its way.
    package var isActive: Bool
    /// Everything else, as JSON text.
    package var state: String
    /// Milliseconds since 1970.
    package let startMillis: Int64
    package var changeMillis: Int64

    package init(
        number: Int64, version: Int64, formerVersion: Int64, formerCounter: Int64, counter: Int64,
        disagreementMax: Double, isActive: Bool, state: String, startMillis: Int64,
        changeMillis: Int64
    ) {
        self.number = number
        self.version = version
        self.formerVersion = formerVersion
        self.formerCounter = formerCounter
        self.counter = counter
        self.disagreementMax = disagreementMax
        self.isActive = isActive
        self.state = state
        self.startMillis = startMillis
        self.changeMillis = changeMillis
    }
}

/// One thing that happened in a rollout.
package struct RolloutEvent: Equatable, Sendable {
    /// Milliseconds since 1970.
    package let timeMillis: Int64
    /// One word: `started`, `offered`, `paused` and so on.
    package let word: String
    /// What was offered, or why it halted; a sentence.
    package let detail: String

    package init(timeMillis: Int64, word: String, detail: String) {
        self.timeMillis = timeMillis
        self.word = word
        self.detail = detail
    }
}

/// When the back office saw an agent online last.
package struct AgentSighting: Equatable, Sendable {
    package let agent: String
    /// Milliseconds since 1970.
    package let lastSeenMillis: Int64
}

/// Rollouts and sightings of a target, which is a topic prefix with its fleet.
extension Registry {
    private var hasRollouts: Bool { version >= Self.version(of: Self.rolloutTables) }

    /// The newest rollout of a target, ended or not.
    package func newestRollout(target: String) throws(RegistryError) -> RolloutRecord? {
        guard hasRollouts else { return nil }
        let sql = """
            SELECT rollout, version, former_version, former_counter, counter, disagreement_max,
                active, state, start_time, change_time
            FROM rollouts WHERE target = ?1 ORDER BY rollout DESC LIMIT 1
            """
        return try rows(sql) {
            $0.bind(target, at: 1)
        } read: { (statement) throws(RegistryError) in
            RolloutRecord(
                number: statement.int64(at: 0), version: statement.int64(at: 1),
                formerVersion: statement.int64(at: 2), formerCounter: statement.int64(at: 3),
                counter: statement.int64(at: 4), disagreementMax: statement.double(at: 5),
                isActive: statement.int64(at: 6) == 1, state: statement.text(at: 7),
                startMillis: statement.int64(at: 8), changeMillis: statement.int64(at: 9))
        }.first
    }

    /// The version that a rollout of any target spreads now; nil when all have ended.
    package func versionInRollout() throws(RegistryError) -> Int64? {
        guard hasRollouts else { return nil }
        let sql = "SELECT version FROM rollouts WHERE active = 1 ORDER BY rollout LIMIT 1"
        return try rows(sql) { (statement) throws(RegistryError) in
            statement.int64(at: 0)
        }.first
    }

    /// What happened in a rollout, oldest first.
    package func rolloutEvents(_ rollout: Int64) throws(RegistryError) -> [RolloutEvent] {
        guard hasRollouts else { return [] }
        let sql =
            "SELECT time, word, detail FROM rollout_events WHERE rollout = ?1 ORDER BY sequence"
        return try rows(sql) {
            $0.bind(rollout, at: 1)
        } read: { (statement) throws(RegistryError) in
            RolloutEvent(
                timeMillis: statement.int64(at: 0), word: statement.text(at: 1),
                detail: statement.text(at: 2))
        }
    }

    /// Puts a new rollout on record and returns its number; the one before must have ended.
    package func begin(
        _ record: RolloutRecord, target: String, event: RolloutEvent
    ) throws(RegistryError) -> Int64 {
        try transaction { () throws(RegistryError) in
            let sql = """
                INSERT INTO rollouts (target, version, former_version, former_counter, counter,
                    disagreement_max, active, state, start_time, change_time)
                VALUES (?1, ?2, ?3, ?4, ?5, ?6, 1, ?7, ?8, ?8)
                """
            try change(sql) { statement in
                statement.bind(target, at: 1)
                statement.bind(record.version, at: 2)
                statement.bind(record.formerVersion, at: 3)
                statement.bind(record.formerCounter, at: 4)
                statement.bind(record.counter, at: 5)
                statement.bind(record.disagreementMax, at: 6)
                statement.bind(record.state, at: 7)
                statement.bind(record.startMillis, at: 8)
            }
            let number = lastInsertRowID
            try append(event, rollout: number)
            return number
        }
    }

    /// Records a rollout's new state, the release that it makes, and what happened: all or nothing.
    package func update(
        _ record: RolloutRecord, target: String, release: Release?, event: RolloutEvent?
    ) throws(RegistryError) {
        try transaction { () throws(RegistryError) in
            if let release {
                try append(release, target: target, timeMillis: record.changeMillis)
            }
            let sql = """
                UPDATE rollouts SET former_counter = ?2, counter = ?3, active = ?4, state = ?5,
                    change_time = ?6
                WHERE rollout = ?1
                """
            let changed = try change(sql) { statement in
                statement.bind(record.number, at: 1)
                statement.bind(record.formerCounter, at: 2)
                statement.bind(record.counter, at: 3)
                statement.bind(record.isActive ? 1 : 0, at: 4)
                statement.bind(record.state, at: 5)
                statement.bind(record.changeMillis, at: 6)
            }
            precondition(changed == 1, "rollout \(record.number) is not on record")
            if let event { try append(event, rollout: record.number) }
        }
    }

    private func append(_ event: RolloutEvent, rollout: Int64) throws(RegistryError) {
        let sql = "INSERT INTO rollout_events (rollout, time, word, detail) VALUES (?1, ?2, ?3, ?4)"
        try change(sql) { statement in
            statement.bind(rollout, at: 1)
            statement.bind(event.timeMillis, at: 2)
            statement.bind(event.word, at: 3)
            statement.bind(event.detail, at: 4)
        }
    }

    /// Remembers that agents were seen online.
    package func see(
        _ agents: [String], target: String, timeMillis: Int64
    ) throws(RegistryError) {
        let sql = """
            INSERT INTO sightings (target, agent, last_seen) VALUES (?1, ?2, ?3)
            ON CONFLICT (target, agent) DO UPDATE SET last_seen = MAX(last_seen, ?3)
            """
        try transaction { () throws(RegistryError) in
            for agent in agents {
                try change(sql) { statement in
                    statement.bind(target, at: 1)
                    statement.bind(agent, at: 2)
                    statement.bind(timeMillis, at: 3)
                }
            }
        }
    }

    /// Every agent that was ever seen online, in order.
    package func sightings(target: String) throws(RegistryError) -> [AgentSighting] {
        guard hasRollouts else { return [] }
        let sql = "SELECT agent, last_seen FROM sightings WHERE target = ?1 ORDER BY agent"
        return try rows(sql) {
            $0.bind(target, at: 1)
        } read: { (statement) throws(RegistryError) in
            AgentSighting(agent: statement.text(at: 0), lastSeenMillis: statement.int64(at: 1))
        }
    }

    /// The release of a counter, if there is one.
    package func release(_ counter: Int64, target: String) throws(RegistryError) -> Release? {
        let sql = """
            SELECT counter, content, expires, offer FROM releases
            WHERE target = ?1 AND counter = ?2
            """
        return try rows(sql) {
            $0.bind(target, at: 1)
            $0.bind(counter, at: 2)
        } read: { (statement) throws(RegistryError) in
            Release(
                counter: statement.int64(at: 0), content: statement.text(at: 1),
                expiresMillis: statement.int64(at: 2), offer: statement.blob(at: 3))
        }.first
    }

    /// How far each agent's log of a fleet is durable here, by agent.
    package func logCursors(fleet: String) throws(RegistryError) -> [String: LogCursor] {
        let sql = "SELECT agent, store_id, sequence FROM log_cursors WHERE fleet = ?1"
        let cursors = try rows(sql) {
            $0.bind(fleet, at: 1)
        } read: { (statement) throws(RegistryError) in
            (
                statement.text(at: 0),
                LogCursor(storeID: statement.text(at: 1), sequence: statement.int64(at: 2))
            )
        }
        return Dictionary(cursors) { $1 }
    }
}
