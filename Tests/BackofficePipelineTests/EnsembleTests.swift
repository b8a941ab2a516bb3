import BackofficePipeline
import Evaluation
import ModelBundle
import ObjectStore
import Prognostics
import Registry
import TestSupport
import Testing

@Suite("Ensembles")
struct EnsembleTests {
    let folder: TemporaryFolder

    init() throws { folder = try SmallNight.copy() }

    /// Two runs of the type that trains fastest.
    static let pair = "xgboost=0.6,xgboost@2=0.4"

    static func combine(
        _ workspace: Workspace, _ text: String = pair
    ) throws -> TrainStep.Report {
        try TrainStep(
            workspace: workspace, ensemble: EnsembleRecipe(text), seed: 1, progress: .silent
        ).run()
    }

    static func bundle(_ report: TrainStep.Report, _ workspace: Workspace) throws -> ModelBundle {
        try ModelBundle(
            decoding: workspace.objects.get(
                bucket: .models, key: ObjectKey(report.bundle.key)))
    }

    @Test(
        "A list of members is read as it was written",
        arguments: [
            EnsembleRecipe.shippedText, pair, "lstm@2=0.2,lstm@3=0.3,lstm@4294967295=0.5",
            (0..<8).map { "xgboost@\($0)=0.125" }.joined(separator: ","),
        ])
    func readBack(text: String) throws {
        #expect(try EnsembleRecipe(text).text == text)
    }

    @Test(
        "A list that is none says why and shows one",
        arguments: [
            ("", "is not a type"), ("xgboost", "is not a type"), ("xgboost=1", "below 1"),
            ("xgboost=0.6", "1 member"), ("xgboost=0.6,lstm=0.5", "add up to 1.1"),
            ("xgboost=0.6,lstm=-0.4", "above 0"), ("xgboost=0.6,lstm=nan", "above 0"),
            ("xgboost=0.6,=0.4", "no trainer for ''"), ("a=0.6,lstm=0.4", "no trainer for 'a'"),
            ("xgboost=0.6,ensemble=0.4", "no trainer for 'ensemble'"),
            ("lstm=0.6,lstm=0.4", "stands twice"), ("lstm@2=0.6,lstm@2=0.4", "stands twice"),
            ("lstm@=0.6,xgboost=0.4", "a seed"), ("lstm@1@2=0.6,xgboost=0.4", "a seed"),
            ("lstm@-1=0.6,xgboost=0.4", "a seed"), ("xgboost=0.6,lstm=0.4,", "is not a type"),
            (
                (0..<9).map { "xgboost@\($0)=0.1" }.joined(separator: ","),
                "9 member(s), expected 2 to 8"
            ),
        ])
    func refused(text: String, reason: String) {
        let error = #expect(throws: BackofficeError.self) { try EnsembleRecipe(text) }
        #expect(error?.exitStatus == 64)
        #expect(error?.description.contains(reason) == true, "\(String(describing: error))")
        #expect(error?.description.contains("xgboost=0.6,lstm=0.4") == true)
    }

