import BackofficePipeline
import Datasets
import EdgeProtocol
import Foundation
import Mosquitto
import Registry
import StrictJSON
import TestSupport
import Testing

/// Workers are the built program, started, stopped and killed as processes.
@Suite("Workers")
struct WorkerTests {
    static let types = "xgboost,trend"
    static let ensemble = "xgboost=0.6,trend=0.4"

    let folder: TemporaryFolder
    let program: String

    init() throws {
        folder = try TemporaryFolder("workers")
        program = try BuiltProduct.path("backoffice")
        let fleet = try #require(SmallNight.configuration)
        try FleetSimulator(fleet).write(to: folder.path("data"))
    }

    func start(_ arguments: [String], workspace: String = "W") throws -> Subprocess {
        try Subprocess(
            program, arguments + ["--workspace", workspace],
            environment: [
                "EXPECTED_MODEL_TYPES": Self.types, "ENSEMBLE": Self.ensemble,
                "DATA": folder.path("data"), "SUBSET": "SIM", "BROKER_HOST": "127.0.0.1",
            ], directory: folder.path)
    }

    @discardableResult
    func run(_ arguments: [String], workspace: String = "W") throws -> Finished {
        try start(arguments, workspace: workspace).wait(seconds: 300)
    }

    func look() throws -> Workspace {
        try Workspace(path: folder.path("W"), access: .look, command: "test")
    }

    /// Every object of the trained models by its path, and what is promoted.
    func models(_ workspace: String) throws -> [String: [UInt8]] {
        var objects: [String: [UInt8]] = [:]
        for bucket in ["models", "model-promotion"] {
            let root = "\(workspace)/objects/\(bucket)"
            let paths = FileManager.default.enumerator(atPath: folder.path(root))
            while let path = paths?.nextObject() as? String {
                guard path.contains(".") else { continue }
                objects["\(bucket)/\(path)"] = try folder.read("\(root)/\(path)")
            }
        }
        return objects
    }

    @Test(
        "A worker killed in the middle of a training is replaced, and the bytes are a night's own",
        .enabled(if: TestBroker.isInstalled, "\(TestBroker.skipMessage)"))
    func takeover() throws {
        let broker = try TestBroker()
        let place = ["--fleet", "f", "--broker-port", "\(broker.port)"]
        let posted = try run(["preprocess", "--post"] + place)
        #expect(posted.status == 0, "\(posted.errors)")
        let victim = try start(
            ["worker", "--types", "xgboost", "--lease-seconds", "3"] + place)
        let isTraining = try Eventually.holds(within: 120) {
            try victim.errorsSoFar().contains("Training xgboost")
        }
        #expect(isTraining)
        let claims = try look().registry.claims()
        #expect(
            claims.first?.lease?.holder.hasPrefix("'worker', process \(victim.pid) on ") == true)
        victim.send(SIGKILL)
        #expect(try victim.wait().status == -SIGKILL)
        let heir = try start(["worker"] + place)
        let evaluated = try run(
            ["evaluate", "--wait", "280", "--expected-model-types"]
                + ["\(Self.types),ensemble"])
        #expect(evaluated.status == 0, "\(evaluated.errors)")
        heir.send(SIGTERM)
        let ended = try heir.wait()
        #expect(ended.status == 0, "\(ended.errors)")
        #expect(ended.output.contains("(xgboost) SUCCESS"))
        #expect(ended.output.contains("(ensemble) SUCCESS"))
        let claim = try #require(try look().registry.claims().first)
        #expect(claim.attempt == 2 && claim.failureCount == 1 && claim.state == .settled)
        #expect(try run(["promote"]).status == 0)

        let night = try run(["nightly"] + place, workspace: "single")
        #expect(night.errors.contains("There is no signing key"), "\(night.errors)")
        var expected = try models("single")
        #expect(expected.count == 11, "\(expected.keys.sorted())")
        var made = try models("W")
        for name in expected.keys where name.hasSuffix("evaluation.json") || name.contains("curr") {
            expected[name] = try unversioned(try #require(expected[name]))
            made[name] = try unversioned(try #require(made[name]))
        }
        #expect(made.keys.sorted() == expected.keys.sorted())
        for (name, bytes) in expected { #expect(made[name] == bytes, "\(name)") }
    }

    /// A report without its version: that follows the order in which workers finish.
    func unversioned(_ bytes: [UInt8]) throws -> [UInt8] {
        Array(String(decoding: bytes, as: UTF8.self).replacing(#/"version":\d+/#, with: "").utf8)
    }

    @Test("A worker that is told to stop gives its claim back, and another goes on at once")
    func stops() throws {
        #expect(try run(["preprocess", "--post"]).status == 0)
        let worker = try start(["worker", "--types", "xgboost"])
        let isTraining = try Eventually.holds(within: 120) {
            try worker.errorsSoFar().contains("Training xgboost")
        }
        #expect(isTraining)
        worker.send(SIGTERM)
        #expect(try worker.wait().status == 0)
        let claim = try #require(try look().registry.claims().first)
        #expect(claim.state == .open && claim.attempt == 1 && claim.failureCount == 0)
        #expect(try look().runs().map(\.reason) == ["Its trainer was told to stop."])
        let other = try run(["worker", "--drain", "--types", "xgboost"])
        #expect(other.status == 0)
        #expect(other.output.contains("(xgboost) SUCCESS"), "\(other.errors)")
        let after = try look().registry.claims().map(\.state)
        #expect(after == [.settled, .open, .open], "only its own types")
    }

    @Test("Waiting for workers that never come ends at the deadline with what is missing")
    func deadline() throws {
        #expect(try run(["preprocess", "--post"]).status == 0)
        #expect(try run(["worker", "--drain", "--types", "trend"]).status == 0)
        let evaluated = try run(["evaluate", "--wait", "1"])
        #expect(evaluated.status == 2)
        #expect(
            evaluated.errors.contains(
                "is only partly trained: trend succeeded, but xgboost waits for a trainer "
                    + "(attempt 1 of 3). Nothing was evaluated"), "\(evaluated.errors)")
        let night = try run(
            ["nightly", "--fleet", "f", "--broker-port", "1"]
                + ["--train-jobs", "0", "--train-deadline", "1"])
        #expect(night.status == 2)
        #expect(night.errors.contains("After 1 s (TRAIN_DEADLINE) it waits for a trainer"))
        #expect(night.output.contains("held: expected model types are missing"))
        #expect(try look().registry.promotionHistory().isEmpty)
    }

    @Test("A night without trainers of its own is trained by a worker beside it")
    func beside() throws {
        let worker = try start(["worker", "--types", "trend"])
        #expect(try worker.wait().errors.contains("There is no workspace in W."))
        #expect(try run(["preprocess"]).status == 0)
        let night = try start(
            ["nightly", "--fleet", "f", "--broker-port", "1", "--train-jobs", "0"])
        let isPosted = try Eventually.holds(within: 120) {
            try !look().registry.claims().isEmpty
        }
        #expect(isPosted)
        let beside = try start(["worker"])
        let finished = try night.wait(seconds: 300)
        beside.send(SIGTERM)
        #expect(try beside.wait().status == 0)
        #expect(finished.output.contains("(ensemble) trained"), "\(finished.errors)")
        #expect(try look().registry.promotionHistory().count == 1)
    }
}
