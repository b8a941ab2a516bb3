package import StrictJSON

extension CrossValidationReport {
    /// A metric of a fold, as tables and JSON name it.
    package struct Figure: Sendable {
        /// The key in JSON.
        package let key: String
        /// The name in a table.
        package let name: String
        package let decimals: Int
        package let value: @Sendable (Fold) -> Double?
    }

    /// What is averaged over folds; the official-like figures first.
    package static let figures: [Figure] = [
        Figure(key: "cuts_rmse", name: "RMSE at cut points", decimals: 2) { $0.cuts.rmse },
        Figure(key: "cuts_phm08_mean", name: "PHM08 per cut point", decimals: 2) {
            $0.cuts.phm08 / Double(CutPoints.perUnit * $0.report.metrics.unitCount)
        },
        Figure(key: "rmse", name: "RMSE, all rows", decimals: 2) { $0.report.metrics.capped.rmse },
        Figure(key: "mae", name: "MAE, all rows", decimals: 2) { $0.report.metrics.capped.mae },
        Figure(key: "f2", name: "F2, failure <= 30", decimals: 3) { $0.report.metrics.failure.f2 },
        Figure(key: "precision", name: "precision", decimals: 3) {
            $0.report.metrics.failure.precision
        },
        Figure(key: "recall", name: "recall", decimals: 3) { $0.report.metrics.failure.recall },
        Figure(key: "roc_auc", name: "ROC-AUC", decimals: 4) { $0.report.metrics.failure.rocAUC },
        Figure(key: "pr_auc", name: "PR-AUC", decimals: 4) {
            $0.report.metrics.failure.averagePrecision
        },
        Figure(key: "coverage", name: "interval coverage", decimals: 3) {
            $0.report.metrics.interval.coverage
        },
        Figure(key: "width", name: "  mean width", decimals: 1) {
            $0.report.metrics.interval.meanWidth
        },
        Figure(key: "coverage_rul_30", name: "coverage, RUL <= 30", decimals: 3) {
            $0.report.metrics.intervalNearFailure.coverage
        },
        Figure(key: "width_rul_30", name: "  mean width", decimals: 1) {
            $0.report.metrics.intervalNearFailure.meanWidth
        },
        Figure(key: "lead_mean", name: "lead time, mean", decimals: 1) {
            $0.report.metrics.alarms?.meanLead
        },
        Figure(key: "false_alarms_per_1000", name: "false alarms per 1000", decimals: 2) {
            $0.report.metrics.alarms?.falseAlarmsPerThousand
        },
        Figure(key: "late_starters_rmse", name: "late starters: RMSE", decimals: 2) {
            $0.report.lateStarters?.capped.rmse
        },
        Figure(key: "late_starters_coverage", name: "  coverage", decimals: 3) {
            $0.report.lateStarters?.interval.coverage
        },
        Figure(key: "bundle_bytes", name: "bundle bytes", decimals: 0) {
            Double($0.report.subject.bundleBytes)
        },
    ]

    /// The report as `evaluate --protocol cv --json` prints it.
    package var json: JSON {
        [
            "protocol": .string(EvaluationProtocol.cv.rawValue),
            "config_hash": .string(configHash), "folds": .integer(foldCount),
            "seed": .integer(seed), "without": .string(without),
            "cuts_per_unit": .integer(CutPoints.perUnit),
            "candidates": .array(candidates.map(json)),
        ]
    }

    private func json(_ candidate: Candidate) -> JSON {
        let figures = Self.figures.map { figure in
            let statistic = FoldStatistic(candidate.folds.map(figure.value))
            return JSON.Member(
                key: figure.key,
                value: [
                    "mean": .measured(statistic?.mean), "sd": .measured(statistic?.deviation),
                ])
        }
        let resampled = ResampledMetrics(candidate.tallies)
        var members: [(String, JSON)] = [
            ("model_type", .string(candidate.modelType)), ("over_folds", .object(figures)),
            (
                "resampled_by_unit_95",
                [
                    "rmse": .interval(resampled.rmse), "f2": .interval(resampled.f2),
                    "coverage": .interval(resampled.coverage),
                    "coverage_rul_30": .interval(resampled.coverageNearFailure),
                ]
            ),
        ]
        if let best, best.modelType != candidate.modelType {
            let difference = PairedDifference(candidate.tallies, minus: best.tallies)
            members.append(
                (
                    "minus_best",
                    [
                        "model_type": .string(best.modelType), "rmse": .measured(difference.rmse),
                        "rmse_95": .interval(difference.rmseInterval),
                        "f2": .measured(difference.f2), "f2_95": .interval(difference.f2Interval),
                    ]
                ))
        }
        members.append(("reports", .array(candidate.folds.map(\.report.json))))
        return .object(members.map { JSON.Member(key: $0.0, value: $0.1) })
    }
}
