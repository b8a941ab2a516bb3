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
    /// The same units seen from the middle of their lives on; nil when none is long enough.
    package let lateStarters: EvaluationMetrics?

    /// Measures scored rows of a bundle.
    /// - Precondition: There is at least one row; a unit's rows stand together, oldest first.
    package init(
        subject: Subject, protocol: EvaluationProtocol, rows: [ScoredRow],
        lateStarters: [ScoredRow]
    ) {
        self.subject = subject
        evaluationProtocol = `protocol`
        metrics = EvaluationMetrics(rows: rows, alarmThreshold: subject.alarmThreshold)
        self.lateStarters =
            lateStarters.isEmpty
            ? nil
            : EvaluationMetrics(rows: lateStarters, alarmThreshold: subject.alarmThreshold)
    }

    /// How this bundle differs from another one on the same units; nil when the units differ.
    package func difference(to other: EvaluationReport) -> PairedDifference? {
        guard metrics.tallies.count == other.metrics.tallies.count,
            metrics.rowCount == other.metrics.rowCount
        else { return nil }
        return PairedDifference(metrics.tallies, minus: other.metrics.tallies)
    }

    /// The report as `evaluate --json` prints it.
    package var json: JSON { .object(members) }

    /// The report with how it differs from `best`, drawing the same units for both.
    package func json(against best: EvaluationReport) -> JSON {
        guard best != self, let difference = difference(to: best) else { return json }
        let comparison: JSON = [
            "version": .integer(best.subject.version), "rmse": .measured(difference.rmse),
            "rmse_95": .interval(difference.rmseInterval), "f2": .measured(difference.f2),
            "f2_95": .interval(difference.f2Interval),
        ]
        return .object(members + [JSON.Member(key: "minus_best", value: comparison)])
    }

    private var members: [JSON.Member] {
        let threshold = subject.alarmThreshold
        let head: [(String, JSON)] = [
            ("model_type", .string(subject.modelType)), ("run_id", .string(subject.runID)),
            ("version", .integer(subject.version)), ("config_hash", .string(subject.configHash)),
            ("bundle_digest", .string(subject.bundleDigest.description)),
            ("bundle_bytes", .integer(subject.bundleBytes)),
            ("protocol", .string(evaluationProtocol.rawValue)),
        ]
        return head.map { JSON.Member(key: $0.0, value: $0.1) }
            + metrics.members(alarmThreshold: threshold)
            + [
                JSON.Member(
                    key: "late_starters",
                    value: lateStarters.map { .object($0.members(alarmThreshold: threshold)) }
                        ?? .null)
            ]
    }
}
