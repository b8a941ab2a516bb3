import BackofficePipeline
import Datasets
import Evaluation
import Foundation
import ModelBundle
import ObjectStore
import Prognostics
import Registry
import StrictJSON
import TestSupport
import Testing

@Suite("Steps of a night")
struct NightStepsTests {
    let folder: TemporaryFolder

    init() throws { folder = try SmallNight.copy() }

    @Test("Preprocessing the same data again writes nothing, other roles make another data set")
    func preprocess() throws {
        let workspace = try SmallNight.open(folder)
        let known = try #require(try workspace.registry.newestDataSet()).configHash
        let again = try PreprocessStep.run(
            SmallNight.request(folder), workspace: workspace, progress: .silent)
        #expect(again.isUnchanged)
        #expect(again.configHash.description == known)
        let other = try PreprocessStep.run(
            SmallNight.request(folder, rolesSeed: 2), workspace: workspace, progress: .silent)
        #expect(!other.isUnchanged)
        #expect(other.configHash != again.configHash)
        #expect(try workspace.registry.newestDataSet()?.configHash == other.configHash.description)
    }

    @Test("A run that succeeded is not repeated, and another workspace makes the same bytes")
    func reproducible() throws {
        let workspace = try SmallNight.open(folder)
        let known = try SmallNight.train(workspace, seed: 1)
        #expect(known.isUnchanged)
        #expect(known.version == 1)
        let other = try Workspace(path: folder.path("other"), access: .create, command: "test")
        let claim = try PreprocessStep.run(
            SmallNight.request(folder), workspace: other, progress: .silent)
        let configHash = try workspace.registry.newestDataSet()?.configHash
        #expect(claim.configHash.description == configHash)
        let run = try SmallNight.train(other, seed: 1)
        #expect(!run.isUnchanged)
        #expect(run.runID == known.runID)
        #expect(run.bundle == known.bundle)
        for name in ["bundle.safetensors", "float-model.json", "quantization.json"] {
            let key = try ObjectKey("\(run.runID)/\(name)")
            let one = try workspace.objects.get(bucket: .models, key: key)
            #expect(try other.objects.get(bucket: .models, key: key) == one, "\(name)")
        }
    }

    @Test("Evaluation waits for every expected type and says which is missing")
    func waits() throws {
        let workspace = try SmallNight.open(folder)
        let step = EvaluateStep(
            workspace: workspace, expectedTypes: ["xgboost", "lstm"], progress: .silent)
        let error = #expect(throws: BackofficeError.self) { try step.nightly() }
        #expect(error?.exitStatus == 2)
        #expect(error?.description.contains("lstm was not trained") == true)
    }

