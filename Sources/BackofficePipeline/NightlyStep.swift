package import Evaluation
package import Fleet
import Mosquitto
package import Prognostics
import Registry

/// A whole night: pull logs, preprocess, train, evaluate, promote, push, look for drift.
///
/// Logs come first, so that a night learns from the day before it. An agent that is out of reach,
/// or the whole broker, costs its newest readings and nothing else.
///
/// `run` is the list of its parts, each a method that reads and adds to the report. Training is
/// `TrainingFanOut`'s: one trainer process for each type. Each part is idempotent, so a night that
/// was killed goes on where it stopped. A data set that was decided about before is not trained or
/// promoted again; its push still repairs the broker. A type whose training fails holds the
/// promotion, unless it is to be left out, and nothing else: the other types are trained, and the
/// broker and the agents have their turn.
package struct NightlyStep {
    /// What a night is to do.
    package struct Request: Sendable {
        package let data: PreprocessStep.Request
        package let expectedTypes: [String]
        /// Combined when its members have succeeded; nil for no ensemble.
        package let ensemble: EnsembleRecipe?
        /// Whether types whose run failed are left out instead of holding the promotion.
        package let excludeFailed: Bool
        package let seed: UInt32
        package let broker: FleetBroker
        /// Whether the agents that are online are asked for their logs.
        package let pullsLogs: Bool
        package let trainers: TrainerBudget
        /// How a newly promoted model reaches the fleet; nil for all at once.
        package let rollout: RolloutPlan?
        /// Who is told at its end of what must be acted on; nil for nobody.
        package let alerts: AlertStep.Request?

        package init(
            data: PreprocessStep.Request, expectedTypes: [String],
            ensemble: EnsembleRecipe? = nil, excludeFailed: Bool = false, seed: UInt32,
            broker: FleetBroker, trainers: TrainerBudget, pullsLogs: Bool = true,
            rollout: RolloutPlan? = nil, alerts: AlertStep.Request? = nil
        ) {
            self.data = data
            self.expectedTypes = expectedTypes
            self.ensemble = ensemble
            self.excludeFailed = excludeFailed
            self.seed = seed
            self.broker = broker
            self.pullsLogs = pullsLogs
            self.trainers = trainers
            self.rollout = rollout
            self.alerts = alerts
        }
    }

    /// What a night did.
    package struct Report: Sendable {
        package let configHash: Digest
        /// What was left out of the data set, and why.
        package let validation: ValidationReport
        /// The runs of this configuration, new ones and known ones.
        package var runs: [TrainStep.Report] = []
        /// Why there is no ensemble although one was asked for; a sentence.
        package var ensembleNote: String?
        /// Whether expected types are missing, so that nothing was decided; `failures` names them.
        package var isHeld = false
        /// Nil when nothing was new since the last decision, or types are missing.
        package var decision: PromotionDecision?
        package var push: PushStep.Report?
        /// Instead of a push: the step of the rollout that is active, or begins.
        package var rollout: RolloutStep.Report?
        package var pulls: [PullLogsStep.Report] = []
        /// What the fleet's readings look like; nil when no broker said.
        package var drift: DriftReport?
        /// What an operator should look at although nothing failed; a sentence each.
        package var warnings: [String] = []
        /// One sentence for each part that failed while the night went on.
        package var failures: [String] = []
    }

    private let workspace: Workspace
    private let request: Request
    private let progress: ProgressReport

    package init(workspace: Workspace, request: Request, progress: ProgressReport) {
        self.workspace = workspace
        self.request = request
        self.progress = progress
    }

    /// Runs the night, and puts on record how it ended.
    package func run() throws -> Report {
        let night = try workspace.registry.beginNight(
            target: request.broker.target, timeMillis: WallClock.nowMillis())
        let end = NightEnd(
            workspace: workspace, broker: request.broker, alerts: request.alerts,
            progress: progress)
        do {
            let report = try work()
            end.write(night, report.end.outcome, detail: report.end.detail)
            return report
        } catch {
            end.write(night, .failed, detail: "\(error)")
            throw error
        }
    }

    /// The night; a part that fails before the promotion ends it, save a type's training.
    private func work() throws -> Report {
        let types = request.expectedTypes.filter { $0 != EnsembleRecipe.modelType }
        // All made before the first runs: an unknown type is refused before hours of training.
        let trainings = try types.map { type in
            try TrainStep(
                workspace: workspace, modelType: type, seed: request.seed, progress: progress)
        }
        let doubt = WallClock.doubt(
            nowMillis: WallClock.nowMillis(),
            newestMillis: try workspace.registry.newestTimeMillis())
        if let doubt { progress.step("Warning: \(doubt)") }
        let (pulls, notPulled) = request.pullsLogs ? pullAll() : ([], [])
        let data = try PreprocessStep.run(request.data, workspace: workspace, progress: progress)
        var report = Report(configHash: data.configHash, validation: data.validation)
        report.warnings = doubt.map { [$0] } ?? []
        report.pulls = pulls
        report.failures = notPulled
        try train(trainings, &report)
        try combine(&report)
        try promote(&report)
        if try workspace.registry.promotedVersion() != nil {
            try PromoteStep.writeCurrent(workspace)
        }
        push(&report)
        watch(&report)
        return report
    }

    /// Trains types; a failure is on record as its run's, and the night goes on.
    private func train(_ steps: [TrainStep], _ report: inout Report) throws {
        let fanOut = TrainingFanOut(
            workspace: workspace, budget: request.trainers,
            channel: PipelineChannel(broker: request.broker, listens: false, progress: progress),
            progress: progress)
        for outcome in try fanOut.train(steps) {
            switch outcome {
            case .trained(let run): report.runs.append(run)
            case .failed(let type, let reason):
                progress.step("\(type) failed: \(reason)")
                report.failures.append("\(type) was not trained: \(reason)")
            }
        }
    }

    private func combine(_ report: inout Report) throws {
        guard let ensemble = request.ensemble else { return }
        let missing = try ensemble.missing(
            configHash: report.configHash.description, seed: request.seed, in: workspace.registry)
        guard missing.isEmpty else {
            report.ensembleNote = "no ensemble \(ensemble.text): \(missing.joined(separator: ", "))"
            progress.step("There is \(report.ensembleNote ?? "")")
            return
        }
        try train(
            [
                TrainStep(
                    workspace: workspace, ensemble: ensemble, seed: request.seed,
                    progress: progress)
            ], &report)
    }

    private func promote(_ report: inout Report) throws {
        if try isDecided(report.configHash) {
            progress.step("Nothing to retrain: this data set was decided about before")
            return
        }
        let promotion = PromoteStep(
            workspace: workspace, expectedTypes: request.expectedTypes,
            excludeFailed: request.excludeFailed, progress: progress)
        do {
            report.decision = try promotion.run(nowMillis: WallClock.nowMillis())
        } catch let error as BackofficeError {
            switch error {
            case .notReady, .withdrawn: report.isHeld = true
            default: throw error
            }
            report.failures.append("\(error)")
        }
    }

    /// Whether the last decision was about this configuration with all the versions it has now.
    ///
    /// Versions, not times: a clock that was set back would hide a new run from the decision.
    private func isDecided(_ configHash: Digest) throws -> Bool {
        guard let last = try workspace.registry.lastDecision(),
            last.configHash == configHash.description
        else { return false }
        let versions = try workspace.registry.modelVersions(configHash: configHash.description)
        return versions.allSatisfy { $0.version <= last.newestVersion }
    }

    /// The broker or the key may be missing, and the rest of the night still counts.
    private func push(_ report: inout Report) {
        do {
            progress.step("Pushing")
            let nowMillis = WallClock.nowMillis()
            report.rollout = try RolloutStep(
                workspace: workspace, broker: request.broker, nowMillis: nowMillis,
                progress: progress
            ).deliver(request.rollout)
            if let rollout = report.rollout {
                if rollout.hasHalted { report.failures.append("Its rollout \(rollout.summary)") }
                return
            }
            let push = PushStep(
                workspace: workspace, broker: request.broker, nowMillis: nowMillis)
            report.push = try push.run()
        } catch {
            // Without its broker a night fails to pull and to push for one reason.
            let sentence = "\(error)"
            if !report.failures.contains(sentence) { report.failures.append(sentence) }
        }
    }

    /// Looks at what the fleet reads; whatever keeps it from looking costs the night nothing.
    private func watch(_ report: inout Report) {
        do {
            let drift = try DriftStep(
                workspace: workspace, broker: request.broker, progress: progress
            ).run()
            try DriftStep.store(drift, in: workspace)
            report.drift = drift
        } catch {
            let sentence = "\(error)"
            if !report.failures.contains(sentence) { report.failures.append(sentence) }
        }
    }

    /// Pulls from every agent that is online; who cannot be reached is named and left for later.
    private func pullAll() -> (pulls: [PullLogsStep.Report], failures: [String]) {
        var (pulls, failures) = ([PullLogsStep.Report](), [String]())
        do {
            let agents = try AgentDirectory.online(broker: request.broker)
            progress.step("Pulling logs from \(agents.count) agent(s)")
            for agent in agents {
                do {
                    let pull = try PullLogsStep(
                        workspace: workspace, broker: request.broker, agent: agent,
                        progress: progress)
                    pulls.append(try pull.run())
                } catch {
                    failures.append("\(error)")
                }
            }
        } catch {
            failures.append("\(error)")
        }
        return (pulls, failures)
    }
}
