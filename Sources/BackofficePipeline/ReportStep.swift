package import Dashboard
import Datasets
import Evaluation
import Registry

/// Gathers what the page of the last night shows, from registry, data set and bundles.
package enum ReportStep {
    /// The night of the newest data set; its bundles are scored anew, from their bytes.
    package static func newest(
        in workspace: Workspace, progress: ProgressReport
    ) throws -> NightReport {
        guard let newest = try workspace.registry.newestDataSet() else {
            throw BackofficeError.noDataSet
        }
        let dataSet = try PreprocessStep.newest(in: workspace)
        let rows = try NightlyRows(workspace)
        let history = try workspace.registry.promotionHistory()
        let promoted = try workspace.registry.promotedVersion()
        let roles = UnitRole.allCases.map { role in
            let trajectories = dataSet.trajectories(role)
            return NightReport.RoleCount(
                role: role.rawValue, units: trajectories.count,
                rows: trajectories.reduce(0) { $0 + $1.snapshots.count })
        }
        var report = NightReport(
            configHash: newest.configHash,
            decision: decision(about: newest.configHash, history),
            roles: roles,
            candidates: try bundles(newest.configHash, promoted, workspace, progress).map {
                progress.step("Scoring version \($0.version) on \(rows.unitCount) units")
                return NightReport.Candidate(report: try rows.report($0), rows: rows.rows($0))
            },
            promotedVersion: promoted,
            failedRuns: try workspace.registry.runs(configHash: newest.configHash)
                .filter { $0.status == .failed }
                .map { NightReport.FailedRun(modelType: $0.modelType, reason: $0.reason) },
            history: history.map { record in
                NightReport.PastDecision(
                    verdict: verdict(record), version: record.version, score: record.score,
                    time: WallClock.text(record.timeMillis))
            },
            drift: try DriftStep.last(in: workspace))
        report.fleet = try FleetReportStep.newest(in: workspace)
        return report
    }

    /// The bundles of a configuration, and the promoted one when it is of another.
    ///
    /// One that cannot be read is named and left out: the page is how an operator finds out.
    private static func bundles(
        _ configHash: String, _ promoted: Int64?, _ workspace: Workspace,
        _ progress: ProgressReport
    ) throws -> [StoredBundle] {
        try workspace.registry.modelVersions()
            .filter { $0.run.configHash == configHash || $0.version == promoted }
            .compactMap { version in
                do {
                    return try StoredBundle(version, in: workspace)
                } catch let error where StoredBundle.isDamage(error) {
                    progress.step("Version \(version.version) is left out: \(error)")
                    return nil
                }
            }
    }

    private static func decision(
        about configHash: String, _ history: [PromotionRecord]
    ) -> NightReport.Decision {
        guard let last = history.last(where: { $0.configHash == configHash }) else {
            return NightReport.Decision(
                verdict: .undecided, version: nil, time: nil,
                reasons: [
                    "No decision is on record about the newest data set. Run the night again; it "
                        + "says which model types are missing."
                ])
        }
        return NightReport.Decision(
            verdict: verdict(last), version: last.version, time: WallClock.text(last.timeMillis),
            reasons: last.reasons, gates: last.gates)
    }

    private static func verdict(_ record: PromotionRecord) -> NightReport.Decision.Verdict {
        switch record.decision {
        case .promoted, .rolledBack: .promoted
        case .kept: .kept
        case .held: .held
        }
    }
}
