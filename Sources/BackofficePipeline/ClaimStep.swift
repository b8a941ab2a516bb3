import Datasets
package import EdgeProtocol
import Glibc
import ObjectStore
import Prognostics
import Registry

/// Makes one run of the data set that a claim check names, in a trainer process, under a lease.
///
/// It takes no lock, so several types are trained at once by as many such commands. The claim is
/// posted if nobody has, tried as often as it may be, and another holder of it is not disturbed.
package struct ClaimStep {
    /// What to make of the data set.
    package enum Model: Sendable {
        case type(String)
        case ensemble(EnsembleRecipe)
    }

    /// Milliseconds between two looks at the trainer.
    private static let intervalMillis: UInt32 = 50

    private let workspace: Workspace
    private let step: TrainStep
    private let budget: TrainerBudget
    private let leaseSeconds: Int
    private let channel: PipelineChannel
    private let progress: ProgressReport

    /// The workspace is shared.
    /// - Throws: `badClaim` when the check is not that of the stored data set.
    package init(
        workspace: Workspace, check: ClaimCheck, model: Model, seed: UInt32,
        budget: TrainerBudget, leaseSeconds: Int, broker: FleetBroker?, progress: ProgressReport
    ) throws {
        let configHash = check.configHash.description
        guard try PreprocessStep.claimCheck(configHash, in: workspace) == check else {
            throw BackofficeError.badClaim(
                reason: "the stored data set \(configHash.prefix(16)) has another key or digest.")
        }
        step =
            switch model {
            case .type(let type):
                try TrainStep(
                    workspace: workspace, modelType: type, seed: seed, configHash: configHash,
                    progress: progress)
            case .ensemble(let recipe):
                TrainStep(
                    workspace: workspace, ensemble: recipe, seed: seed, configHash: configHash,
                    progress: progress)
            }
        self.workspace = workspace
        self.budget = budget
        self.leaseSeconds = leaseSeconds
        self.progress = progress
        channel = PipelineChannel(broker: broker, listens: false, progress: progress)
    }

    /// The claim check in a file, or under a key of `processed-data` if there is no such file.
    package static func claimCheck(
        _ place: String, in workspace: Workspace
    ) throws -> ClaimCheck {
        let bytes: [UInt8]
        if WholeFile.exists(place) {
            bytes = try WholeFile.read(place, sizeMax: ProtocolLimits.pipelineSizeMax)
        } else {
            let prefix = "\(ClaimCheck.bucket)/"
            let text = place.hasPrefix(prefix) ? String(place.dropFirst(prefix.count)) : place
            bytes = try workspace.objects.get(
                bucket: .processedData, key: ObjectKey(text),
                sizeMax: ProtocolLimits.pipelineSizeMax)
        }
        do throws(PipelineMessageError) {
            return try ClaimCheck(payload: bytes)
        } catch {
            throw BackofficeError.badClaim(reason: "\(error)")
        }
    }

    /// Makes the run, unless it has succeeded before; gives the claim back when it is stopped.
    package func run(until isStopped: () -> Bool) throws -> TrainStep.Report {
        let order = try step.order()
        if let known = try step.registered(order.runID) { return known }
        try step.checkMembers(order)
        let registry = workspace.registry
        try registry.expireLeases(endTimeMillis: WallClock.nowMillis())
        try registry.post([order], attemptsMax: Int64(budget.attemptsMax))
        let pool = TrainerPool(
            workspace: workspace, budget: budget, leaseSeconds: Int64(leaseSeconds),
            holder: ThisProcess.name("train"), progress: progress)
        while !isStopped() {
            _ = try pool.turn()
            let claim = try registry.claim(order.runID)
            if claim?.state == .settled {
                if let run = try registry.run(order.runID) { channel.announce(run) }
                break
            }
            if pool.isEmpty {
                try pool.start([order])
                if pool.isEmpty, let lease = try registry.claim(order.runID)?.lease {
                    throw BackofficeError.claimHeld(runID: order.runID, holder: lease.holder)
                }
            }
            usleep(Self.intervalMillis * 1_000)
        }
        try pool.release()
        if let report = try step.registered(order.runID, isUnchanged: false) { return report }
        throw BackofficeError.trainingFailed(
            type: step.modelType,
            reason: try registry.run(order.runID)?.reason ?? "Nobody has begun its run.")
    }
}