    @Test("An ensemble waits for its members by name, and its run does not begin before")
    func waits() throws {
        let workspace = try SmallNight.open(folder)
        let error = #expect(throws: BackofficeError.self) { try Self.combine(workspace) }
        #expect(error?.exitStatus == 2)
        #expect(error?.description.contains("xgboost@2 was not trained") == true)
        #expect(error?.description.contains("xgboost@1") == false)
        #expect(try workspace.registry.runs().count == 1)
        let twice = #expect(throws: BackofficeError.self) {
            try Self.combine(workspace, "xgboost=0.6,xgboost@1=0.4")
        }
        #expect(twice?.description.contains("under seed 1, 'xgboost' stands twice") == true)
    }

    @Test("An ensemble says the weighted mean of what its members' bundles say, and names them")
    func combines() throws {
        let workspace = try SmallNight.open(folder)
        let members = [
            try SmallNight.train(workspace, seed: 1), try SmallNight.train(workspace, seed: 2),
        ]
        let report = try Self.combine(workspace)
        let bundle = try Self.bundle(report, workspace)
        try bundle.checkGolden()
        #expect(bundle.manifest.modelType == "ensemble")
        #expect(
            bundle.manifest.members.map(\.text) == [
                "xgboost:\(members[0].runID)=0.6", "xgboost:\(members[1].runID)=0.4",
            ])
        let units = try SmallNight.units(folder).prefix(2)
        func rows(_ bundle: ModelBundle) -> [ScoredRow] {
            RowScoring(plan: bundle.plan, parameters: bundle.featureParameters)
                .nightly(Array(units))
        }
        let singles = try members.map { rows(try Self.bundle($0, workspace)) }
        for (index, row) in rows(bundle).enumerated() {
            let said = singles.map { $0[index].prediction }
            let rul = 0.6 * Double(said[0].rul) + 0.4 * Double(said[1].rul)
            #expect(row.prediction.rul == Float(rul))
            let probability =
                0.6 * Double(said[0].failureProbability) + 0.4 * Double(said[1].failureProbability)
            #expect(row.prediction.failureProbability == Float(probability))
        }
    }

    @Test("The same members and weights are the same run; other weights are another")
    func runs() throws {
        let workspace = try SmallNight.open(folder)
        try SmallNight.train(workspace, seed: 2)
        let first = try Self.combine(workspace)
        let again = try Self.combine(workspace)
        #expect(again.isUnchanged && again.runID == first.runID)
        let named = try Self.combine(workspace, "xgboost@1=0.6,xgboost@2=0.4")
        #expect(named.isUnchanged && named.runID == first.runID, "a seed may be written out")
        let other = try Self.combine(workspace, "xgboost=0.5,xgboost@2=0.5")
        #expect(!other.isUnchanged && other.runID != first.runID)
        #expect(other.version == first.version + 1)
        // A lost bundle is made again from the members' bundles, the same bytes.
        let key = try ObjectKey(first.bundle.key)
        let bytes = try workspace.objects.get(bucket: .models, key: key)
        try workspace.objects.put([1], bucket: .models, key: key, replace: true)
        #expect(try Self.combine(workspace).isUnchanged)
        #expect(try workspace.objects.get(bucket: .models, key: key) == bytes)
    }

    @Test("A member whose bundle is damaged is not combined, and no run begins")
    func damagedMember() throws {
        let workspace = try SmallNight.open(folder)
        let member = try SmallNight.train(workspace, seed: 2)
        let key = try ObjectKey(member.bundle.key)
        var bytes = try workspace.objects.get(bucket: .models, key: key)
        bytes[bytes.count / 2] ^= 1
        try workspace.objects.put(bytes, bucket: .models, key: key, replace: true)
        let error = #expect(throws: BackofficeError.self) { try Self.combine(workspace) }
        guard case .bundleChanged? = error else {
            Issue.record("unexpected \(String(describing: error))")
            return
        }
        #expect(try workspace.registry.runs().count == 2)
    }

    @Test("An ensemble is compared with its members, and may be expected itself")
    func candidate() throws {
        let workspace = try SmallNight.open(folder)
        let step = EvaluateStep(
            workspace: workspace, expectedTypes: ["xgboost", "ensemble"], progress: .silent)
        let missing = #expect(throws: BackofficeError.self) { try step.nightly() }
        #expect(missing?.description.contains("ensemble was not trained") == true)
        try SmallNight.train(workspace, seed: 2)
        _ = try Self.combine(workspace)
        #expect(
            try step.nightly().map(\.subject.modelType) == ["xgboost", "xgboost", "ensemble"])
    }
}

@Suite("Expected types that are not there")
struct ExpectedTypesTests {
    let folder: TemporaryFolder

    init() throws { folder = try SmallNight.copy() }

    /// An LSTM's run that failed.
    static func fail(_ workspace: Workspace) throws {
        let lease = try SmallNight.begin("0123456789abcdef", "lstm", in: workspace)
        try workspace.registry.failRun(
            under: lease, reason: "The loss was nan.", isFinal: true, endTimeMillis: 2)
    }

