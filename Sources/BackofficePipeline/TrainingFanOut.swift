import Glibc
import Registry

/// Has runs made, each by a trainer process here or by a worker elsewhere, until a deadline.
///
/// Posted claims are for whoever leases them first. What this process leases lasts as long as its
/// lock on the workspace; what a worker leases is its own.
struct TrainingFanOut {
    /// What became of one run.
    enum Outcome {
        case trained(TrainStep.Report)
        /// The run is FAILED, or was not settled before the deadline.
        case failed(type: String, reason: String)
    }

    /// Milliseconds between two looks at trainers and claims.
    private static let intervalMillis: UInt32 = 50

    let workspace: Workspace
    let budget: TrainerBudget
    let channel: PipelineChannel
    let progress: ProgressReport

    /// Makes the runs that are not registered yet; outcomes come in the order of the steps.
    func train(_ steps: [TrainStep]) throws -> [Outcome] {
        let known = try steps.map { try $0.known() }
        let orders = try zip(known, steps).filter { $0.0 == nil }.map { try $0.1.order() }
        if let configHash = orders.first?.configHash {
            try workspace.registry.withdrawClaims(except: configHash)
            try workspace.registry.post(orders, attemptsMax: Int64(budget.attemptsMax))
            channel.announce(try PreprocessStep.claimCheck(configHash, in: workspace))
            try settle(orders)
        }
        return try zip(known, steps).map { known, step in
            if let known { return .trained(known) }
            return try outcome(of: step)
        }
    }

    private func settle(_ orders: [TrainingOrder]) throws {
        let clock = ContinuousClock()
        let deadline = clock.now + .seconds(budget.secondsMax)
        let pool = TrainerPool(
            workspace: workspace, budget: budget, leaseSeconds: nil,
            holder: ThisProcess.name("nightly"), progress: progress)
        var settled: Set<String> = []
        if budget.jobs == 0 { progress.step("Waiting for workers to train \(orders.count) run(s)") }
        while true {
            _ = try pool.turn()
            try workspace.registry.expireLeases(endTimeMillis: WallClock.nowMillis())
            let claims = try orders.compactMap { try workspace.registry.claim($0.runID) }
            for claim in claims
            where claim.state == .settled && settled.insert(claim.order.runID).inserted {
                if let run = try workspace.registry.run(claim.order.runID) { channel.announce(run) }
            }
            if settled.count == orders.count && pool.isEmpty || clock.now >= deadline { break }
            try pool.start(claims.filter { $0.state == .open }.map(\.order))
            usleep(Self.intervalMillis * 1_000)
        }
        // Only the deadline leaves any.
        try pool.release()
    }

    private func outcome(of step: TrainStep) throws -> Outcome {
        let order = try step.order()
        if let report = try step.registered(order.runID, isUnchanged: false) {
            return .trained(report)
        }
        let run = try workspace.registry.run(order.runID)
        if let claim = try workspace.registry.claim(order.runID), claim.state != .settled {
            return .failed(
                type: step.modelType,
                reason: "After \(budget.secondsMax) s (TRAIN_DEADLINE) it \(claim.clause). "
                    + "Look at the workers, or raise the deadline.")
        }
        return .failed(type: step.modelType, reason: run?.reason ?? "Nobody has begun its run.")
    }
}
