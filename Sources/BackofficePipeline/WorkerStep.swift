import Glibc
package import Registry

/// Makes runs that others posted, on this host, until it is told to stop.
///
/// It leases one claim for each trainer that the budget allows, renews the leases while they train,
/// and gives the claims back when it stops. The registry is asked every few seconds, and at once
/// when something is announced.
package struct WorkerStep {
    /// What a worker does.
    package struct Request: Sendable {
        /// Types it trains; empty for all.
        package let modelTypes: [String]
        package let budget: TrainerBudget
        /// How long a lease lasts without being renewed; it is renewed three times as often.
        package let leaseSeconds: Int
        /// Whether it ends when there is nothing to train.
        package let drains: Bool
        /// Nil announces nothing.
        package let broker: FleetBroker?

        package init(
            modelTypes: [String], budget: TrainerBudget, leaseSeconds: Int, drains: Bool,
            broker: FleetBroker?
        ) {
            precondition(WorkerStep.leaseSecondsRange.contains(leaseSeconds))
            precondition(budget.jobs > 0, "a worker has trainers")
            self.modelTypes = modelTypes
            self.budget = budget
            self.leaseSeconds = leaseSeconds
            self.drains = drains
            self.broker = broker
        }
    }

    /// From 3 seconds on, a renewal each second keeps a lease; after an hour a death is noticed.
    package static let leaseSecondsRange = 3...3_600
    /// Seconds between two looks at the registry while nothing is announced.
    private static let pollSeconds = 5.0
    /// Seconds between two looks at trainers and at the wish to stop.
    private static let turnSeconds = 0.2

    private let workspace: Workspace
    private let request: Request
    private let progress: ProgressReport

    /// The workspace is shared: a worker takes no lock.
    package init(workspace: Workspace, request: Request, progress: ProgressReport) {
        self.workspace = workspace
        self.request = request
        self.progress = progress
    }

    /// Works until `isStopped` says so; returns the runs that its trainers ended.
    package func run(until isStopped: () -> Bool) throws -> [Run] {
        let channel = PipelineChannel(broker: request.broker, listens: true, progress: progress)
        let pool = TrainerPool(
            workspace: workspace, budget: request.budget,
            leaseSeconds: Int64(request.leaseSeconds), holder: ThisProcess.name("worker"),
            progress: progress)
        var made: [Run] = []
        while !isStopped() {
            try workspace.registry.expireLeases(endTimeMillis: WallClock.nowMillis())
            let ready = try ready()
            try pool.start(ready)
            if request.drains && pool.isEmpty && ready.isEmpty { return made }
            try rest(pool, channel, isStopped) { made.append($0) }
        }
        progress.step("Stopping; what is being trained is given back")
        try pool.release()
        return made
    }

    /// Waits until there is something to do: a trainer ended, something was announced, or a while
    /// has passed.
    private func rest(
        _ pool: TrainerPool, _ channel: PipelineChannel, _ isStopped: () -> Bool,
        _ ended: (Run) -> Void
    ) throws {
        let clock = ContinuousClock()
        let deadline = clock.now + .seconds(Self.pollSeconds)
        while clock.now < deadline && !isStopped() {
            let runIDs = try pool.turn()
            for runID in runIDs {
                guard let run = try workspace.registry.run(runID) else { continue }
                ended(run)
                // A failure that is tried again is not the end of it.
                if try workspace.registry.claim(runID)?.state == .settled { channel.announce(run) }
            }
            if !runIDs.isEmpty || channel.listen(seconds: Self.turnSeconds) { return }
        }
    }

    /// Open claims that may be trained now, the oldest first: an ensemble needs its members.
    private func ready() throws -> [TrainingOrder] {
        try workspace.registry.claims().compactMap { claim in
            let order = claim.order
            guard claim.state == .open,
                request.modelTypes.isEmpty || request.modelTypes.contains(order.modelType)
            else { return nil }
            guard order.modelType == EnsembleRecipe.modelType else { return order }
            let missing = try EnsembleRecipe(order.members).missing(
                configHash: order.configHash, seed: order.seed, in: workspace.registry)
            return missing.isEmpty ? order : nil
        }
    }
}