    static func promote(
        _ workspace: Workspace, _ types: [String], excludeFailed: Bool
    ) throws -> PromotionDecision {
        try PromoteStep(
            workspace: workspace, expectedTypes: types, excludeFailed: excludeFailed,
            progress: .silent
        ).run(nowMillis: WallClock.nowMillis())
    }

    @Test("A FAILED type holds the promotion with its reason, or is left out when that is asked")
    func failed() throws {
        let workspace = try SmallNight.open(folder)
        try Self.fail(workspace)
        let error = #expect(throws: BackofficeError.self) {
            try Self.promote(workspace, ["xgboost", "lstm"], excludeFailed: false)
        }
        #expect(error?.exitStatus == 2)
        #expect(error?.description.contains("lstm is FAILED (The loss was nan.)") == true)
        #expect(try workspace.registry.promotedVersion() == nil)

        let decision = try Self.promote(workspace, ["xgboost", "lstm"], excludeFailed: true)
        let reason =
            "Expected type lstm is FAILED (The loss was nan.) and left out, as --exclude-failed "
            + "asks."
        #expect(decision.reasons.contains(reason))
        let recorded = try workspace.registry.promotionHistory().last
        #expect(recorded?.reasons.contains(reason) == true)
        #expect(try workspace.registry.promotedVersion() == 1)
    }

    @Test("A type that was never trained holds the promotion even when failed ones are left out")
    func missing() throws {
        let workspace = try SmallNight.open(folder)
        let error = #expect(throws: BackofficeError.self) {
            try Self.promote(workspace, ["xgboost", "lstm"], excludeFailed: true)
        }
        #expect(error?.description.contains("lstm was not trained") == true)
    }

    @Test("When every expected type failed there is nothing to compare")
    func allFailed() throws {
        let workspace = try SmallNight.open(folder)
        _ = try PreprocessStep.run(
            SmallNight.request(folder, rolesSeed: 2), workspace: workspace, progress: .silent)
        let lease = try SmallNight.begin("0123456789abcdef", in: workspace)
        try workspace.registry.failRun(
            under: lease, reason: "No.", isFinal: true, endTimeMillis: 2)
        let error = #expect(throws: BackofficeError.self) {
            try Self.promote(workspace, ["xgboost"], excludeFailed: true)
        }
        #expect(error?.description.contains("no run of any type has succeeded") == true)
    }

    @Test("Waiting for a workspace ends at its deadline with the types that are not finished")
    func deadline() throws {
        let holder = try SmallNight.open(folder)
        try SmallNight.begin("0123456789abcdef", "lstm", in: holder)
        let waited = try Subprocess.run(
            BuiltProduct.path("backoffice"),
            [
                "evaluate", "--workspace", folder.path("W"), "--wait", "1",
                "--expected-model-types", "xgboost,lstm",
            ])
        #expect(waited.status == 2)
        #expect(waited.errors.contains("After 1 s the workspace is still held by 'test'"))
        #expect(
            waited.errors.contains("lstm is being trained by test (attempt 1 of 1). Nothing was"))
        #expect(waited.errors.contains("xgboost is") == false)
        #expect(try holder.registry.runs().count == 2)
    }

    @Test("Waiting for a workspace goes on as soon as it is free")
    func goesOn() throws {
        var holder: Workspace? = try SmallNight.open(folder)
        #expect(holder != nil)
        let waiting = try Subprocess(
            BuiltProduct.path("backoffice"),
            ["evaluate", "--workspace", folder.path("W"), "--wait", "60"],
            environment: ["EXPECTED_MODEL_TYPES": "xgboost"])
        let isWaiting = try Eventually.holds {
            try waiting.errorsSoFar().contains("Waiting up to 60 s for 'test'")
        }
        #expect(isWaiting)
        holder = nil
        let finished = try waiting.wait()
        #expect(finished.status == 0, "\(finished.errors)")
        #expect(finished.output.contains("xgboost"))
    }
}
