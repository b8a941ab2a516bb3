import BackofficePipeline
import Datasets
import EdgeProtocol
import Foundation
import Mosquitto
import Prognostics
import Registry
import StrictJSON
import TestSupport
import Testing

/// Trainers are processes: they run out of memory, crash, and are announced.
@Suite("Trainers")
struct TrainerTests {
    let folder: TemporaryFolder
    let program: String

    init() throws {
        folder = try TemporaryFolder("trainers")
        program = try BuiltProduct.path("backoffice")
        let fleet = try #require(SmallNight.configuration)
        try FleetSimulator(fleet).write(to: folder.path("data"))
    }

    func start(_ arguments: [String], input: [UInt8] = []) throws -> Subprocess {
        try Subprocess(
            program, arguments + ["--workspace", "W"],
            environment: [
                "EXPECTED_MODEL_TYPES": "xgboost,trend", "ENSEMBLE": "none", "SUBSET": "SIM",
                "DATA": folder.path("data"),
            ], input: input, directory: folder.path)
    }

    @discardableResult
    func run(_ arguments: [String], input: [UInt8] = []) throws -> Finished {
        try start(arguments, input: input).wait(seconds: 300)
    }

    func runs() throws -> [Run] {
        try Workspace(path: folder.path("W"), access: .look, command: "test").runs()
    }

    /// The trainers of a process, from `/proc/{pid}/stat`.
    func children(of parent: Int32) throws -> [Int32] {
        try FileManager.default.contentsOfDirectory(atPath: "/proc").compactMap(Int32.init)
            .filter { pid in
                // A process that has ended meanwhile is nobody's child.
                guard let bytes = try? FileBytes.read("/proc/\(pid)/stat") else { return false }
                let fields = String(decoding: bytes, as: UTF8.self).split(separator: ")").last?
                    .split(separator: " ")
                return fields?.dropFirst().first == "\(parent)"
            }
    }

    static let night = ["nightly", "--fleet", "f", "--broker-port", "1"]

    @Test("A trainer that needs more memory than its limit is a FAILED run that names the limit")
    func memoryLimit() throws {
        let night = try run(Self.night + ["--train-memory-mb", "24", "--train-attempts", "2"])
        #expect(night.status == 2, "\(night.errors)")
        let runs = try runs()
        #expect(runs.map(\.status) == [.failed, .failed])
        for run in runs {
            #expect(run.reason.contains("memory limit of 24 MB"), "\(run.reason)")
            #expect(night.errors.contains("\(run.modelType) was not trained: "))
        }
        #expect(night.output.contains("held: expected model types are missing"))
        // With enough of it the next night has both.
        #expect(try run(Self.night).status == 1, "only the keys are missing")
        #expect(try self.runs().map(\.status) == [.success, .success])
    }

