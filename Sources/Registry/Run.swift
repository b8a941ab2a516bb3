package import Prognostics
import SQLite

/// How far a training run got.
package enum RunStatus: String, Sendable {
    case running = "RUNNING"
    case success = "SUCCESS"
    case failed = "FAILED"
}

/// One training run; its id derives from configuration, type, parameters and seed.
package struct Run: Equatable, Sendable {
    /// What a successful run left in the bucket `models`.
    package struct Bundle: Equatable, Sendable {
        package let key: String
        package let digest: Digest
        /// Bytes.
        package let size: Int64

        package init(key: String, digest: Digest, size: Int64) {
            self.key = key
            self.digest = digest
            self.size = size
        }
    }

    package let runID: String
    package let configHash: String
    package let modelType: String
    package let parameters: String
    package let seed: Int64
    package let status: RunStatus
    /// Why a run failed; empty otherwise.
    package let reason: String
    /// Milliseconds since 1970.
    package let startTimeMillis: Int64
    /// Milliseconds since 1970; nil until it is known how the run ended.
    package let endTimeMillis: Int64?
    /// Present exactly for SUCCESS.
    package let bundle: Bundle?

    /// Why a run failed whose process is gone.
    static let abandonedReason = "The process ended before the run did."

    /// The same run, as it is known once its process is gone.
    package var abandoned: Run {
        Run(
            runID: runID, configHash: configHash, modelType: modelType, parameters: parameters,
            seed: seed, status: .failed, reason: Self.abandonedReason,
            startTimeMillis: startTimeMillis, endTimeMillis: endTimeMillis, bundle: nil)
    }
}

/// A successful run, counted from 1 in the order of registration.
package struct ModelVersion: Equatable, Sendable {
    package let version: Int64
    package let run: Run
}

extension Registry {
    /// Records a run's bundle and registers its model version, in one transaction.
    /// - Throws: `leaseLost`, and records nothing, unless the lease is still the claim's.
    package func succeedRun(
        under lease: Lease, bundle: Run.Bundle, endTimeMillis: Int64
    ) throws(RegistryError) -> Int64 {
        try transaction { () throws(RegistryError) in
            try settle(lease)
            let sql = """
                UPDATE runs SET status = 'SUCCESS', end_time = ?2, bundle_key = ?3,
                    bundle_digest = ?4, bundle_size = ?5
                WHERE run_id = ?1 AND status = 'RUNNING'
                """
            let changed = try change(sql) { statement in
                statement.bind(lease.runID, at: 1)
                statement.bind(endTimeMillis, at: 2)
                statement.bind(bundle.key, at: 3)
                statement.bind(bundle.digest.description, at: 4)
                statement.bind(bundle.size, at: 5)
            }
            precondition(changed == 1, "only a running run succeeds")
            try change("INSERT INTO model_versions (run_id) VALUES (?1)") {
                $0.bind(lease.runID, at: 1)
            }
            return lastInsertRowID
        }
    }

    /// Records that a run begins; a failed run of the same id begins again.
    func beginRun(_ order: TrainingOrder, startTimeMillis: Int64) throws(RegistryError) {
        let sql = """
            INSERT INTO runs (run_id, config_hash, model_type, parameters, seed, status, start_time)
            VALUES (?1, ?2, ?3, ?4, ?5, 'RUNNING', ?6)
            ON CONFLICT (run_id) DO UPDATE
            SET status = 'RUNNING', reason = '', start_time = ?6, end_time = NULL
            WHERE status <> 'SUCCESS'
            """
        let changed = try change(sql) { statement in
            statement.bind(order.runID, at: 1)
            statement.bind(order.configHash, at: 2)
            statement.bind(order.modelType, at: 3)
            statement.bind(order.parameters, at: 4)
            statement.bind(Int64(order.seed), at: 5)
            statement.bind(startTimeMillis, at: 6)
        }
        precondition(changed == 1, "a successful run begins again")
    }

    /// Records why a run failed.
    func failRun(
        _ runID: String, reason: String, endTimeMillis: Int64
    ) throws(RegistryError) {
        let sql = """
            UPDATE runs SET status = 'FAILED', reason = ?2, end_time = ?3
            WHERE run_id = ?1 AND status = 'RUNNING'
            """
        try change(sql) { statement in
            statement.bind(runID, at: 1)
            statement.bind(reason, at: 2)
            statement.bind(endTimeMillis, at: 3)
        }
    }

    /// The run of an id, if there is one.
    package func run(_ runID: String) throws(RegistryError) -> Run? {
        try rows("SELECT \(Self.runColumns) FROM runs WHERE run_id = ?1") {
            $0.bind(runID, at: 1)
        } read: { (statement) throws(RegistryError) in
            try Self.readRun(statement)
        }.first
    }

    /// All runs, or those of one configuration, oldest first.
    package func runs(configHash: String? = nil) throws(RegistryError) -> [Run] {
        let sql = """
            SELECT \(Self.runColumns) FROM runs WHERE ?1 = '' OR config_hash = ?1
            ORDER BY start_time, run_id
            """
        return try rows(sql) {
            $0.bind(configHash ?? "", at: 1)
        } read: { (statement) throws(RegistryError) in
            try Self.readRun(statement)
        }
    }

    /// All model versions, or those of one configuration, from the first.
    package func modelVersions(configHash: String? = nil) throws(RegistryError) -> [ModelVersion] {
        let sql = """
            SELECT \(Self.runColumns), version FROM model_versions JOIN runs USING (run_id)
            WHERE ?1 = '' OR config_hash = ?1 ORDER BY version
            """
        return try rows(sql) {
            $0.bind(configHash ?? "", at: 1)
        } read: { (statement) throws(RegistryError) in
            ModelVersion(version: statement.int64(at: 12), run: try Self.readRun(statement))
        }
    }

    private static let runColumns = """
        runs.run_id, config_hash, model_type, parameters, seed, status, reason, start_time,
        bundle_key, bundle_digest, bundle_size, end_time
        """

    private static func readRun(_ statement: Statement) throws(RegistryError) -> Run {
        guard let status = RunStatus(rawValue: statement.text(at: 5)) else {
            throw .unknownWord(column: "runs.status", word: statement.text(at: 5))
        }
        var bundle: Run.Bundle?
        if status == .success {
            guard let digest = Digest(hex: statement.text(at: 9)) else {
                throw .unknownWord(column: "runs.bundle_digest", word: statement.text(at: 9))
            }
            bundle = Run.Bundle(
                key: statement.text(at: 8), digest: digest, size: statement.int64(at: 10))
        }
        return Run(
            runID: statement.text(at: 0), configHash: statement.text(at: 1),
            modelType: statement.text(at: 2), parameters: statement.text(at: 3),
            seed: statement.int64(at: 4), status: status, reason: statement.text(at: 6),
            startTimeMillis: statement.int64(at: 7),
            endTimeMillis: statement.isNull(at: 11) ? nil : statement.int64(at: 11),
            bundle: bundle)
    }
}
