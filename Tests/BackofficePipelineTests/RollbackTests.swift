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

@Suite("Rolling back")
struct RollbackTests {
    let folder: TemporaryFolder

    init() throws { folder = try SmallNight.copy() }

    /// Two versions, the second one promoted last.
    static func promoteTwo(_ workspace: Workspace) throws {
        try SmallNight.promote(workspace)
        let second = try SmallNight.train(workspace, seed: 2)
        let first = try #require(try workspace.registry.promotionHistory().first)
        try workspace.registry.append(
            PromotionRecord(
                timeMillis: first.timeMillis, decision: .promoted, configHash: first.configHash,
                version: second.version, score: first.score, reasons: ["By hand."]),
            newestVersion: second.version)
    }

    @discardableResult
    static func rollBack(
        _ workspace: Workspace, to version: Int64, isDryRun: Bool = false
    ) throws -> RollbackStep.Report {
        try RollbackStep(workspace: workspace, progress: .silent).run(
            to: version, reason: "late alarms", nowMillis: 9, isDryRun: isDryRun)
    }

    static func current(_ workspace: Workspace) throws -> Int64 {
        try JSONReader(
            parsing: workspace.objects.get(bucket: .modelPromotion, key: ObjectKey("current.json"))
        ).integer("version")
    }

    @Test("An earlier version is promoted again, and the history says by whom and why")
    func rollsBack() throws {
        let workspace = try SmallNight.open(folder)
        try Self.promoteTwo(workspace)
        let report = try Self.rollBack(workspace, to: 1)
        #expect(report.version == 1 && report.replaced == 2)
        #expect(try workspace.registry.promotedVersion() == 1)
        #expect(try Self.current(workspace) == 1)
        let record = try #require(try workspace.registry.promotionHistory().last)
        #expect(record.decision == .rolledBack && record.version == 1 && record.timeMillis == 9)
        #expect(record.reasons == report.reasons)
        #expect(record.reasons[0].hasSuffix("from version 2: late alarms"))
        #expect(record.reasons[1].hasPrefix("On the newest units it scores "))
        #expect(record.reasons[2].hasPrefix("It was promoted before; "))
    }

    @Test("A dry run says the same and changes nothing")
    func dryRun() throws {
        let workspace = try SmallNight.open(folder)
        try Self.promoteTwo(workspace)
        let before = try workspace.registry.promotionHistory()
        let said = try Self.rollBack(workspace, to: 1, isDryRun: true)
        #expect(try workspace.registry.promotionHistory() == before)
        #expect(try Self.current(workspace) == 1, "promoting by hand wrote no current.json")
        #expect(try Self.rollBack(workspace, to: 1) == said)
    }

    @Test("The version that was rolled back from is no candidate until it is rolled forward to")
    func withdrawn() throws {
        let workspace = try SmallNight.open(folder)
        try Self.promoteTwo(workspace)
        try Self.rollBack(workspace, to: 1)
        // Version 2 would be a candidate of this very data set; version 1 wins instead, or a third.
        #expect(try SmallNight.promote(workspace) == "kept 1")
        let reasons = try #require(try workspace.registry.promotionHistory().last).reasons
        #expect(reasons.last == "Version 2 was rolled back from, so it is no candidate.")
        try Self.rollBack(workspace, to: 2)
        try SmallNight.promote(workspace)
        let after = try #require(try workspace.registry.promotionHistory().last).reasons
        #expect(!after.contains { $0.hasPrefix("Version 2 was rolled back from") })
        #expect(after.contains("Version 1 was rolled back from, so it is no candidate."))
    }