    @Test("A trainer that is killed is tried again, and at its last attempt FAILED by that signal")
    func killedTrainer() throws {
        let night = try start(Self.night + ["--train-attempts", "2"])
        for attempt in 1...2 {
            let isTraining = try Eventually.holds(within: 120) {
                let texts = try night.errorsSoFar().components(separatedBy: "Training xgboost")
                return try texts.count > attempt && children(of: night.pid).count == 1
            }
            #expect(isTraining)
            kill(try #require(try children(of: night.pid).first), SIGKILL)
        }
        let finished = try night.wait(seconds: 300)
        #expect(finished.status == 2)
        let failed = try #require(try runs().first { $0.modelType == "xgboost" })
        #expect(failed.reason.contains("was ended by signal 9 (Killed)"), "\(failed.reason)")
        #expect(try runs().map(\.status) == [.failed, .success], "the night went on")
    }

    @Test("A trainer ends with the night that started it, however that ends")
    func lifeline() throws {
        let night = try start(Self.night)
        let isTraining = try Eventually.holds(within: 120) {
            try night.errorsSoFar().contains("Training xgboost")
        }
        #expect(isTraining)
        let trainers = try children(of: night.pid)
        #expect(trainers.count == 1)
        night.send(SIGKILL)
        try night.wait()
        let isGone = Eventually.holds(within: 60) {
            trainers.allSatisfy { !FileBytes.exists("/proc/\($0)") }
        }
        #expect(isGone)
        #expect(try runs().map(\.reason) == ["The process ended before the run did."])
        #expect(try run(Self.night).output.contains("(xgboost) trained: version 1"))
    }

    @Test(
        "A claim check is taken from a file, from standard input or by its key, and makes one run",
        arguments: ["file", "-", "key"])
    func claimCheck(place: String) throws {
        let prepared = try run(["preprocess"])
        let check = try JSONReader(parsing: prepared.standardOutput)
        let configHash = try check.string("config_hash")
        try folder.write(prepared.standardOutput, to: "claim.json")
        let claim =
            switch place {
            case "file": "claim.json"
            case "key": "\(configHash)/metadata.json"
            default: "-"
            }
        // Another data set is the newest by now.
        #expect(try run(["preprocess", "--roles-seed", "2"]).status == 0)
        let trained = try run(
            ["train", "--type", "trend", "--claim", claim], input: prepared.standardOutput)
        #expect(trained.status == 0, "\(trained.errors)")
        #expect(trained.output.contains("(trend) trained: version 1"))
        #expect(try runs().map(\.configHash) == [configHash])
        let again = try run(["train", "--type", "trend", "--claim", "claim.json"])
        #expect(again.output.contains("succeeded before"))
    }

    @Test("What is no claim check, or that of other bytes, is refused with 65")
    func badClaim() throws {
        let prepared = try run(["preprocess"])
        let check = try JSONReader(parsing: prepared.standardOutput)
        let other = ClaimCheck(
            key: try check.string("key"),
            digest: try #require(Digest(hex: String(repeating: "0", count: 64))),
            configHash: try #require(Digest(hex: try check.string("config_hash"))))
        for (bytes, named) in [
            (other.payload, "has another key or digest"), (Array("{}".utf8), "field `bucket`"),
        ] {
            let refused = try run(["train", "--type", "trend", "--claim", "-"], input: bytes)
            #expect(refused.status == 65)
            #expect(refused.errors.contains(named), "\(refused.errors)")
        }
        #expect(try runs().isEmpty)
    }

    @Test("Of two commands for one run one trains it, and the other ends with 75 and names it")
    func twice() throws {
        try folder.write(try run(["preprocess"]).standardOutput, to: "claim.json")
        let command =
            ["train", "--type", "xgboost", "--claim", "claim.json"]
            + ["--lease-seconds", "3600"]
        let first = try start(command)
        let isTraining = try Eventually.holds(within: 120) {
            try first.errorsSoFar().contains("Training xgboost")
        }
        #expect(isTraining)
        let trainer = try #require(try children(of: first.pid).first)
        kill(trainer, SIGSTOP)
        let second = try run(command)
        #expect(second.status == 75)
        #expect(second.errors.contains("is being made by 'train', process \(first.pid) on "))
        let byHand = try run(["train", "--type", "xgboost"])
        #expect(byHand.status == 75, "\(byHand.errors)")
        kill(trainer, SIGCONT)
        #expect(try first.wait(seconds: 300).status == 0)
        #expect(try runs().map(\.status) == [.success])
    }

    @Test("Of two nights on one workspace one works, and the other ends with 75 and names it")
    func twoNights() throws {
        let first = try start(Self.night)
        let isTraining = try Eventually.holds(within: 120) {
            try first.errorsSoFar().contains("Training xgboost")
        }
        #expect(isTraining)
        first.send(SIGSTOP)
        let second = try run(Self.night)
        #expect(second.status == 75)
        #expect(second.errors.contains("'nightly', process \(first.pid) on "))
        first.send(SIGCONT)
        #expect(try first.wait(seconds: 300).status == 1, "only the keys are missing")
        let workspace = try Workspace(path: folder.path("W"), access: .look, command: "test")
        #expect(try workspace.registry.promotionHistory().count == 1)
    }

    @Test(
        "The data set, every SUCCESS and every FAILED are announced",
        .enabled(if: TestBroker.isInstalled, "\(TestBroker.skipMessage)"))
    func announces() throws {
        let broker = try TestBroker()
        let place = ["--fleet", "f", "--broker-port", "\(broker.port)"]
        let fleet = try #require(UnitIdentifier("f"))
        let topics = try #require(Topics(fleet: fleet))
        let listener = try MosquittoSession(
            MosquittoConfiguration(
                host: broker.host, port: Int32(broker.port), clientIdentifier: "listener"),
            timeoutSeconds: 10)
        for topic in [topics.trainingData, topics.modelTraining] {
            try listener.subscribe(topic, qos: 1, timeoutSeconds: 10)
        }
        let prepared = try run(["preprocess"] + place)
        let announced = try #require(try listener.nextMessage(timeoutSeconds: 60))
        #expect(announced.topic == topics.trainingData && announced.qos == 1)
        let check = try ClaimCheck(payload: announced.payload)
        #expect(try ClaimCheck(payload: prepared.standardOutput) == check)

        // What arrived is all that a trainer needs.
        let trained = try run(
            ["train", "--type", "trend", "--claim", "-"] + place, input: announced.payload)
        #expect(trained.status == 0, "\(trained.errors)")
        let success = try #require(try listener.nextMessage(timeoutSeconds: 60))
        #expect(success.topic == topics.modelTraining)
        let outcome = try TrainingOutcome(payload: success.payload)
        let run = try #require(try runs().first)
        #expect(outcome.status == .success && outcome.runID.description == run.runID)
        #expect(outcome.modelType == "trend" && outcome.configHash == check.configHash)

        let failed = try self.run(
            ["train", "--type", "xgboost", "--claim", "-", "--train-attempts", "1"]
                + ["--train-memory-mb", "24"] + place, input: announced.payload)
        #expect(failed.status == 1)
        let failure = try #require(try listener.nextMessage(timeoutSeconds: 60))
        guard case .failed(let reason) = try TrainingOutcome(payload: failure.payload).status
        else {
            Issue.record("unexpected \(failure)")
            return
        }
        #expect(failed.errors.contains(reason))
    }
}
