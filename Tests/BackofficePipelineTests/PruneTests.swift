import BackofficePipeline
import Datasets
import EdgeProtocol
import Evaluation
import Foundation
import ObjectStore
import Prognostics
import Registry
import StrictJSON
import TestSupport
import Testing

@Suite("Retention of objects")
struct PruneTests {
    let folder: TemporaryFolder

    init() throws { folder = try SmallNight.copy() }

    static func prune(
        _ workspace: Workspace, keep: Int = 1, logDays: Int? = nil, isDryRun: Bool = false
    ) throws -> PruneStep.Report {
        try PruneStep(
            workspace: workspace,
            request: .init(rollbackCount: keep, logDays: logDays, isDryRun: isDryRun),
            nowMillis: WallClock.nowMillis(), progress: .silent
        ).run()
    }

    /// Every object of the store.
    static func objects(_ workspace: Workspace) throws -> Set<String> {
        Set(
            try Bucket.allCases.flatMap { bucket in
                try workspace.objects.list(bucket: bucket).map { "\(bucket.rawValue)/\($0)" }
            })
    }

    /// Three nights of other roles, the version of each promoted.
    static func threeNights(_ folder: TemporaryFolder, _ workspace: Workspace) throws {
        for seed in [1, 2, 3] as [UInt64] {
            _ = try PreprocessStep.run(
                SmallNight.request(folder, rolesSeed: seed), workspace: workspace,
                progress: .silent)
            let trained = try SmallNight.train(workspace, seed: 1)
            let newest = try #require(try workspace.registry.newestDataSet())
            try workspace.registry.append(
                PromotionRecord(
                    timeMillis: Int64(seed), decision: .promoted, configHash: newest.configHash,
                    version: trained.version, score: 1, reasons: []),
                newestVersion: trained.version)
        }
    }

    @Test("Old runs and data sets go; the promoted version, its predecessors and the newest stay")
    func prunes() throws {
        let workspace = try SmallNight.open(folder)
        try Self.threeNights(folder, workspace)
        let runs = try workspace.registry.modelVersions().map(\.run)
        try #require(runs.count == 3)
        let before = try Self.objects(workspace)
        let planned = try Self.prune(workspace, isDryRun: true)
        #expect(try Self.objects(workspace) == before, "a dry run removes nothing")
        let report = try Self.prune(workspace)
        #expect(report == planned)
        #expect(report.versions == [1])
        let after = try Self.objects(workspace)
        #expect(
            after
                == before.filter {
                    !$0.hasPrefix("models/\(runs[0].runID)/")
                        && !$0.hasPrefix("processed-data/\(runs[0].configHash)/")
                        && !$0.hasPrefix("processed-data/\(runs[1].configHash)/")
                })
        let named = report.removals.map(\.name)
        #expect(Set(named) == before.subtracting(after) && named.count == Set(named).count)
        #expect(report.keptCount == after.count { !$0.hasPrefix("model-promotion/") })
        // The nights go on: the promoted bundle is read, and a rollback within reach.
        #expect(try SmallNight.promote(workspace) == "kept 3")
        #expect(try RollbackTests.rollBack(workspace, to: 2).version == 2)
        let error = #expect(throws: BackofficeError.self) {
            try RollbackTests.rollBack(workspace, to: 1)
        }
        #expect(error?.description.contains("as after 'backoffice prune'") == true)
        #expect(try Self.prune(workspace).removals.isEmpty)
    }

    @Test("Open claims keep their run and their data set, and strangers' objects stay")
    func claims() throws {
        let workspace = try SmallNight.open(folder)
        try Self.threeNights(folder, workspace)
        let first = try #require(try workspace.registry.modelVersions().first).run
        let order = TrainingOrder(
            runID: "0123456789abcdef", configHash: first.configHash, modelType: "lstm",
            parameters: "none", seed: 2)
        try workspace.registry.post([order], attemptsMax: 1)
        for key in ["notes/readme.txt", "0123456789abcdef/float-model.json"] {
            try workspace.objects.put([1], bucket: .models, key: ObjectKey(key))
        }
        let before = try Self.objects(workspace)
        _ = try Self.prune(workspace)
        let removed = before.subtracting(try Self.objects(workspace))
        #expect(!removed.contains { $0.hasPrefix("processed-data/\(first.configHash)/") })
        #expect(!removed.contains("models/notes/readme.txt"))
        #expect(!removed.contains("models/0123456789abcdef/float-model.json"))
        #expect(removed.contains("models/\(first.runID)/bundle.safetensors"))
    }

    @Test("Log pages go only when asked, when they are old, and when no data set is made of them")
    func logs() throws {
        let workspace = try SmallNight.open(folder)
        let lives = FleetSimulator(try #require(FleetConfiguration(units: 4, seed: 99))).training()
        // Used: failed. Removed in working order. Still flying. Removed, but of yesterday.
        func old(_ storeID: String) -> FieldLog {
            var log = FieldLog(storeID: storeID)
            log.now = WallClock.nowMillis() - 400 * 86_400_000
            return log
        }
        var used = old("used")
        try used.fly("1", lives[0].snapshots)
        try used.event(.failed, of: "1", after: lives[0].lastCycle.cycles)
        var removed = old("removed")
        try removed.fly("2", lives[1].snapshots.prefix(50))
        try removed.event(.removed, of: "2", after: 50)
        var flying = old("flying")
        try flying.fly("3", lives[2].snapshots.prefix(50))
        var young = FieldLog(storeID: "young")
        young.now = WallClock.nowMillis() - 86_400_000
        try young.fly("4", lives[3].snapshots.prefix(50))
        try young.event(.removed, of: "4", after: 50)
        for log in [used, removed, flying, young] { try log.store(in: workspace) }
        let claim = try PreprocessStep.run(
            SmallNight.request(folder), workspace: workspace, progress: .silent)
        #expect(claim.validation.field.unitsUsed == 1)
        #expect(try !Self.prune(workspace).removals.contains { $0.bucket == .inferenceLogs })
        let report = try Self.prune(workspace, logDays: 30)
        let pages = report.removals.filter { $0.bucket == .inferenceLogs }.map(\.key.description)
        #expect(pages == ["f/edge-1/removed/1-51.jsonl.gz"])
        let again = try PreprocessStep.run(
            SmallNight.request(folder), workspace: workspace, progress: .silent)
        #expect(again.configHash == claim.configHash)
    }

    @Test("The command says what would go, and in JSON; a limit that is none is refused")
    func command() throws {
        try Self.threeNights(folder, SmallNight.open(folder))
        func run(_ arguments: [String]) throws -> Finished {
            try Subprocess.run(
                BuiltProduct.path("backoffice"),
                ["prune", "--workspace", folder.path("W")] + arguments, directory: folder.path)
        }
        let dry = try run(["--dry-run", "--keep", "1"])
        #expect(dry.status == 0)
        #expect(dry.output.contains("; bundles of version 1\n"))
        let json = try JSON.parse(Array(try run(["--keep", "1", "--json"]).output.utf8))
        #expect(json["versions"] == .array([.integer(1)]))
        #expect(try run(["--dry-run", "--keep", "1"]).output.hasPrefix("would remove 0 object(s)"))
        #expect(try run(["--keep", "0"]).status == 64)
        #expect(try run(["--log-days", "0"]).status == 64)
    }
}