    @Test("When every candidate was rolled back from, nothing is promoted, with status 2")
    func nothingLeft() throws {
        let workspace = try SmallNight.open(folder)
        try SmallNight.promote(workspace)
        _ = try PreprocessStep.run(
            SmallNight.request(folder, rolesSeed: 2), workspace: workspace, progress: .silent)
        let second = try SmallNight.train(workspace, seed: 1)
        let first = try #require(try workspace.registry.promotionHistory().first)
        try workspace.registry.append(
            PromotionRecord(
                timeMillis: 8, decision: .promoted, configHash: first.configHash,
                version: second.version, score: 1, reasons: []),
            newestVersion: second.version)
        try Self.rollBack(workspace, to: 1)
        let error = #expect(throws: BackofficeError.withdrawn([2])) {
            try SmallNight.promote(workspace)
        }
        #expect(error?.exitStatus == 2)
        #expect(try workspace.registry.promotedVersion() == 1)
    }

    @Test("What is promoted already is said so, and is no entry of the history")
    func already() throws {
        let workspace = try SmallNight.open(folder)
        try SmallNight.promote(workspace)
        let report = try Self.rollBack(workspace, to: 1)
        #expect(report.reasons == ["Version 1 is the promoted model already."])
        #expect(try workspace.registry.promotionHistory().count == 1)
    }

    @Test("Unknown versions, lost bundles and a registry without promotion are refused by name")
    func refused() throws {
        let workspace = try SmallNight.open(folder)
        #expect(throws: BackofficeError.noPromotedModel) {
            try Self.rollBack(workspace, to: 1)
        }
        try Self.promoteTwo(workspace)
        #expect(throws: BackofficeError.noVersion(9)) { try Self.rollBack(workspace, to: 9) }
        let run = try #require(try workspace.registry.modelVersions().first).run
        let key = try ObjectKey(try #require(run.bundle).key)
        try workspace.objects.remove(bucket: .models, key: key)
        let error = #expect(throws: BackofficeError.self) { try Self.rollBack(workspace, to: 1) }
        #expect(
            error
                == .bundlePruned(version: 1, runID: run.runID, key: key.description))
        #expect(try workspace.registry.promotedVersion() == 2)
    }

    @Test("While a rollout is under way a rollback is refused, and an abort of it is proposed")
    func rollout() throws {
        let workspace = try SmallNight.open(folder)
        try Self.promoteTwo(workspace)
        _ = try workspace.registry.begin(
            RolloutRecord(
                number: 1, version: 2, formerVersion: 1, formerCounter: 1, counter: 2,
                disagreementMax: 9,
                isActive: true, state: "{}", startMillis: 1, changeMillis: 1),
            target: "turbofan/v1/demo", event: RolloutEvent(timeMillis: 1, word: "a", detail: "b"))
        #expect(throws: RolloutStepError.active(version: 2, phase: "under way")) {
            try Self.rollBack(workspace, to: 1)
        }
        #expect(try workspace.registry.promotedVersion() == 2)
    }

    @Test("A damaged data set does not stop a rollback: the last score on record counts")
    func damagedData() throws {
        let workspace = try SmallNight.open(folder)
        try Self.promoteTwo(workspace)
        let newest = try #require(try workspace.registry.newestDataSet())
        try workspace.objects.put(
            [1, 2, 3], bucket: .processedData, key: ObjectKey(newest.objectKey), replace: true)
        let known = try #require(try workspace.registry.promotionHistory().first).score
        let report = try Self.rollBack(workspace, to: 1)
        #expect(report.reasons[1].hasPrefix("The newest units cannot be read, "))
        #expect(try workspace.registry.promotionHistory().last?.score == known)
    }

    @Test("The command asks for version and reason, and says what comes next")
    func command() throws {
        try Self.promoteTwo(SmallNight.open(folder))
        func run(_ arguments: [String]) throws -> Finished {
            try Subprocess.run(
                BuiltProduct.path("backoffice"),
                ["rollback", "--workspace", folder.path("W")] + arguments, directory: folder.path)
        }
        #expect(try run(["--to", "1"]).status == 64)
        #expect(try run(["--to", "1", "--reason", "a\nb"]).status == 64)
        let dry = try run(["--to", "1", "--reason", "late alarms", "--dry-run"])
        #expect(dry.status == 0)
        #expect(dry.output.hasPrefix("would roll back to version 1\n"))
        let done = try run(["--to", "1", "--reason", "late alarms"])
        #expect(done.status == 0)
        #expect(done.output.hasPrefix("rolled back to version 1\n"))
        #expect(done.output.hasSuffix("  Nothing was sent; that is 'push'.\n"))
        let unknown = try run(["--to", "7", "--reason", "late alarms"])
        #expect(unknown.status == 1)
        #expect(unknown.errors.contains("There is no model version 7"))
    }
}

