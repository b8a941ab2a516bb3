import Glibc
import Registry

/// The trainers of this process: starts them, renews their leases, and records how they ended when
/// they could not do that themselves.
///
/// Every wait is a caller's: `turn` looks once and returns.
final class TrainerPool {
    private struct Trainer {
        let lease: Lease
        let modelType: String
        let process: TrainerProcess
        let deadline: ContinuousClock.Instant
        var nextRenewal: ContinuousClock.Instant
    }

    private let workspace: Workspace
    private let budget: TrainerBudget
    /// Nil while the workspace's lock is the lease.
    private let leaseSeconds: Int64?
    private let holder: String
    private let progress: ProgressReport
    private let clock = ContinuousClock()
    private var trainers: [Trainer] = []

    init(
        workspace: Workspace, budget: TrainerBudget, leaseSeconds: Int64?, holder: String,
        progress: ProgressReport
    ) {
        self.workspace = workspace
        self.budget = budget
        self.leaseSeconds = leaseSeconds
        self.holder = holder
        self.progress = progress
    }

    var isEmpty: Bool { trainers.isEmpty }

    /// Leases open claims and starts trainers for them, as many as the budget allows.
    ///
    /// `candidates` may be trained now; the first ones go first.
    func start(_ candidates: [TrainingOrder]) throws {
        for order in candidates where trainers.count < budget.jobs {
            let lease = try workspace.registry.lease(
                order.runID, holder: holder, seconds: leaseSeconds,
                startTimeMillis: WallClock.nowMillis())
            // Another trainer was first.
            guard let lease else { continue }
            do {
                trainers.append(try trainer(order, lease))
            } catch {
                try end(lease, "\(error)", order.modelType)
            }
        }
    }

    /// Looks at every trainer once; returns the runs whose trainer ended.
    func turn() throws -> [String] {
        var ended: [String] = []
        for index in trainers.indices.reversed() {
            guard let reason = try reasonToDrop(&trainers[index]) else { continue }
            let trainer = trainers.remove(at: index)
            trainer.process.stop()
            if let reason = reason.text { try end(trainer.lease, reason, trainer.modelType) }
            ended.append(trainer.lease.runID)
        }
        return ended
    }

    /// Stops every trainer and gives its claim back, which counts as no failure.
    func release() throws {
        for trainer in trainers {
            trainer.process.stop()
            try workspace.registry.release(trainer.lease, endTimeMillis: WallClock.nowMillis())
        }
        trainers.removeAll()
    }

    /// Why a trainer is no longer watched; without a text it recorded its run or lost its lease.
    private struct Reason {
        let text: String?
    }

    private func reasonToDrop(_ trainer: inout Trainer) throws -> Reason? {
        if let end = trainer.process.poll() {
            return Reason(text: end == .exited(0) ? nil : text(end))
        }
        guard clock.now < trainer.deadline else {
            return Reason(
                text: "Its trainer was still at it after \(budget.secondsMax) s and was stopped. "
                    + "Raise TRAIN_DEADLINE, or train on less data.")
        }
        guard let leaseSeconds, clock.now >= trainer.nextRenewal else { return nil }
        trainer.nextRenewal = clock.now + .seconds(Double(leaseSeconds) / 3)
        if try workspace.registry.renew(trainer.lease) { return nil }
        progress.step("The lease of run \(trainer.lease.runID) is lost; its trainer is stopped")
        return Reason(text: nil)
    }

    private func text(_ end: TrainerProcess.End) -> String {
        let what =
            switch end {
            case .exited(let status): "ended with status \(status)"
            case .signalled(let signal):
                "was ended by signal \(signal) (\(String(cString: strsignal(signal))))"
            }
        let limit = budget.trainerMegabytes
        return "Its trainer \(what)"
            + (limit > 0
                ? " under a memory limit of \(limit) MB; raise TRAIN_MEMORY_MB if that is why."
                : ". Look at the journal for what it said, and at the kernel's for lack of memory.")
    }

    /// Records a failure that the trainer has not recorded itself.
    private func end(_ lease: Lease, _ reason: String, _ modelType: String) throws {
        do {
            try workspace.registry.failRun(
                under: lease, reason: reason, isFinal: false, endTimeMillis: WallClock.nowMillis())
            progress.step("\(modelType): \(reason)")
        } catch RegistryError.leaseLost {
            // It has, or another trainer has the claim: what that one records counts.
        }
    }

    private func trainer(_ order: TrainingOrder, _ lease: Lease) throws -> Trainer {
        var arguments = [
            "trainer", "--workspace", workspace.path, "--object-store", workspace.store.text,
            "--run", lease.runID,
            "--attempt", "\(lease.attempt)", "--threads", "\(budget.threadCount)",
        ]
        if budget.trainerMegabytes > 0 {
            arguments += ["--memory-mb", "\(budget.trainerMegabytes)"]
        }
        if budget.jobs > 1 { arguments.append("--no-bars") }
        let process = try TrainerProcess(
            program: budget.program, arguments: arguments, isSilent: progress.isSilent)
        return Trainer(
            lease: lease, modelType: order.modelType, process: process,
            deadline: clock.now + .seconds(budget.secondsMax), nextRenewal: clock.now)
    }
}
