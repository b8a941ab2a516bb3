import BackofficePipeline
import Evaluation
import Prognostics
import Registry
import StrictJSON

/// Reports as people read them, and the registry's lists as JSON.
enum ReportText {
    static func line(_ report: TrainStep.Report) -> String {
        let origin = report.isUnchanged ? "succeeded before, nothing to train" : "trained"
        return "run \(report.runID) (\(report.modelType)) \(origin): version \(report.version), "
            + "\(report.bundle.size) bytes, sha256 \(report.bundle.digest)"
    }

    static func line(_ decision: PromotionDecision) -> String {
        let verdict =
            switch decision {
            case .promote(let contender, _, _): "promoted version \(contender.version)"
            case .keep(let contender, _): "kept version \(contender.version)"
            case .hold(let contender, _, _): "held version \(contender.version)"
            }
        return ([verdict] + decision.reasons.map { "  \($0)" } + gates(decision.gates))
            .joined(separator: "\n")
    }

    /// What each gate said, as indented lines of a table; none without gates.
    private static func gates(_ records: [GateRecord]) -> [String] {
        guard !records.isEmpty else { return [] }
        let head = ["gate", "candidate", "promoted", "limit", "9 of 10", ""]
        let rows = records.map { record in
            [record.gate.name]
                + [record.value, record.promoted, record.limit, record.bound].map {
                    TextTable.figure($0)
                } + [record.outcome.word + (record.isByChance ? ", may be chance" : "")]
        }
        return TextTable.columns([head] + rows).split(separator: "\n").map { "    \($0)" }
    }

    static func line(_ report: PushStep.Report) -> String {
        let offer = report.publishedOffer ? "offer published" : "offer was there"
        return "pushed version \(report.version) (run \(report.runID)), release "
            + "\(report.counter): \(offer), \(report.publishedBlocks) of \(report.blockCount) "
            + "blocks published, \(report.clearedBlocks) old blocks cleared"
            + (report.note.map { "\n\($0)" } ?? "")
    }

    static func line(_ report: PullLogsStep.Report) -> String {
        "pulled \(report.entryCount) entries in \(report.pageCount) pages from \(report.agent)"
    }

    /// What a worker made, a line for each run.
    static func lines(_ runs: [Run]) -> String {
        guard !runs.isEmpty else { return "nothing was trained" }
        return runs.map { run in
            let size = run.bundle.map { ", \($0.size) bytes, sha256 \($0.digest)" } ?? ""
            let reason = run.reason.isEmpty ? "" : ": \(run.reason)"
            return "run \(run.runID) (\(run.modelType)) \(run.status.rawValue)\(size)\(reason)"
        }.joined(separator: "\n")
    }

    static func lines(_ report: NightlyStep.Report) -> String {
        var lines = report.warnings.map { "warning: \($0)" } + report.pulls.map(line)
        lines.append("configuration \(report.configHash)")
        lines += report.validation.lines
        lines += report.runs.map(line)
        if let note = report.ensembleNote { lines.append(note) }
        lines.append(
            report.decision.map(line)
                ?? (report.isHeld
                    ? "held: expected model types are missing"
                    : "nothing to retrain: this data set was decided about before"))
        if let push = report.push { lines.append(line(push)) }
        if let drift = report.drift { lines.append(DriftText.lines(drift, isWhole: false)) }
        if let rollout = report.rollout { lines.append(RolloutText.line(rollout)) }
        return lines.joined(separator: "\n")
    }

    /// Every report, the others with how they differ from the one of the best score.
    static func json(_ reports: [EvaluationReport]) -> JSON {
        guard let best = reports.min(by: { $0.metrics.score < $1.metrics.score }) else {
            return .array([])
        }
        return .array(reports.map { $0.json(against: best) })
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
        return TextTable.columns(
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
            return ([head] + record.reasons.map { "  \($0)" } + gates(record.gates))
                .joined(separator: "\n")
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
                    "gates": .array(record.gates.map(\.json)),
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
        return TextTable.columns(
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

    static func table(_ scorings: [OfficialScoring]) -> String {
        guard !scorings.isEmpty else { return "no official test file was scored yet" }
        let rows = scorings.map { scoring in
            [
                WallClock.text(scoring.timeMillis), "\(scoring.version)", scoring.modelType,
                String(scoring.testDigest.prefix(16)), scoring.purpose,
            ]
        }
        return TextTable.columns([["time", "version", "type", "test file", "purpose"]] + rows)
    }

    static func json(_ scorings: [OfficialScoring]) -> JSON {
        .array(
            scorings.map { scoring in
                [
                    "time": .string(WallClock.text(scoring.timeMillis)),
                    "purpose": .string(scoring.purpose), "version": .integer(scoring.version),
                    "model_type": .string(scoring.modelType),
                    "test_digest": .string(scoring.testDigest),
                    "rul_digest": .string(scoring.rulDigest),
                    "report": (try? JSON.parse(Array(scoring.report.utf8), limits: .standard))
                        ?? .null,
                ]
            })
    }
}
