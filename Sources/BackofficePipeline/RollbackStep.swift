import Evaluation
import ObjectStore
import Registry

/// Promotes an earlier version again because an operator says so, and writes the reason down.
///
/// Any version may be chosen whose bundle can be read. The version that it replaces is withdrawn:
/// it is no candidate of later nights until an operator rolls forward to it.
package struct RollbackStep {
    /// What is, or would be, promoted.
    package struct Report: Equatable, Sendable {
        package let version: Int64
        package let runID: String
        /// The version that was promoted before; the same when there was nothing to do.
        package let replaced: Int64
        package let reasons: [String]
    }

    /// The longest reason, in characters.
    package static let reasonLengthMax = 500

    private let workspace: Workspace
    private let progress: ProgressReport

    package init(workspace: Workspace, progress: ProgressReport) {
        self.workspace = workspace
        self.progress = progress
    }

    /// Promotes a version again; a dry run only says what would be recorded.
    package func run(
        to version: Int64, reason: String, nowMillis: Int64, isDryRun: Bool
    ) throws -> Report {
        guard let replaced = try workspace.registry.promotedVersion(),
            let last = try workspace.registry.lastDecision()
        else { throw BackofficeError.noPromotedModel }
        // A rollout would go on offering what is rolled back from.
        if let spread = try workspace.registry.versionInRollout() {
            throw RolloutStepError.active(version: spread, phase: "under way")
        }
        let bundle = try StoredBundle.version(version, in: workspace)
        guard version != replaced else {
            if !isDryRun { try PromoteStep.writeCurrent(workspace) }
            return Report(
                version: version, runID: bundle.runID, replaced: version,
                reasons: ["Version \(version) is the promoted model already."])
        }
        let history = try workspace.registry.promotionHistory()
        let past = try Self.past(of: version, history)
        let (score, comparison) = try score(bundle, against: replaced, history: history)
        let reasons = [
            "An operator rolled back to version \(version) (run \(bundle.runID)) from version "
                + "\(replaced): \(reason)", comparison, past,
        ]
        if !isDryRun {
            // About the data that was decided about last, so that the next night on it leaves the
            // rollback alone.
            let record = PromotionRecord(
                timeMillis: nowMillis, decision: .rolledBack, configHash: last.configHash,
                version: version, score: score, reasons: reasons)
            try workspace.registry.append(record, newestVersion: last.newestVersion)
            try PromoteStep.writeCurrent(workspace)
        }
        return Report(
            version: version, runID: bundle.runID, replaced: replaced, reasons: reasons)
    }

    /// The score on the newest units beside that of the version it replaces.
    ///
    /// A damaged data set must not stop a rollback: then the last score on record counts.
    private func score(
        _ bundle: StoredBundle, against replaced: Int64, history: [PromotionRecord]
    ) throws -> (Double, String) {
        func score(_ bundle: StoredBundle, _ units: NightlyRows) throws -> Double {
            try units.report(bundle).metrics.score
        }
        do {
            let units = try NightlyRows(workspace)
            progress.step("Scoring version \(bundle.version) on \(units.unitCount) units")
            let own = try score(bundle, units)
            let other =
                (try? StoredBundle.version(replaced, in: workspace)).flatMap {
                    try? score($0, units)
                }
            let text = other.map { "scores \($0.text(4))" } ?? "cannot be read"
            return (
                own,
                "On the newest units it scores \(own.text(4)), and version \(replaced) \(text)."
            )
        } catch {
            guard let known = history.last(where: { $0.version == bundle.version }) else {
                throw error
            }
            return (
                known.score,
                "The newest units cannot be read, so it was not scored again: \(error)"
            )
        }
    }

    /// What was decided about the version before.
    private static func past(
        of version: Int64, _ history: [PromotionRecord]
    ) throws -> String {
        guard let last = history.last(where: { $0.version == version }) else {
            return "No decision about it is on record."
        }
        let wasPromoted = history.contains {
            $0.version == version && ($0.decision == .promoted || $0.decision == .rolledBack)
        }
        return (wasPromoted ? "It was promoted before" : "It was never promoted")
            + "; on \(WallClock.text(last.timeMillis)) it was \(last.decision.rawValue)"
            + (last.decision == .rolledBack ? "." : " with a score of \(last.score.text(4)).")
    }
}

extension [PromotionRecord] {
    /// Versions that an operator rolled back from and did not go back to.
    var withdrawn: Set<Int64> {
        var withdrawn: Set<Int64> = []
        var promoted: Int64?
        for record in self where record.decision == .promoted || record.decision == .rolledBack {
            if record.decision == .rolledBack, let promoted { withdrawn.insert(promoted) }
            withdrawn.remove(record.version)
            promoted = record.version
        }
        return withdrawn
    }
}