    @Test("A report scores every row from cycle 15 of the evaluate units, and repeats exactly")
    func nightlyReport() throws {
        let workspace = try SmallNight.open(folder)
        let step = EvaluateStep(
            workspace: workspace, expectedTypes: ["xgboost"], progress: .silent)
        let reports = try step.nightly()
        let report = try #require(reports.first)
        let trajectories = try DatasetFolder(folder.path("data")).train(subset: "SIM")
        let roles = UnitRoles(seed: 1, scheme: .nightly)
        let evaluate = trajectories.filter { roles.role(of: $0.unit) == .evaluate }
        #expect(report.metrics.unitCount == evaluate.count)
        #expect(
            report.metrics.rowCount == evaluate.reduce(0) { $0 + max(0, $1.snapshots.count - 14) })
        #expect(try step.nightly() == reports)
        let stored = try workspace.objects.get(
            bucket: .models, key: ObjectKey("\(report.subject.runID)/evaluation.json"))
        #expect(stored == report.json.bytes)
    }

    @Test("Every scoring of an official test file goes on record")
    func official() throws {
        let workspace = try SmallNight.open(folder)
        let step = EvaluateStep(
            workspace: workspace, expectedTypes: ["xgboost"], progress: .silent)
        let files = EvaluateStep.OfficialTest(
            testFile: folder.path("data/test_SIM.txt"), rulFile: folder.path("data/RUL_SIM.txt"),
            purpose: "test")
        let reports = try step.official(files, version: nil, nowMillis: 1)
        #expect(reports.map(\.metrics.rowCount) == [40])
        #expect(try step.official(files, version: 1, nowMillis: 2) == reports)
        let scorings = try workspace.registry.officialScorings()
        #expect(scorings.map(\.timeMillis) == [1, 2])
        #expect(Set(scorings.map(\.purpose)) == ["test"])
        #expect(Set(scorings.map(\.report)) == [try #require(reports.first).json.text])
        #expect(throws: BackofficeError.noVersion(9)) {
            try step.official(files, version: 9, nowMillis: 3)
        }
        #expect(try workspace.registry.officialScorings() == scorings)
    }

    @Test("The first candidate is promoted, the same again is kept, and current.json names it")
    func promotes() throws {
        let workspace = try SmallNight.open(folder)
        #expect(try SmallNight.promote(workspace) == "promoted 1")
        #expect(try SmallNight.promote(workspace) == "kept 1")
        #expect(try workspace.registry.promotionHistory().map(\.decision) == [.promoted, .kept])
        let current = try workspace.objects.get(
            bucket: .modelPromotion, key: ObjectKey("current.json"))
        #expect(try JSONReader(parsing: current).integer("version") == 1)
    }

    @Test("A candidate that scores worse than the promoted bundle on tonight's units is held")
    func holds() throws {
        let workspace = try SmallNight.open(folder)
        #expect(try SmallNight.promote(workspace) == "promoted 1")
        // A new night on a quarter of the data: its model is worse on the same rows.
        let rows = try FileBytes.read(folder.path("data/train_SIM.txt"))
        let lines = rows.split(separator: UInt8(ascii: "\n"))
        let kept = lines.filter { line in
            let unit = Int(String(decoding: line.prefix { $0 != 32 }, as: UTF8.self)) ?? 0
            return unit <= 14 || unit > 36
        }
        try folder.write(
            Array(kept.joined(separator: [10]) + [10]), to: "few/train_SIM.txt")
        let request = PreprocessStep.Request(
            folder: folder.path("few"), subset: "SIM", scheme: .nightly, rolesSeed: 1)
        _ = try PreprocessStep.run(request, workspace: workspace, progress: .silent)
        let second = try SmallNight.train(workspace, seed: 1)
        let outcome = try SmallNight.promote(workspace)
        let last = try #require(try workspace.registry.promotionHistory().last)
        #expect(outcome == "held \(second.version)", "\(last.reasons)")
        #expect(last.reasons.contains { $0.contains("The promoted version 1 ") })
        #expect(last.reasons.contains { $0.hasPrefix("The gate 'score' holds it: ") })
        #expect(try workspace.registry.promotedVersion() == 1)
    }

    @Test(
        "A promoted bundle of an older configuration that is damaged or lost stops no night",
        arguments: [true, false])
    func damagedPromoted(isLost: Bool) throws {
        let workspace = try SmallNight.open(folder)
        #expect(try SmallNight.promote(workspace) == "promoted 1")
        let version = try #require(try workspace.registry.modelVersions().first)
        let key = try ObjectKey(try #require(version.run.bundle).key)
        let path = workspace.objects.place(bucket: .models, key: key)
        try FileManager.default.removeItem(atPath: path)
        if !isLost { try workspace.objects.put([1, 2, 3], bucket: .models, key: key) }
        _ = try PreprocessStep.run(
            SmallNight.request(folder, rolesSeed: 2), workspace: workspace, progress: .silent)
        let second = try SmallNight.train(workspace, seed: 1)
        #expect(try SmallNight.promote(workspace) == "promoted \(second.version)")
        let last = try #require(try workspace.registry.promotionHistory().last)
        let reason = try #require(last.reasons.dropFirst().first)
        #expect(reason.hasPrefix("Promoted version 1 cannot be read: "))
        #expect(reason.hasSuffix(" It is not compared with."))
        #expect(last.gates.allSatisfy { $0.promoted == nil })
    }

    @Test("Official roles leave nothing to promote on, and say what to do")
    func officialRoles() throws {
        let workspace = try SmallNight.open(folder)
        _ = try PreprocessStep.run(
            SmallNight.request(folder, scheme: .official), workspace: workspace, progress: .silent)
        try SmallNight.train(workspace, seed: 1)
        #expect(throws: BackofficeError.noEvaluateUnits) { try SmallNight.promote(workspace) }
    }

    @Test(
        "A bundle with one flipped bit, or none at all, is refused before it is scored, and mended",
        arguments: [true, false])
    func damagedBundle(isLost: Bool) throws {
        let workspace = try SmallNight.open(folder)
        let version = try #require(try workspace.registry.modelVersions().first)
        let bundle = try #require(version.run.bundle)
        let key = try ObjectKey(bundle.key)
        let registered = try workspace.objects.get(bucket: .models, key: key)
        if isLost {
            try FileManager.default.removeItem(
                atPath: workspace.objects.place(bucket: .models, key: key))
        } else {
            var bytes = registered
            bytes[bytes.count / 2] ^= 1
            try workspace.objects.put(bytes, bucket: .models, key: key, replace: true)
        }
        #expect(throws: (any Error).self) { try SmallNight.promote(workspace) }
        #expect(try workspace.registry.promotedVersion() == nil)

        let again = try SmallNight.train(workspace, seed: 1)
        #expect(again.isUnchanged)
        #expect(try workspace.objects.get(bucket: .models, key: key) == registered)
        #expect(try SmallNight.promote(workspace) == "promoted 1")
    }

    @Test("A data set with one flipped bit is named, not used, and preprocessing mends it")
    func damagedDataSet() throws {
        let workspace = try SmallNight.open(folder)
        let newest = try #require(try workspace.registry.newestDataSet())
        let key = try ObjectKey(newest.objectKey)
        let stored = try workspace.objects.get(bucket: .processedData, key: key)
        var bytes = stored
        // The last bit of a measurement: another number, and as good as any.
        bytes[bytes.count / 2] ^= 1
        try workspace.objects.put(bytes, bucket: .processedData, key: key, replace: true)
        let error = #expect(throws: BackofficeError.self) { try SmallNight.promote(workspace) }
        #expect(error?.description.contains("Run 'backoffice preprocess' again.") == true)

        let again = try PreprocessStep.run(
            SmallNight.request(folder), workspace: workspace, progress: .silent)
        #expect(!again.isUnchanged)
        #expect(try workspace.objects.get(bucket: .processedData, key: key) == stored)
        #expect(try SmallNight.promote(workspace) == "promoted 1")
    }

    @Test("A run killed in the middle is found as FAILED and trained again")
    func killed() throws {
        do {
            let workspace = try SmallNight.open(folder)
            try SmallNight.begin("0123456789abcdef", in: workspace)
        }
        func status(_ runs: [Run]) -> RunStatus? {
            runs.first { $0.runID == "0123456789abcdef" }?.status
        }
        let look = try Workspace(path: folder.path("W"), access: .look, command: "test")
        #expect(status(try look.runs()) == .failed)
        #expect(status(try look.registry.runs()) == .running, "a look marks nothing")
        let workspace = try SmallNight.open(folder)
        #expect(status(try workspace.registry.runs()) == .failed)
    }

    @Test("Two commands cannot change a workspace at once, and the second learns who is at it")
    func busy() throws {
        let holder = try Workspace(path: folder.path("W"), access: .change, command: "nightly")
        let error = #expect(throws: BackofficeError.self) { try SmallNight.open(folder) }
        #expect(error?.exitStatus == 75)
        #expect(error?.description.contains("'nightly', process ") == true)
        // Looking stays possible.
        let look = try Workspace(path: folder.path("W"), access: .look, command: "runs list")
        try SmallNight.begin("0123456789abcdef", in: holder)
        #expect(try look.runs().map(\.status) == [.running, .success])
        #expect(holder.path == folder.path("W"))
    }
}
