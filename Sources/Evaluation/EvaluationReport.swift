package import Prognostics
package import StrictJSON

/// What one bundle is worth on one set of rows, as a value with one canonical JSON form.
///
/// It holds no time: the same bundle and rows give the same bytes.
package struct EvaluationReport: Equatable, Sendable {
    /// Which bundle was scored.
    package struct Subject: Equatable, Sendable {
        package let modelType: String
        package let runID: String
        /// The model version, from 1.
        package let version: Int64
        package let configHash: String
        /// SHA-256 of the bundle's bytes, which are what was decoded and run.
        package let bundleDigest: Digest
        /// Size of the bundle.
        package let bundleBytes: Int
        /// The failure probability from which a row counts as an alarm; fixed on tune units.
        package let alarmThreshold: Double

        package init(
            modelType: String, runID: String, version: Int64, configHash: String,
            bundleDigest: Digest, bundleBytes: Int, alarmThreshold: Double
        ) {
            self.modelType = modelType
            self.runID = runID
            self.version = version
            self.configHash = configHash
            self.bundleDigest = bundleDigest
            self.bundleBytes = bundleBytes
            self.alarmThreshold = alarmThreshold
        }
    }

    package let subject: Subject
    package let evaluationProtocol: EvaluationProtocol
    package let metrics: EvaluationMetrics

    /// Measures scored rows of a bundle.
    /// - Precondition: There is at least one row.
    package init(subject: Subject, protocol: EvaluationProtocol, rows: [ScoredRow]) {
        self.subject = subject
        evaluationProtocol = `protocol`
        metrics = EvaluationMetrics(rows: rows, alarmThreshold: subject.alarmThreshold)
    }

    /// The report as `evaluate --json` prints it.
    package var json: JSON {
        [
            "model_type": .string(subject.modelType),
            "run_id": .string(subject.runID),
            "version": .integer(subject.version),
            "config_hash": .string(subject.configHash),
            "bundle_digest": .string(subject.bundleDigest.description),
            "bundle_bytes": .integer(subject.bundleBytes),
            "protocol": .string(evaluationProtocol.rawValue),
            "units": .integer(metrics.unitCount),
            "rows": .integer(metrics.rowCount),
            "score": .measured(metrics.score),
            "capped": metrics.capped.json,
            "uncapped": metrics.uncapped.json,
            "failure_within_30": metrics.failure.json(threshold: subject.alarmThreshold),
            "interval": metrics.interval.json,
            "interval_rul_30": metrics.intervalNearFailure.json,
        ]
    }
}

extension JSON {
    /// A measured number; `null` when it is undefined or beyond a double.
    fileprivate static func measured(_ value: Double?) -> JSON {
        guard let value, value.isFinite else { return .null }
        return .double(value)
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
            "roc_auc": .measured(rocAUC), "threshold": .measured(threshold),
            "positives": .integer(positiveCount),
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
