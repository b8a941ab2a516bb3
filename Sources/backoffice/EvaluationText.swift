import Evaluation

/// Evaluation reports side by side: a line for each metric, a column for each candidate.
struct EvaluationText {
    /// Candidates in one table; more go into the next, so that lines stay below 100 columns.
    private static let columnCountMax = 4

    private var lines: [[String]] = []

    /// The whole text.
    static func table(_ reports: [EvaluationReport]) -> String {
        guard let first = reports.first else { return "no candidates" }
        let best = reports.min { $0.metrics.score < $1.metrics.score } ?? first
        let tables = stride(from: 0, to: reports.count, by: columnCountMax).map { start in
            let some = Array(reports[start..<min(start + columnCountMax, reports.count)])
            var text = EvaluationText()
            text.addHead(some)
            text.addErrors(some, best: best)
            text.addFailure(some, best: best)
            text.addIntervals(some)
            text.addLives(some)
            text.addLateStarters(some)
            return TextTable.columns(text.lines)
        }
        let metrics = first.metrics
        let regimes =
            metrics.byRegime.count > 1
            ? reports.map { "\n" + groups("regime", $0) }.joined(separator: "\n") : ""
        let sources =
            metrics.bySource.count > 1
            ? "\n" + reports.map { "\n" + groups("source", $0) }.joined(separator: "\n") : ""
        return """
            protocol \(first.evaluationProtocol.rawValue): \(metrics.unitCount) units, \
            \(metrics.rowCount) rows; [low to high] holds 95 %, resampled by unit
            \(tables.joined(separator: "\n\n"))
            \(reports.map { "\n" + groups("true RUL", $0) }.joined(separator: "\n"))\(regimes)\
            \(sources)
            """
    }

    private mutating func add(_ name: String, _ cells: [String]) { lines.append([name] + cells) }

    private mutating func add(
        _ name: String, decimals: Int = 3, _ reports: [EvaluationReport],
        _ value: (EvaluationReport) -> Double?
    ) {
        add(name, reports.map { TextTable.figure(value($0), decimals: decimals) })
    }

    private mutating func add(
        _ name: String, decimals: Int = 3, interval reports: [EvaluationReport],
        _ value: (EvaluationReport) -> BootstrapInterval?
    ) {
        add(name, reports.map { Self.interval(value($0), decimals: decimals) })
    }

    private static func interval(_ interval: BootstrapInterval?, decimals: Int) -> String {
        guard let interval else { return "-" }
        let low = TextTable.figure(interval.low, decimals: decimals)
        return "[\(low) to \(TextTable.figure(interval.high, decimals: decimals))]"
    }

    private mutating func addHead(_ reports: [EvaluationReport]) {
        add("", reports.map(\.subject.modelType))
        add("version", reports.map { "\($0.subject.version)" })
        add("run", reports.map(\.subject.runID))
        add("bundle bytes", reports.map { "\($0.subject.bundleBytes)" })
        add("score", reports) { $0.metrics.score }
    }

    private mutating func addErrors(_ reports: [EvaluationReport], best: EvaluationReport) {
        add("RMSE capped at 125", decimals: 2, reports) { $0.metrics.capped.rmse }
        add("", decimals: 2, interval: reports) { $0.metrics.resampled.rmse }
        if reports.contains(where: { $0 != best }) {
            add("  minus version \(best.subject.version)", decimals: 2, reports) {
                $0 == best ? nil : $0.difference(to: best)?.rmse
            }
            add("", decimals: 2, interval: reports) {
                $0 == best ? nil : $0.difference(to: best)?.rmseInterval
            }
        }
        add("MAE capped", decimals: 2, reports) { $0.metrics.capped.mae }
        add("MSE capped", decimals: 1, reports) { $0.metrics.capped.mse }
        add("PHM08 capped", decimals: 0, reports) { $0.metrics.capped.phm08 }
        add("RMSE uncapped", decimals: 2, reports) { $0.metrics.uncapped.rmse }
        add("MAE uncapped", decimals: 2, reports) { $0.metrics.uncapped.mae }
        add("PHM08 uncapped", decimals: 0, reports) { $0.metrics.uncapped.phm08 }
    }

