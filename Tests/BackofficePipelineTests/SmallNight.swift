import BackofficePipeline
import Datasets
import Evaluation
import Foundation
import TestSupport
import Registry
import Testing

/// A workspace after preprocessing and training a small simulated fleet; built once per process.
enum SmallNight {
    /// 40 units under seed 7: 28 train, 1 tunes, 2 calibrate, 9 evaluate.
    static let configuration = FleetConfiguration(units: 40, seed: 7)

    /// A folder with `train_SIM.txt`, and `W`, a workspace with one trained run.
    private static let trained: Result<TemporaryFolder, any Error> = Result {
        let folder = try TemporaryFolder("night")
        guard let configuration else { throw TestSupportError("40 units are a fleet.") }
        try FleetSimulator(configuration).write(to: folder.path("data"))
        let workspace = try Workspace(path: folder.path("W"), access: .create, command: "test")
        _ = try PreprocessStep.run(
            request(folder), workspace: workspace, progress: .silent)
        _ = try train(workspace, seed: 1)
        return folder
    }

    /// A copy of the trained workspace, for one test alone.
    static func copy() throws -> TemporaryFolder {
        let source = try trained.get()
        let folder = try TemporaryFolder("night-copy")
        for name in ["data", "W"] {
            try FileManager.default.copyItem(
                atPath: source.path(name), toPath: folder.path(name))
        }
        return folder
    }

    static func request(
        _ folder: TemporaryFolder, scheme: RoleScheme = .nightly, rolesSeed: UInt64 = 1
    ) -> PreprocessStep.Request {
        PreprocessStep.Request(
            folder: folder.path("data"), subset: "SIM", scheme: scheme, rolesSeed: rolesSeed)
    }

    /// The units that ran to failure.
    static func units(_ folder: TemporaryFolder) throws -> [Trajectory] {
        try DatasetFolder(folder.path("data")).train(subset: "SIM")
    }

    static func open(_ folder: TemporaryFolder) throws -> Workspace {
        try Workspace(path: folder.path("W"), access: .change, command: "test")
    }

    /// One trainer at a time, by the built program.
    static func trainers() throws -> TrainerBudget {
        TrainerBudget(program: try BuiltProduct.path("backoffice"))
    }

    /// Begins a run of the newest data set, and leaves it to the workspace's lock.
    @discardableResult
    static func begin(
        _ runID: String, _ modelType: String = "xgboost", in workspace: Workspace
    ) throws -> Lease {
        let newest = try #require(try workspace.registry.newestDataSet())
        let order = TrainingOrder(
            runID: runID, configHash: newest.configHash, modelType: modelType,
            parameters: "none", seed: 2)
        try workspace.registry.post([order], attemptsMax: 1)
        return try #require(
            try workspace.registry.lease(
                runID, holder: "test", seconds: nil, startTimeMillis: 1))
    }

    @discardableResult
    static func train(_ workspace: Workspace, seed: UInt32) throws -> TrainStep.Report {
        try TrainStep(
            workspace: workspace, modelType: "xgboost", seed: seed, progress: .silent
        ).run()
    }

    @discardableResult
    static func promote(_ workspace: Workspace) throws -> String {
        let step = PromoteStep(
            workspace: workspace, expectedTypes: ["xgboost"], progress: .silent)
        return switch try step.run(nowMillis: WallClock.nowMillis()) {
        case .promote(let contender, _, _): "promoted \(contender.version)"
        case .keep(let contender, _): "kept \(contender.version)"
        case .hold(let contender, _, _): "held \(contender.version)"
        }
    }
}
