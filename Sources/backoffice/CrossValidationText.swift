import BackofficePipeline
import Evaluation

/// A cross-validation as a table: a line for each metric, a column for each model type.
enum CrossValidationText {
    /// Types in one table; more go into the next, so that lines stay below 100 columns.
    private static let columnCountMax = 4

    static func table(_ report: CrossValidationReport) -> String {
        let candidates = report.candidates
        let tables = stride(from: 0, to: candidates.count, by: columnCountMax).map { start in
            columns(
                Array(candidates[start..<min(start + columnCountMax, candidates.count)]), report)
        }
        return """
            protocol cv: \(report.foldCount) folds of units, seed \(report.seed), mean ± sd over \
            folds; truth capped at 125\(report.without.isEmpty ? "" : "; without \(report.without)")
            cut points: \(CutPoints.perUnit) random cycles of each held-out unit; [low to high] \
            holds 95 %, resampled by unit
            \(tables.joined(separator: "\n\n"))
            """
    }

    /// One split of rows, every line with its label in front.
    static func lines(_ report: SplitStudy.Report) -> String {
        let failure = report.failure
        let figures = [
            report.reason,
            "split by \(report.split.rawValue): \(report.trainRowCount) rows train, "
                + "\(report.judgedRowCount) judge; RMSE "
                + "\(TextTable.figure(report.capped.rmse, decimals: 2)), MAE "
                + TextTable.figure(report.capped.mae, decimals: 2),
            "failure within 30 cycles: F2 \(TextTable.figure(failure?.f2)), precision "
                + "\(TextTable.figure(failure?.precision)), recall "
                + "\(TextTable.figure(failure?.recall)), AUC "
                + TextTable.figure(failure?.rocAUC, decimals: 4),
        ]
        return figures.compactMap { $0 }
            .map { line in report.label.map { "\($0)  \(line)" } ?? line }
            .joined(separator: "\n")
    }

    private static func columns(
        _ candidates: [CrossValidationReport.Candidate], _ report: CrossValidationReport
    ) -> String {
        var lines = [[""] + candidates.map(\.modelType)]
        lines += CrossValidationReport.figures.map { figure in
            [figure.name]
                + candidates.map {
                    text(FoldStatistic($0.folds.map(figure.value)), decimals: figure.decimals)
                }
        }
        lines.append(
            ["RMSE, all units"] + candidates.map { interval(ResampledMetrics($0.tallies).rmse) })
        if let best = report.best, candidates.contains(where: { $0 != best }) {
            lines.append(
                ["  minus \(best.modelType)"]
                    + candidates.map { candidate in
                        guard candidate != best else { return "-" }
                        let difference = PairedDifference(candidate.tallies, minus: best.tallies)
                        return interval(difference.rmseInterval)
                    })
        }
        return TextTable.columns(lines)
    }

    private static func text(_ statistic: FoldStatistic?, decimals: Int) -> String {
        guard let statistic else { return "-" }
        let mean = TextTable.figure(statistic.mean, decimals: decimals)
        return mean + " ± " + TextTable.figure(statistic.deviation, decimals: decimals)
    }

    private static func interval(_ interval: BootstrapInterval?) -> String {
        guard let interval else { return "-" }
        let low = TextTable.figure(interval.low, decimals: 2)
        return "[\(low) to \(TextTable.figure(interval.high, decimals: 2))]"
    }
}