    private mutating func addFailure(_ reports: [EvaluationReport], best: EvaluationReport) {
        add("F2, failure <= 30", reports) { $0.metrics.failure.f2 }
        add("", interval: reports) { $0.metrics.resampled.f2 }
        if reports.contains(where: { $0 != best }) {
            add("  minus version \(best.subject.version)", reports) {
                $0 == best ? nil : $0.difference(to: best)?.f2
            }
        }
        add("precision", reports) { $0.metrics.failure.precision }
        add("recall", reports) { $0.metrics.failure.recall }
        add("ROC-AUC", reports) { $0.metrics.failure.rocAUC }
        add("PR-AUC", reports) { $0.metrics.failure.averagePrecision }
    }

    private mutating func addIntervals(_ reports: [EvaluationReport]) {
        add("interval coverage", reports) { $0.metrics.interval.coverage }
        add("", interval: reports) { $0.metrics.resampled.coverage }
        add("  mean width", decimals: 1, reports) { $0.metrics.interval.meanWidth }
        add("coverage, RUL <= 30", reports) { $0.metrics.intervalNearFailure.coverage }
        add("", interval: reports) { $0.metrics.resampled.coverageNearFailure }
        add("  mean width", decimals: 1, reports) { $0.metrics.intervalNearFailure.meanWidth }
    }

    private mutating func addLives(_ reports: [EvaluationReport]) {
        guard reports.contains(where: { $0.metrics.alarms != nil }) else { return }
        add(
            "units warned",
            reports.map {
                $0.metrics.alarms.map { "\($0.warnedCount) of \($0.unitCount)" } ?? "-"
            })
        add("lead time, mean", decimals: 1, reports) { $0.metrics.alarms?.meanLead }
        add("lead time, least", decimals: 0, reports) { $0.metrics.alarms?.leastLead }
        add("false alarms per 1000", reports) { $0.metrics.alarms?.falseAlarmsPerThousand }
        for (index, lambda) in PrognosticMetrics.lambdas.enumerated() {
            add("alpha 0.2, lambda \(lambda)", decimals: 2, reports) {
                $0.metrics.prognostic?.alphaLambda[index].accuracy
            }
        }
        add("prognostic horizon", decimals: 1, reports) { $0.metrics.prognostic?.horizon }
        add("  from then on", decimals: 1, reports) { $0.metrics.prognostic?.stableHorizon }
    }

    private mutating func addLateStarters(_ reports: [EvaluationReport]) {
        guard reports.contains(where: { $0.lateStarters != nil }) else { return }
        add("late starters: RMSE", decimals: 2, reports) { $0.lateStarters?.capped.rmse }
        add("  F2", reports) { $0.lateStarters?.failure.f2 }
        add("  coverage", reports) { $0.lateStarters?.interval.coverage }
        add("  mean width", decimals: 1, reports) { $0.lateStarters?.interval.meanWidth }
    }

    /// Errors per group of rows of one candidate.
    private static func groups(_ name: String, _ report: EvaluationReport) -> String {
        let metrics = report.metrics
        let groups =
            switch name {
            case "regime": metrics.byRegime
            case "source": metrics.bySource
            default: metrics.byTrueRUL
            }
        let head = [
            "\(report.subject.modelType), \(name)", "rows", "RMSE", "MAE", "bias", "coverage",
            "width",
        ]
        return TextTable.columns(
            [head]
                + groups.map { group in
                    [
                        group.name, "\(group.rowCount)",
                        TextTable.figure(group.rmse, decimals: 2),
                        TextTable.figure(group.mae, decimals: 2),
                        TextTable.figure(group.bias, decimals: 2),
                        TextTable.figure(group.interval.coverage),
                        TextTable.figure(group.interval.meanWidth, decimals: 1),
                    ]
                })
    }
}
