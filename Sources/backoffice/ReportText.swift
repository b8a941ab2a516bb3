import BackofficePipeline
import Evaluation
import Foundation
import Prognostics
import Registry
import StrictJSON

/// Reports as people read them, and the registry's lists as JSON.
enum ReportText {
    static func line(_ report: TrainStep.Report) -> String {
        let origin = report.isUnchanged ? "succeeded before, nothing to train" : "trained"
        return "run \(report.runID) \(origin): version \(report.version), "
            + "\(report.bundle.size) bytes, sha256 \(report.bundle.digest)"
    }

    static func line(_ decision: PromotionDecision) -> String {
        let verdict =
            switch decision {
            case .promote(let contender, _): "promoted version \(contender.version)"
            case .keep(let contender, _): "kept version \(contender.version)"
            case .hold(let contender, _): "held version \(contender.version)"
            }
        return ([verdict] + decision.reasons.map { "  \($0)" }).joined(separator: "\n")
    }

    static func line(_ report: PushStep.Report) -> String {
        let offer = report.publishedOffer ? "offer published" : "offer was there"
        return "pushed version \(report.version) (run \(report.runID)), release "
            + "\(report.counter): \(offer), \(report.publishedBlocks) of \(report.blockCount) "
            + "blocks published, \(report.clearedBlocks) old blocks cleared"
    }

    static func line(_ report: PullLogsStep.Report) -> String {
        "pulled \(report.entryCount) entries in \(report.pageCount) pages from \(report.agent)"
    }

    static func lines(_ report: NightlyStep.Report) -> String {
        var lines = ["configuration \(report.configHash)"]
        lines += report.runs.map(line)
        lines.append(
            report.decision.map(line)
                ?? "nothing to retrain: this data set was decided about before")
        if let push = report.push { lines.append(line(push)) }
        lines += report.pulls.map(line)
        return lines.joined(separator: "\n")
    }

    static func table(_ reports: [EvaluationReport]) -> String {
        columns(
            [
                [
                    "version", "type", "run", "bytes", "units", "rows", "score", "rmse", "mae",
                    "phm08", "rmse uncapped", "F2", "precision", "recall", "AUC", "coverage",
                    "width", "coverage <=30", "width <=30",
                ]
            ]
                + reports.map { report in
                    let metrics = report.metrics
                    let head = [
                        "\(report.subject.version)", report.subject.modelType,
                        report.subject.runID, "\(report.subject.bundleBytes)",
                        "\(metrics.unitCount)", "\(metrics.rowCount)",
                    ]
                    let figures: [Double?] = [
                        metrics.score, metrics.capped.rmse, metrics.capped.mae,
                        metrics.capped.phm08, metrics.uncapped.rmse, metrics.failure.f2,
                        metrics.failure.precision, metrics.failure.recall,
                        metrics.failure.rocAUC, metrics.interval.coverage,
                        metrics.interval.meanWidth, metrics.intervalNearFailure.coverage,
                        metrics.intervalNearFailure.meanWidth,
                    ]
                    return head + figures.map(figure)
                })
    }

    static func table(_ versions: [ModelVersion], promoted: Int64?) -> String {
        guard !versions.isEmpty else { return "no model versions yet" }
        let rows = versions.map { version in
            [
                version.version == promoted ? "*" : "", "\(version.version)",
                version.run.modelType, version.run.runID, "\(version.run.seed)",
                "\(version.run.bundle?.size ?? 0)", String(version.run.configHash.prefix(16)),
                WallClock.text(version.run.startTimeMillis),
            ]
        }
        return columns(
            [["", "version", "type", "run", "seed", "bytes", "configuration", "started"]] + rows)
    }

    static func json(_ versions: [ModelVersion], promoted: Int64?) -> JSON {
        .array(
            versions.map { version in
                [
                    "version": .integer(version.version),
                    "promoted": .bool(version.version == promoted),
                    "model_type": .string(version.run.modelType),
                    "run_id": .string(version.run.runID), "seed": .integer(version.run.seed),
                    "config_hash": .string(version.run.configHash),
                    "bundle_bytes": .integer(version.run.bundle?.size ?? 0),
                    "bundle_digest": version.run.bundle.map { .string($0.digest.description) }
                        ?? .null,
                    "start_time": .string(WallClock.text(version.run.startTimeMillis)),
                ]
            })
    }

    static func table(_ history: [PromotionRecord]) -> String {
        guard !history.isEmpty else { return "no promotion decisions yet" }
        return history.map { record in
            let head =
                "\(WallClock.text(record.timeMillis)) \(record.decision.rawValue) version "
                + "\(record.version), configuration \(record.configHash.prefix(16))"
            return ([head] + record.reasons.map { "  \($0)" }).joined(separator: "\n")
        }.joined(separator: "\n")
    }

    static func json(_ history: [PromotionRecord]) -> JSON {
        .array(
            history.map { record in
                [
                    "time": .string(WallClock.text(record.timeMillis)),
                    "decision": .string(record.decision.rawValue),
                    "version": .integer(record.version),
                    "config_hash": .string(record.configHash), "score": .double(record.score),
                    "reasons": .array(record.reasons.map { .string($0) }),
                ]
            })
    }

    static func table(_ runs: [Run]) -> String {
        guard !runs.isEmpty else { return "no runs yet" }
        let rows = runs.map { run in
            [
                run.runID, run.modelType, "\(run.seed)", run.status.rawValue,
                String(run.configHash.prefix(16)), WallClock.text(run.startTimeMillis), run.reason,
            ]
        }
        return columns(
            [["run", "type", "seed", "status", "configuration", "started", "reason"]] + rows)
    }

    static func json(_ runs: [Run]) -> JSON {
        .array(
            runs.map { run in
                [
                    "run_id": .string(run.runID), "model_type": .string(run.modelType),
                    "parameters": .string(run.parameters), "seed": .integer(run.seed),
                    "status": .string(run.status.rawValue), "reason": .string(run.reason),
                    "config_hash": .string(run.configHash),
                    "start_time": .string(WallClock.text(run.startTimeMillis)),
                ]
            })
    }

    /// Rows in columns as wide as their widest cell.
    private static func columns(_ rows: [[String]]) -> String {
        guard let first = rows.first else { return "" }
        let widths = first.indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
        return rows.map { row in
            let cells = zip(row, widths).map { cell, width in
                cell + String(repeating: " ", count: width - cell.count)
            }
            let line = cells.joined(separator: "  ")
            return String(line.reversed().drop { $0 == " " }.reversed())
        }.joined(separator: "\n")
    }

    private static func figure(_ value: Double?) -> String {
        value.map { String(format: "%.3f", $0) } ?? "-"
    }
}
