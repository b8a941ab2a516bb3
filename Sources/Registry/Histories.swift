package import Evaluation
import SQLite

/// One decision about a candidate; the history of promotions is a list of them.
package struct PromotionRecord: Equatable, Sendable {
    /// What was decided about the candidate.
    package enum Decision: String, Sendable {
        /// It became the promoted model.
        case promoted
        /// It is the promoted model already.
        case kept
        /// It failed a gate.
        case held
        /// It was promoted again, by an operator.
        case rolledBack = "rolled back to"
    }

    /// Milliseconds since 1970.
    package let timeMillis: Int64
    package let decision: Decision
    package let configHash: String
    /// The candidate's model version.
    package let version: Int64
    /// Its score that night; lower is better.
    package let score: Double
    /// Every reason, one sentence each.
    package let reasons: [String]
    /// What each gate said; empty where none was asked.
    package let gates: [GateRecord]

    package init(
        timeMillis: Int64, decision: Decision, configHash: String, version: Int64, score: Double,
        reasons: [String], gates: [GateRecord] = []
    ) {
        self.timeMillis = timeMillis
        self.decision = decision
        self.configHash = configHash
        self.version = version
        self.score = score
        self.reasons = reasons
        self.gates = gates
    }
}

extension Registry {
    /// Appends a decision with its gates; `newestVersion` is the highest among its candidates.
    package func append(
        _ record: PromotionRecord, newestVersion: Int64
    ) throws(RegistryError) {
        let sql = """
            INSERT INTO promotion_history (
                time, decision, config_hash, version, score, reasons, newest_version, is_rollback)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
            """
        let isRollback = record.decision == .rolledBack
        // An older program that looks takes a rollback for the promotion that it is.
        let decision = isRollback ? PromotionRecord.Decision.promoted : record.decision
        try transaction { () throws(RegistryError) in
            try change(sql) { statement in
                statement.bind(record.timeMillis, at: 1)
                statement.bind(decision.rawValue, at: 2)
                statement.bind(record.configHash, at: 3)
                statement.bind(record.version, at: 4)
                statement.bind(record.score, at: 5)
                statement.bind(record.reasons.joined(separator: "\n"), at: 6)
                statement.bind(newestVersion, at: 7)
                statement.bind(isRollback ? 1 : 0, at: 8)
            }
            let sequence = lastInsertRowID
            for (index, gate) in record.gates.enumerated() {
                try append(gate, place: index + 1, of: sequence)
            }
        }
    }

    /// What the last decision was about: a configuration and its versions up to the newest then.
    package func lastDecision() throws(RegistryError) -> (
        configHash: String, newestVersion: Int64
    )? {
        let sql = """
            SELECT config_hash, newest_version FROM promotion_history
            ORDER BY sequence DESC LIMIT 1
            """
        return try rows(sql) { (statement) throws(RegistryError) in
            (configHash: statement.text(at: 0), newestVersion: statement.int64(at: 1))
        }.first
    }

    /// The history of promotions, oldest first.
    package func promotionHistory() throws(RegistryError) -> [PromotionRecord] {
        let isRollback = version >= Self.gatesSchema ? "is_rollback" : "0"
        let sql = """
            SELECT time, decision, config_hash, version, score, reasons, sequence, \(isRollback)
            FROM promotion_history ORDER BY sequence
            """
        let gates = try gatesByDecision()
        return try rows(sql) { (statement) throws(RegistryError) in
            guard let decision = PromotionRecord.Decision(rawValue: statement.text(at: 1)) else {
                throw .unknownWord(
                    column: "promotion_history.decision", word: statement.text(at: 1))
            }
            return PromotionRecord(
                timeMillis: statement.int64(at: 0),
                decision: statement.int64(at: 7) == 1 ? .rolledBack : decision,
                configHash: statement.text(at: 2), version: statement.int64(at: 3),
                score: statement.double(at: 4),
                reasons: statement.text(at: 5).split(separator: "\n").map(String.init),
                gates: gates[statement.int64(at: 6)] ?? [])
        }
    }

    /// The latest time of anything on record, in milliseconds since 1970; nil without anything.
    package func newestTimeMillis() throws(RegistryError) -> Int64? {
        let sql = """
            SELECT MAX(time) FROM (
                SELECT MAX(start_time) AS time FROM runs UNION ALL
                SELECT MAX(end_time) FROM runs UNION ALL
                SELECT MAX(time) FROM promotion_history UNION ALL
                SELECT MAX(time) FROM official_scorings UNION ALL
                SELECT MAX(time) FROM releases)
            """
        return try rows(sql) { (statement) throws(RegistryError) in
            statement.isNull(at: 0) ? nil : statement.int64(at: 0)
        }.first ?? nil
    }

    /// The version promoted last, if one ever was.
    package func promotedVersion() throws(RegistryError) -> Int64? {
        let sql = """
            SELECT version FROM promotion_history WHERE decision = 'promoted'
            ORDER BY sequence DESC LIMIT 1
            """
        return try rows(sql) { (statement) throws(RegistryError) in statement.int64(at: 0) }.first
    }

    /// Appends one scoring of an official test file: each look at it is on record.
    package func appendOfficialScoring(
        timeMillis: Int64, purpose: String, version: Int64, testDigest: String, rulDigest: String,
        report: String
    ) throws(RegistryError) {
        let sql = """
            INSERT INTO official_scorings (time, purpose, version, test_digest, rul_digest, report)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6)
            """
        try change(sql) { statement in
            statement.bind(timeMillis, at: 1)
            statement.bind(purpose, at: 2)
            statement.bind(version, at: 3)
            statement.bind(testDigest, at: 4)
            statement.bind(rulDigest, at: 5)
            statement.bind(report, at: 6)
        }
    }

    /// Every scoring of an official test file, oldest first.
    package func officialScorings() throws(RegistryError) -> [OfficialScoring] {
        let sql = """
            SELECT s.time, s.purpose, s.version, r.model_type, s.test_digest, s.rul_digest, s.report
            FROM official_scorings s
            JOIN model_versions v ON v.version = s.version
            JOIN runs r ON r.run_id = v.run_id
            ORDER BY s.sequence
            """
        return try rows(sql) { (statement) throws(RegistryError) in
            OfficialScoring(
                timeMillis: statement.int64(at: 0), purpose: statement.text(at: 1),
                version: statement.int64(at: 2), modelType: statement.text(at: 3),
                testDigest: statement.text(at: 4), rulDigest: statement.text(at: 5),
                report: statement.text(at: 6))
        }
    }
}

/// One look at an official test file: who was scored, when and why.
package struct OfficialScoring: Equatable, Sendable {
    /// Milliseconds since 1970.
    package let timeMillis: Int64
    /// Why the file was looked at.
    package let purpose: String
    /// The model version that was scored.
    package let version: Int64
    package let modelType: String
    /// SHA-256 of the test file's snapshots.
    package let testDigest: String
    /// SHA-256 of the true RULs.
    package let rulDigest: String
    /// The evaluation report as JSON text.
    package let report: String
}
