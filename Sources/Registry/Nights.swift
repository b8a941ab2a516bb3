import SQLite

/// A nightly run as it is on record.
package struct NightRecord: Equatable, Sendable {
    /// How a night ended.
    package enum Outcome: String, Sendable {
        case done = "DONE"
        case held = "HELD"
        case failed = "FAILED"
    }

    /// Topic prefix and fleet that it pushed to.
    package let target: String
    /// Milliseconds since 1970.
    package let startMillis: Int64
    package let endMillis: Int64?
    /// Nil while it runs, and for ever if its process was killed.
    package let outcome: Outcome?
    /// Why it was held or failed; a sentence.
    package let detail: String
    /// The agents at its end, as JSON text; empty when the broker could not be asked.
    package let fleet: String
}

/// Nights, and what each receiver of alerts was told, for a target.
extension Registry {
    private var hasNights: Bool { version >= Self.version(of: Self.alertTables) }

    /// Puts on record that a night begins; returns its number.
    package func beginNight(target: String, timeMillis: Int64) throws(RegistryError) -> Int64 {
        try change("INSERT INTO nights (target, start_time) VALUES (?1, ?2)") { statement in
            statement.bind(target, at: 1)
            statement.bind(timeMillis, at: 2)
        }
        return lastInsertRowID
    }

    /// Puts on record how a night ended.
    package func endNight(
        _ night: Int64, outcome: NightRecord.Outcome, detail: String, fleet: String,
        timeMillis: Int64
    ) throws(RegistryError) {
        let sql = """
            UPDATE nights SET end_time = ?2, outcome = ?3, detail = ?4, fleet = ?5
            WHERE night = ?1 AND end_time IS NULL
            """
        try change(sql) { statement in
            statement.bind(night, at: 1)
            statement.bind(timeMillis, at: 2)
            statement.bind(outcome.rawValue, at: 3)
            statement.bind(detail, at: 4)
            statement.bind(fleet, at: 5)
        }
    }

    /// The newest night, of a target if one is named; nil before the first.
    package func newestNight(target: String? = nil) throws(RegistryError) -> NightRecord? {
        guard hasNights else { return nil }
        let sql = """
            SELECT start_time, end_time, outcome, detail, target, fleet FROM nights
            WHERE ?1 = '' OR target = ?1 ORDER BY night DESC LIMIT 1
            """
        return try rows(sql) {
            $0.bind(target ?? "", at: 1)
        } read: { (statement) throws(RegistryError) in
            let word = statement.isNull(at: 2) ? nil : statement.text(at: 2)
            let outcome = word.flatMap(NightRecord.Outcome.init)
            guard (word == nil) == (outcome == nil) else {
                throw .unknownWord(column: "nights.outcome", word: word ?? "")
            }
            return NightRecord(
                target: statement.text(at: 4),
                startMillis: statement.int64(at: 0),
                endMillis: statement.isNull(at: 1) ? nil : statement.int64(at: 1),
                outcome: outcome, detail: statement.text(at: 3), fleet: statement.text(at: 5))
        }.first
    }

    /// What a receiver of alerts was told, as JSON text; nil before the first time.
    package func alertBook(
        target: String, receiver: String
    ) throws(RegistryError) -> String? {
        guard hasNights else { return nil }
        return try rows("SELECT state FROM alerts WHERE target = ?1 AND receiver = ?2") {
            $0.bind(target, at: 1)
            $0.bind(receiver, at: 2)
        } read: { (statement) throws(RegistryError) in
            statement.text(at: 0)
        }.first
    }

    /// Records what a receiver of alerts was told.
    package func setAlertBook(
        _ state: String, target: String, receiver: String
    ) throws(RegistryError) {
        let sql = """
            INSERT INTO alerts (target, receiver, state) VALUES (?1, ?2, ?3)
            ON CONFLICT (target, receiver) DO UPDATE SET state = ?3
            """
        try change(sql) { statement in
            statement.bind(target, at: 1)
            statement.bind(receiver, at: 2)
            statement.bind(state, at: 3)
        }
    }
}
