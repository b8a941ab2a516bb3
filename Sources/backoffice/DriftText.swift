import Evaluation

/// Drift as people read it.
enum DriftText {
    /// What drifts, model by model; every track if `isWhole`.
    static func lines(_ report: DriftReport, isWhole: Bool) -> String {
        let models = report.models.map { model($0, isWhole: isWhole) }
        return (models + report.quality.map(quality) + report.notes).joined(separator: "\n")
    }

    private static func model(_ model: DriftReport.Model, isWhole: Bool) -> String {
        func count(_ verdict: DriftFinding.Verdict) -> Int {
            model.findings.count { $0.verdict == verdict }
        }
        let summary =
            "run \(model.runID): \(model.readingCount) readings of \(model.agents.count) agent(s); "
            + "\(count(.drifting)) of \(model.findings.count) tracks drift, \(count(.watched)) are "
            + "watched, \(count(.stable)) are as in training, \(count(.unknown)) are unknown"
        let shown = model.findings.filter {
            isWhole || $0.verdict == .drifting || $0.verdict == .watched
        }
        guard !shown.isEmpty else { return summary }
        let head = [
            "track", "regime", "PSI", "distance", "shift", "strangers", "moved", "verdict",
        ]
        return summary + "\n" + TextTable.columns([head] + shown.map(row))
    }

    private static func row(_ finding: DriftFinding) -> [String] {
        let figures = finding.figures
        return [
            finding.track, finding.regimeName, TextTable.figure(figures?.psi, decimals: 2),
            TextTable.figure(figures?.distance, decimals: 2),
            TextTable.figure(figures?.shift, decimals: 2),
            figures.map { "\($0.strangerCount)" } ?? "-",
            "\(finding.movedCount) of \(finding.windowCount)", finding.verdict.rawValue,
        ]
    }

    private static func quality(_ quality: LiveQuality) -> String {
        let head = ["regime", "rows", "RMSE", "promised", "bias", "coverage"]
        let rows = quality.groups.map { group in
            [
                group.regime, "\(group.rowCount)", TextTable.figure(group.rmse, decimals: 2),
                TextTable.figure(group.promisedRMSE, decimals: 2),
                TextTable.figure(group.bias, decimals: 2),
                TextTable.figure(group.coverage, decimals: 3),
            ]
        }
        return "run \(quality.runID) on \(quality.engineCount) engine(s) that failed since"
            + (quality.isWorse ? ": worse than promised" : "") + "\n"
            + TextTable.columns([head] + rows)
    }
}
