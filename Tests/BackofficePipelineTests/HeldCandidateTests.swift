import BackofficePipeline
import Dashboard
import Evaluation
import Inference
import ModelBundle
import ObjectStore
import Prognostics
import Registry
import Sodium
import StrictJSON
import TestSupport
import Testing

@Suite("A held candidate")
struct HeldCandidateTests {
    let folder: TemporaryFolder

    init() throws { folder = try SmallNight.copy() }

    /// Registers the first version's model once more: as accurate, but it never warns, its interval
    /// is its prediction, and nobody kept what quantization changed.
    ///
    /// Its score is the same, and its run starts later, so it wins.
    @discardableResult
    static func cripple(_ workspace: Workspace) throws -> Int64 {
        let known = try #require(try workspace.registry.modelVersions().first).run
        let stored = try workspace.objects.get(
            bucket: .models, key: ObjectKey(try #require(known.bundle).key))
        let whole = try ModelBundle(decoding: stored)
        let exact = try ConformalInterval(
            reaches: Array(repeating: 0, count: 2 * ConformalInterval.knots.count), coverage: 0.9)
        let bytes = try ModelBundle(
            manifest: whole.manifest, featureParameters: whole.featureParameters,
            plan: InferencePlan(
                members: whole.plan.members, interval: exact, lateStarterInterval: exact),
            alarmThreshold: 1, golden: whole.golden
        ).encoded()
        let runID = "c819c819c819c819"
        try workspace.objects.put(
            bytes, bucket: .models, key: ObjectKey("\(runID)/bundle.safetensors"))
        let order = TrainingOrder(
            runID: runID, configHash: known.configHash, modelType: "xgboost", parameters: "none",
            seed: 2)
        try workspace.registry.post([order], attemptsMax: 1)
        let lease = try #require(
            try workspace.registry.lease(
                runID, holder: "test", seconds: nil,
                startTimeMillis: known.startTimeMillis + 86_400_000))
        return try workspace.registry.succeedRun(
            under: lease,
            bundle: Run.Bundle(
                key: "\(runID)/bundle.safetensors", digest: SHA256.digest(of: bytes),
                size: Int64(bytes.count)),
            endTimeMillis: known.startTimeMillis + 86_400_001)
    }

    @Test("A candidate as accurate as the promoted one is held for each gate that it fails")
    func crippled() throws {
        let workspace = try SmallNight.open(folder)
        #expect(try SmallNight.promote(workspace) == "promoted 1")
        let version = try Self.cripple(workspace)
        let decision = try PromoteStep(
            workspace: workspace, expectedTypes: ["xgboost"], progress: .silent
        ).run(nowMillis: WallClock.nowMillis())
        guard case .hold(let candidate, let reasons, let gates) = decision else {
            Issue.record("unexpected \(decision)")
            return
        }
        #expect(candidate.version == version)
        let failed = gates.filter(\.isFailed).map(\.gate)
        #expect(
            failed == [
                .f2, .recallNearFailure, .coverage, .coverageNearFailure, .quantization,
            ])
        for gate in failed {
            #expect(reasons.count { $0.hasPrefix("The gate '\(gate.name)' holds it: ") } == 1)
        }
        #expect(gates.first { $0.gate == .score }?.outcome == .passed)
        #expect(gates.allSatisfy { $0.gate == .quantization || $0.value != nil })
        #expect(try workspace.registry.promotedVersion() == 1)

        let record = try #require(try workspace.registry.promotionHistory().last)
        #expect(record.decision == .held)
        #expect(record.reasons == reasons)
        #expect(record.gates == gates)
        let report = try ReportStep.newest(in: workspace, progress: .silent)
        #expect(report.decision.gates == gates)
        #expect(NightPage(report).html.contains("<h2>Gates</h2>"))
    }

    @Test("The command holds it with 2, and prints and keeps every gate")
    func command() throws {
        try {
            let workspace = try SmallNight.open(folder)
            _ = try SmallNight.promote(workspace)
            try Self.cripple(workspace)
        }()
        func run(_ arguments: [String]) throws -> Finished {
            try Subprocess.run(
                BuiltProduct.path("backoffice"), arguments + ["--workspace", folder.path("W")],
                environment: ["EXPECTED_MODEL_TYPES": "xgboost"], directory: folder.path)
        }
        let promoted = try run(["promote"])
        #expect(promoted.status == 2)
        #expect(promoted.output.hasPrefix("held version 2\n"))
        let history = try run(["models", "history"])
        for gate in PromotionGate.allCases {
            #expect(promoted.output.contains("\n    \(gate.name) "), "\(gate)")
            #expect(history.output.contains("\n    \(gate.name) "), "\(gate)")
        }
        let json = try JSON.parse(Array(try run(["models", "history", "--json"]).output.utf8))
        guard case .array(let decisions) = json, case .array(let gates) = decisions.last?["gates"]
        else {
            Issue.record("no gates in \(json)")
            return
        }
        #expect(gates.map { $0["gate"] } == PromotionGate.allCases.map { .string($0.rawValue) })
    }

    @Test("The time that a prediction took is in the decision and in no object of the store")
    func reproducible() throws {
        let workspace = try SmallNight.open(folder)
        _ = try SmallNight.promote(workspace)
        func objects() throws -> [ObjectKey: [UInt8]] {
            let keys = try workspace.objects.list(bucket: .models)
            return Dictionary(
                uniqueKeysWithValues: try keys.map {
                    ($0, try workspace.objects.get(bucket: .models, key: $0))
                })
        }
        let before = try objects()
        let latency = try #require(
            try workspace.registry.promotionHistory().last?.gates.last { $0.gate == .latency })
        #expect(try #require(latency.value) > 0)
        _ = try EvaluateStep(
            workspace: workspace, expectedTypes: ["xgboost"], progress: .silent
        ).nightly()
        #expect(try objects() == before)
    }
}
