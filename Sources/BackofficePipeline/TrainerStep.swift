package import Registry

/// What a trainer process does: one run, under a lease that its supervisor keeps.
package enum TrainerStep {
    /// Makes the run of a leased claim, in no more than `megabytes` of data memory.
    package static func run(
        _ lease: Lease, workspace: Workspace, threadCount: Int, megabytes: Int?,
        progress: ProgressReport
    ) throws -> TrainStep.Report {
        let registry = workspace.registry
        guard let claim = try registry.claim(lease.runID), try registry.holds(lease) else {
            throw RegistryError.leaseLost(runID: lease.runID, attempt: lease.attempt)
        }
        let step: TrainStep
        do {
            step = try TrainStep(
                workspace: workspace, order: claim.order, threadCount: threadCount,
                progress: progress)
        } catch {
            try registry.failRun(
                under: lease, reason: "\(error)", isFinal: false,
                endTimeMillis: WallClock.nowMillis())
            throw error
        }
        guard let megabytes else { return try step.run(under: lease) }
        try TrainerLimit.setMemory(megabytes: megabytes)
        return try step.run(
            under: lease,
            note: " It had a memory limit of \(megabytes) MB; raise TRAIN_MEMORY_MB if that is why."
        )
    }
}
