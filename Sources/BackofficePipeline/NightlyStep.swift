package import Evaluation
import Mosquitto
package import Prognostics
import Registry

/// A whole night: preprocess, train, evaluate, promote, push, pull logs.
///
/// Each part is idempotent, so a night that was killed goes on where it stopped. A data set that
/// was decided about before is not trained or promoted again; its push still repairs the broker.
package struct NightlyStep {
    /// What a night is to do.
    package struct Request: Sendable {
        package let data: PreprocessStep.Request
        package let expectedTypes: [String]
        package let seed: UInt32
        package let broker: FleetBroker

        package init(
            data: PreprocessStep.Request, expectedTypes: [String], seed: UInt32,
            broker: FleetBroker
        ) {
            self.data = data
            self.expectedTypes = expectedTypes
            self.seed = seed
            self.broker = broker
        }
    }

    /// What a night did.
    package struct Report: Sendable {
        package let configHash: Digest
        /// The runs of this configuration, new ones and known ones.
        package var runs: [TrainStep.Report] = []
        /// Nil when nothing was new since the last decision.
        package var decision: PromotionDecision?
        package var push: PushStep.Report?
        package var pulls: [PullLogsStep.Report] = []
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

    /// Runs the night; a part that fails before the promotion ends it, later ones do not.
    package func run() throws -> Report {
        let claim = try PreprocessStep.run(request.data, workspace: workspace, progress: progress)
        var report = Report(configHash: claim.configHash)
        for type in request.expectedTypes {
            let training = try TrainStep(
                workspace: workspace, modelType: type, seed: request.seed, progress: progress)
            report.runs.append(try training.run())
        }
        if try isDecided(claim.configHash) {
            progress.step("Nothing to retrain: this data set was decided about before")
        } else {
            let promotion = PromoteStep(
                workspace: workspace, expectedTypes: request.expectedTypes, progress: progress)
            report.decision = try promotion.run(nowMillis: WallClock.nowMillis())
        }
        try PromoteStep.writeCurrent(workspace)
        exchange(&report)
        return report
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

    /// Push and pulls: the broker, a key or an agent may be missing, and the rest still counts.
    private func exchange(_ report: inout Report) {
        do {
            progress.step("Pushing")
            let push = PushStep(
                workspace: workspace, broker: request.broker, nowMillis: WallClock.nowMillis())
            report.push = try push.run()
        } catch let error as MosquittoError {
            report.failures.append("\(error)")
            // Without the broker there is nobody to pull from.
            return
        } catch {
            report.failures.append("\(error)")
        }
        do {
            let agents = try AgentDirectory.online(broker: request.broker)
            progress.step("Pulling logs from \(agents.count) agent(s)")
            for agent in agents { pull(agent, &report) }
        } catch {
            report.failures.append("\(error)")
        }
    }

    private func pull(_ agent: UnitIdentifier, _ report: inout Report) {
        do {
            let pull = try PullLogsStep(
                workspace: workspace, broker: request.broker, agent: agent, progress: progress)
            report.pulls.append(try pull.run())
        } catch {
            report.failures.append("\(error)")
        }
    }
}
