package import Evaluation
package import Fleet

extension AlertStep {
    /// What the last look for drift makes known: an alert for each track, and one for each model.
    ///
    /// A track that has moved in its newest window alone begins no alert and ends none.
    package static func conditions(of report: DriftReport) -> [AlertCondition] {
        let tracks = Dictionary(grouping: report.models.flatMap(\.findings), by: \.track)
        let moved = tracks.sorted { $0.key < $1.key }.compactMap { track, findings in
            condition(track, findings, time: report.time)
        }
        let models = report.quality.filter(\.isWorse).map { quality in
            AlertCondition(
                rule: .drift, subject: "model \(quality.runID)", severity: .warning,
                summary: "Engines that failed since say that the model does worse than it "
                    + "promised (\(quality.engineCount) engines, \(report.time)). 'backoffice "
                    + "drift' shows by how much; look whether the next night's candidate is "
                    + "better.")
        }
        return moved + models
    }

    private static func condition(
        _ track: String, _ findings: [DriftFinding], time: String
    ) -> AlertCondition? {
        let drifting = findings.filter { $0.verdict == .drifting }
        guard let worst = drifting.first else {
            guard findings.contains(where: { $0.verdict == .watched }) else { return nil }
            return AlertCondition(
                rule: .drift, subject: track, severity: .warning,
                summary: "The newest window has moved.", onlyHolds: true)
        }
        return AlertCondition(
            rule: .drift, subject: track, severity: .warning,
            summary: "Readings of \(track) differ from training in \(worst.movedCount) of "
                + "\(worst.windowCount) windows (\(time)). 'backoffice drift' shows regimes and "
                + "amounts: look at the sensor first, then at what the engines were flown for.")
    }
}
