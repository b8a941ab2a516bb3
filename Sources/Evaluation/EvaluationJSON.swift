package import StrictJSON

extension EvaluationMetrics {
    /// The metrics as members of a report.
    func members(alarmThreshold: Double) -> [JSON.Member] {
        let values: [(String, JSON)] = [
            ("units", .integer(unitCount)), ("rows", .integer(rowCount)),
            ("score", .measured(score)), ("capped", capped.json), ("uncapped", uncapped.json),
            ("failure_within_30", failure.json(threshold: alarmThreshold)),
            ("interval", interval.json), ("interval_rul_30", intervalNearFailure.json),
            ("resampled_by_unit_95", resampled.json),
            ("by_true_rul", .array(byTrueRUL.map(\.json))),
            ("by_regime", .array(byRegime.map(\.json))),
            ("by_source", .array(bySource.map(\.json))),
            ("alarms", alarms?.json ?? .null), ("prognostic", prognostic?.json ?? .null),
        ]
        return values.map { JSON.Member(key: $0.0, value: $0.1) }
    }
}

extension JSON {
    /// A measured number; `null` when it is undefined or beyond a double.
    static func measured(_ value: Double?) -> JSON {
        guard let value, value.isFinite else { return .null }
        return .double(value)
    }

    /// Lower and upper end; `null` when undefined.
    static func interval(_ interval: BootstrapInterval?) -> JSON {
        interval.map { .array([.measured($0.low), .measured($0.high)]) } ?? .null
    }
}

extension GateRecord {
    /// The record as programs read it.
    package var json: JSON {
        [
            "gate": .string(gate.rawValue), "outcome": .string(outcome.word),
            "value": .measured(value), "promoted": .measured(promoted), "limit": .measured(limit),
            "bound": .measured(bound), "reason": .string(outcome.reason),
        ]
    }
}

extension RegressionMetrics {
    fileprivate var json: JSON {
        [
            "rmse": .measured(rmse), "mae": .measured(mae), "mse": .measured(mse),
            "phm08": .measured(phm08),
        ]
    }
}

extension FailureMetrics {
    fileprivate func json(threshold: Double) -> JSON {
        [
            "f2": .measured(f2), "precision": .measured(precision), "recall": .measured(recall),
            "roc_auc": .measured(rocAUC), "pr_auc": .measured(averagePrecision),
            "threshold": .measured(threshold), "positives": .integer(positiveCount),
            "alarms": .integer(truePositiveCount + falsePositiveCount),
        ]
    }
}

extension IntervalMetrics {
    fileprivate var json: JSON {
        [
            "rows": .integer(rowCount), "coverage": .measured(coverage),
            "mean_width": .measured(meanWidth),
        ]
    }
}

extension ResampledMetrics {
    fileprivate var json: JSON {
        [
            "resamples": .integer(UnitBootstrap.resampleCount), "rmse": .interval(rmse),
            "f2": .interval(f2), "coverage": .interval(coverage),
            "coverage_rul_30": .interval(coverageNearFailure),
        ]
    }
}

extension ErrorGroup {
    fileprivate var json: JSON {
        [
            "name": .string(name), "rows": .integer(rowCount), "rmse": .measured(rmse),
            "mae": .measured(mae), "bias": .measured(bias),
            "coverage": .measured(interval.coverage), "mean_width": .measured(interval.meanWidth),
        ]
    }
}

extension AlarmMetrics {
    fileprivate var json: JSON {
        [
            "cycles_in_a_row": .integer(AlarmMetrics.cyclesInARow),
            "units": .integer(unitCount), "warned_units": .integer(warnedCount),
            "lead_mean": .measured(meanLead), "lead_min": .measured(leastLead),
            "false_alarms": .integer(falseAlarmCount),
            "healthy_cycles": .integer(healthyCycleCount),
            "false_alarms_per_1000": .measured(falseAlarmsPerThousand),
        ]
    }
}

extension PrognosticMetrics {
    fileprivate var json: JSON {
        [
            "alpha": .double(PrognosticMetrics.alpha),
            "alpha_lambda": .array(
                alphaLambda.map {
                    ["lambda": .double($0.lambda), "accuracy": .measured($0.accuracy)]
                }),
            "horizon_alpha": .double(PrognosticMetrics.horizonAlpha),
            "horizon": .measured(horizon), "stable_horizon": .measured(stableHorizon),
        ]
    }
}
