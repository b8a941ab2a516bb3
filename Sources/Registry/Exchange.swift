import SQLite

/// A signed offer as it was published, kept so that a repair publishes the very same bytes.
package struct Release: Equatable, Sendable {
    /// Grows with each offer of a fleet, never goes back.
    package let counter: Int64
    /// What is offered, without counter and expiry: equal text, equal content.
    package let content: String
    /// Milliseconds since 1970.
    package let expiresMillis: Int64
    /// Signature and JSON.
    package let offer: [UInt8]

    package init(counter: Int64, content: String, expiresMillis: Int64, offer: [UInt8]) {
        self.counter = counter
        self.content = content
        self.expiresMillis = expiresMillis
        self.offer = offer
    }
}

/// The last log entry of an agent that is durable here.
package struct LogCursor: Equatable, Sendable {
    package let storeID: String
    package let sequence: Int64

    package init(storeID: String, sequence: Int64) {
        self.storeID = storeID
        self.sequence = sequence
    }
}

extension Registry {
    /// The newest release for a target, which is a topic prefix with its fleet.
    package func newestRelease(target: String) throws(RegistryError) -> Release? {
        try releases(target: target, limit: 1).first
    }

    /// The releases for a target, newest first.
    package func releases(target: String, limit: Int) throws(RegistryError) -> [Release] {
        let sql = """
            SELECT counter, content, expires, offer FROM releases WHERE target = ?1
            ORDER BY counter DESC LIMIT ?2
            """
        return try rows(sql) {
            $0.bind(target, at: 1)
            $0.bind(limit, at: 2)
        } read: { (statement) throws(RegistryError) in
            Release(
                counter: statement.int64(at: 0), content: statement.text(at: 1),
                expiresMillis: statement.int64(at: 2), offer: statement.blob(at: 3))
        }
    }

    /// What was ever released to: topic prefixes with their fleets.
    package func releaseTargets() throws(RegistryError) -> [String] {
        try rows("SELECT DISTINCT target FROM releases ORDER BY target") {
            (statement) throws(RegistryError) in statement.text(at: 0)
        }
    }

    /// Appends a release; its counter must be new for the target.
    package func append(
        _ release: Release, target: String, timeMillis: Int64
    ) throws(RegistryError) {
        let sql = """
            INSERT INTO releases (target, counter, time, content, expires, offer)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6)
            """
        try change(sql) { statement in
            statement.bind(target, at: 1)
            statement.bind(release.counter, at: 2)
            statement.bind(timeMillis, at: 3)
            statement.bind(release.content, at: 4)
            statement.bind(release.expiresMillis, at: 5)
            statement.bind(release.offer, at: 6)
        }
    }

    /// How far an agent's log is durable here; nil before the first page.
    package func logCursor(fleet: String, agent: String) throws(RegistryError) -> LogCursor? {
        let sql = "SELECT store_id, sequence FROM log_cursors WHERE fleet = ?1 AND agent = ?2"
        return try rows(sql) { statement in
            statement.bind(fleet, at: 1)
            statement.bind(agent, at: 2)
        } read: { (statement) throws(RegistryError) in
            LogCursor(storeID: statement.text(at: 0), sequence: statement.int64(at: 1))
        }.first
    }

    /// Moves an agent's cursor after a page became durable.
    package func setLogCursor(
        _ cursor: LogCursor, fleet: String, agent: String
    ) throws(RegistryError) {
        let sql = """
            INSERT INTO log_cursors (fleet, agent, store_id, sequence) VALUES (?1, ?2, ?3, ?4)
            ON CONFLICT (fleet, agent) DO UPDATE SET store_id = ?3, sequence = ?4
            """
        try change(sql) { statement in
            statement.bind(fleet, at: 1)
            statement.bind(agent, at: 2)
            statement.bind(cursor.storeID, at: 3)
            statement.bind(cursor.sequence, at: 4)
        }
    }

    /// Remembers that a data set was just preprocessed, which makes it the newest.
    package func useDataSet(configHash: String, objectKey: String) throws(RegistryError) {
        let sql = """
            INSERT INTO data_sets (config_hash, object_key, use)
            VALUES (?1, ?2, (SELECT COALESCE(MAX(use), 0) + 1 FROM data_sets))
            ON CONFLICT (config_hash) DO UPDATE
            SET object_key = ?2, use = (SELECT MAX(use) + 1 FROM data_sets)
            """
        try change(sql) { statement in
            statement.bind(configHash, at: 1)
            statement.bind(objectKey, at: 2)
        }
    }

    /// The configurations of all data sets that were ever preprocessed.
    package func dataSetHashes() throws(RegistryError) -> [String] {
        try rows("SELECT config_hash FROM data_sets ORDER BY use") {
            (statement) throws(RegistryError) in statement.text(at: 0)
        }
    }

    /// The newest data set's configuration and object; nil before the first preprocess.
    package func newestDataSet() throws(RegistryError) -> (configHash: String, objectKey: String)? {
        let sql = "SELECT config_hash, object_key FROM data_sets ORDER BY use DESC LIMIT 1"
        return try rows(sql) { (statement) throws(RegistryError) in
            (configHash: statement.text(at: 0), objectKey: statement.text(at: 1))
        }.first
    }
}