@Suite("One run, and runs side by side")
struct RunStoryTests {
    let folder: TemporaryFolder

    init() throws { folder = try SmallNight.copy() }

    func run(_ arguments: [String]) throws -> Finished {
        try Subprocess.run(
            BuiltProduct.path("backoffice"),
            ["runs"] + arguments + ["--workspace", folder.path("W")], directory: folder.path)
    }

    /// The ids of a promoted run, a run without evaluation, and a failed one.
    func runs() throws -> [String] {
        let workspace = try SmallNight.open(folder)
        try SmallNight.promote(workspace)
        let lease = try SmallNight.begin("0123456789abcdef", in: workspace)
        try workspace.registry.failRun(
            under: lease, reason: "The loss was nan.", isFinal: true, endTimeMillis: 2_501)
        let second = try SmallNight.train(workspace, seed: 2)
        return [
            try #require(try workspace.registry.modelVersions().first).run.runID,
            second.runID, "0123456789abcdef",
        ]
    }

    @Test("A run is shown with its data, parameters, time, figures and decisions")
    func show() throws {
        let runs = try runs()
        let json = try JSON.parse(Array(try run(["show", runs[0], "--json"]).output.utf8))
        #expect(json["version"] == .integer(1) && json["promoted"] == .bool(true))
        #expect(json["bundle"] == .string("present"))
        let workspace = try Workspace(path: folder.path("W"), access: .look, command: "test")
        let stored = try workspace.objects.get(
            bucket: .models, key: ObjectKey("\(runs[0])/evaluation.json"))
        #expect(json["evaluation"] == (try JSON.parse(stored)))
        #expect(json["data"]?["units"] == .integer(40))
        guard case .array(let decisions) = json["decisions"] else {
            Issue.record("no decisions in \(json)")
            return
        }
        #expect(decisions.map { $0["decision"] } == [.string("promoted")])
        let text = try run(["show", String(runs[0].prefix(6))])
        #expect(text.status == 0)
        for part in [
            "1, promoted", "RMSE capped", "  depth", "promoted version 1", "int8 to float",
        ] {
            #expect(text.output.contains(part), "\(part) in \(text.output)")
        }
    }

    @Test("A failed run shows its reason and how long it took, and no figures")
    func failed() throws {
        let id = try runs()[2]
        let json = try JSON.parse(Array(try run(["show", id, "--json"]).output.utf8))
        #expect(json["reason"] == .string("The loss was nan."))
        #expect(json["duration_seconds"] == .double(2.5))
        #expect(json["bundle"] == .string("none") && json["evaluation"] == .null)
        #expect(try run(["show", id]).output.contains("reason: The loss was nan."))
    }

    @Test("Runs stand side by side; a name that is none, or several, is refused")
    func compare() throws {
        let runs = try runs()
        let compared = try run(["compare"] + runs)
        #expect(compared.status == 0)
        let lines = compared.output.split(separator: "\n")
        #expect(lines[0].split(separator: " ").map(String.init) == ["run"] + runs)
        let score = try #require(lines.first { $0.hasPrefix("score") })
        #expect(score.split(separator: " ").suffix(2) == ["-", "-"])
        #expect(!compared.output.contains("different data"))
        #expect(try run(["compare", runs[0]]).status == 64)
        #expect(try run(["show", "ffff"]).errors.contains("There is no run 'ffff'"))
        #expect(try run(["show", ""]).status == 1)
    }

    @Test("A run whose bundle is gone says so")
    func pruned() throws {
        let id = try runs()[1]
        try SmallNight.open(folder).objects.remove(
            bucket: .models, key: ObjectKey("\(id)/bundle.safetensors"))
        let json = try JSON.parse(Array(try run(["show", id, "--json"]).output.utf8))
        #expect(json["bundle"] == .string("pruned"))
    }
}
