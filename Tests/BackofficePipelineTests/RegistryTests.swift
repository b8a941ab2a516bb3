import Evaluation
import Prognostics
import Registry
import SQLite
import TestSupport
import Testing

@Suite("Registry")
struct RegistryTests {
    let folder: TemporaryFolder
    let registry: Registry
    let bundle: Run.Bundle

    init() throws {
        folder = try TemporaryFolder("registry")
        registry = try Registry(path: folder.path("registry.sqlite"))
        let digest = try #require(Digest(hex: String(repeating: "ab", count: 32)))
        bundle = Run.Bundle(key: "r1/bundle.safetensors", digest: digest, size: 7)
    }

    @discardableResult
    func begin(_ runID: String, at time: Int64 = 1) throws -> Lease {
        let order = TrainingOrder(
            runID: runID, configHash: "c1", modelType: "xgboost", parameters: "p", seed: 1)
        try registry.post([order], attemptsMax: 1)
        return try #require(
            try registry.lease(runID, holder: "test", seconds: nil, startTimeMillis: time))
    }

    @Test("A successful run becomes the next model version, from 1")
    func versions() throws {
        for (index, runID) in ["r1", "r2"].enumerated() {
            let lease = try begin(runID)
            #expect(try registry.run(runID)?.status == .running)
            #expect(try registry.run(runID)?.bundle == nil)
            let version = try registry.succeedRun(
                under: lease, bundle: bundle, endTimeMillis: 2)
            #expect(version == Int64(index + 1))
        }
        let versions = try registry.modelVersions(configHash: "c1")
        #expect(versions.map(\.version) == [1, 2])
        #expect(versions.map(\.run.status) == [.success, .success])
        #expect(versions.first?.run.bundle == bundle)
        #expect(try registry.modelVersions(configHash: "c2").isEmpty)
    }

    @Test("A run whose process is gone is failed, and may begin again")
    func abandoned() throws {
        try begin("r1")
        #expect(try registry.failAbandonedRuns(endTimeMillis: 2) == ["r1"])
        #expect(try registry.run("r1")?.status == .failed)
        #expect(try registry.run("r1")?.reason == "The process ended before the run did.")
        try begin("r1", at: 5)
        #expect(try registry.run("r1")?.status == .running)
        #expect(try registry.run("r1")?.reason == "")
        #expect(try registry.run("r1")?.startTimeMillis == 5)
        #expect(try registry.runs(configHash: "c1").count == 1)
    }

    @Test("What each gate said is kept with its decision, and cannot be changed")
    func gates() throws {
        let version = try registry.succeedRun(
            under: try begin("r1"), bundle: bundle, endTimeMillis: 2)
        let gates = [
            GateRecord(
                gate: .f2, value: 0.5, promoted: nil, limit: 0.7, bound: 0.6,
                outcome: .failed("0.5 is below 0.7")),
            GateRecord(
                gate: .latency, value: nil, promoted: 3, limit: nil, bound: nil,
                outcome: .notApplicable("it was not measured")),
        ]
        let records = [PromotionRecord.Decision.held, .rolledBack, .kept].map {
            PromotionRecord(
                timeMillis: 3, decision: $0, configHash: "c1", version: version, score: 1.5,
                reasons: ["One."], gates: $0 == .held ? gates : [])
        }
        for record in records { try registry.append(record, newestVersion: 1) }
        #expect(try registry.promotionHistory() == records)
        #expect(try registry.promotedVersion() == version, "a rollback is a promotion")
        let outsider = try Database(
            path: folder.path("registry.sqlite"), mode: .readWriteCreate)
        #expect(throws: SQLiteError.self) { try outsider.execute("DELETE FROM promotion_gates") }
        #expect(throws: SQLiteError.self) {
            try outsider.execute("UPDATE promotion_gates SET outcome = 'passed'")
        }
        #expect(try registry.promotionHistory() == records)
    }

    @Test("Histories refuse to be changed", arguments: ["promotion_history", "model_versions"])
    func appendOnly(table: String) throws {
        let version = try registry.succeedRun(
            under: try begin("r1"), bundle: bundle, endTimeMillis: 2)
        let record = PromotionRecord(
            timeMillis: 3, decision: .promoted, configHash: "c1", version: version, score: 1.5,
            reasons: ["One.", "Two."])
        try registry.append(record, newestVersion: 1)
        #expect(try registry.promotionHistory() == [record])
        #expect(try registry.promotedVersion() == version)
        let outsider = try Database(
            path: folder.path("registry.sqlite"), mode: .readWriteCreate)
        #expect(throws: SQLiteError.self) { try outsider.execute("DELETE FROM \(table)") }
        #expect(throws: SQLiteError.self) { try outsider.execute("UPDATE \(table) SET version=9") }
        #expect(try registry.promotionHistory() == [record])
    }

    @Test(
        "A registry of an old schema is upgraded by whoever changes it, and only by them",
        arguments: [1, 2, 3], [Registry.Access.change, .create, .share])
    func upgrade(version: Int32, access: Registry.Access) throws {
        let path = folder.path("old.sqlite")
        do {
            let old = try Database(path: path, mode: .readWriteCreate)
            try old.execute(OldRegistry.schema2)
            if version == 3 { try old.execute(OldRegistry.claims) }
            if version == 1 {
                try old.execute("ALTER TABLE promotion_history DROP COLUMN newest_version")
            }
            try old.execute(
                """
                INSERT INTO runs (run_id, config_hash, model_type, parameters, seed, status,
                    start_time) VALUES ('r1', 'c1', 'lstm', 'p', 1, 'RUNNING', 5);
                INSERT INTO data_sets VALUES ('c1', 'c1/x', 1);
                INSERT INTO model_versions (run_id) VALUES ('r1');
                INSERT INTO promotion_history (
                    time, decision, config_hash, version, score, reasons)
                VALUES (7, 'promoted', 'c1', 1, 1.5, 'It is best.');
                """)
            try old.setUserVersion(version)
        }
        let look = try Registry(path: path, access: .look)
        let known = PromotionRecord(
            timeMillis: 7, decision: .promoted, configHash: "c1", version: 1, score: 1.5,
            reasons: ["It is best."])
        #expect(try look.promotionHistory() == [known])
        #expect(try look.claims().isEmpty && look.claim("r1") == nil)
        #expect(try Database(path: path, mode: .readOnly).userVersion() == Int64(version))
        let registry = try Registry(path: path, access: access)
        #expect(try registry.promotionHistory() == [known])
        #expect(try registry.lastDecision()?.newestVersion == 0)
        #expect(try registry.newestDataSet()?.configHash == "c1")
        #expect(try registry.runs().map(\.status) == [.running])
        #expect(try registry.claims().isEmpty)
        #expect(try registry.failAbandonedRuns(endTimeMillis: 6) == ["r1"])
        let upgraded = try Database(path: path, mode: .readOnly).userVersion()
        #expect(upgraded == Int64(Registry.schemaVersion))
    }

    @Test("What was kept or held is not what was promoted")
    func promotedVersion() throws {
        #expect(try registry.promotedVersion() == nil)
        for (index, decision) in [PromotionRecord.Decision.promoted, .held, .kept].enumerated() {
            let version = try registry.succeedRun(
                under: try begin("r\(index)"), bundle: bundle, endTimeMillis: 2)
            try registry.append(
                PromotionRecord(
                    timeMillis: 3, decision: decision, configHash: "c1", version: version,
                    score: 2, reasons: []),
                newestVersion: version)
        }
        #expect(try registry.promotedVersion() == 1)
    }

    @Test("The data set used last is the newest, also when it is an old one again")
    func newestDataSet() throws {
        #expect(try registry.newestDataSet() == nil)
        for configHash in ["c1", "c2", "c1"] {
            try registry.useDataSet(configHash: configHash, objectKey: "\(configHash)/x")
            #expect(try registry.newestDataSet()?.configHash == configHash)
        }
    }

    @Test("Releases and cursors are kept per target and per agent")
    func exchange() throws {
        let release = Release(counter: 1, content: "{}", expiresMillis: 9, offer: [1, 2])
        try registry.append(release, target: "a/", timeMillis: 1)
        #expect(try registry.newestRelease(target: "a/") == release)
        #expect(try registry.newestRelease(target: "b/") == nil)
        #expect(throws: RegistryError.self) {
            try registry.append(release, target: "a/", timeMillis: 1)
        }
        let cursor = LogCursor(storeID: "s", sequence: 4)
        try registry.setLogCursor(cursor, fleet: "f", agent: "a")
        try registry.setLogCursor(cursor, fleet: "f", agent: "a")
        #expect(try registry.logCursor(fleet: "f", agent: "a") == cursor)
        #expect(try registry.logCursor(fleet: "f", agent: "b") == nil)
    }

    @Test("A registry of a newer program is refused, and what is no database too")
    func refusals() throws {
        let path = folder.path("newer.sqlite")
        let database = try Database(path: path, mode: .readWriteCreate)
        try database.setUserVersion(Registry.schemaVersion + 1)
        #expect(
            throws: RegistryError.newerSchema(
                path: path, version: Int64(Registry.schemaVersion) + 1,
                known: Int64(Registry.schemaVersion))
        ) {
            try Registry(path: path)
        }
        let garbage = try folder.write(String(repeating: "no database ", count: 99), to: "g")
        #expect(throws: RegistryError.self) { try Registry(path: garbage) }
    }
}
