import BackofficePipeline
import Fleet
import Prognostics
import Registry
import StrictJSON

/// A rollout as people and programs read it.
enum RolloutText {
    /// One line: which rollout, where it is, and what was done.
    static func line(_ report: RolloutStep.Report) -> String {
        "rollout \(report.record.number) of version \(report.record.version) over version "
            + "\(report.record.formerVersion), \(report.rollout.phase.name)"
            + (report.summary.isEmpty ? "" : ": \(report.summary)")
    }

    /// The plan as it would be carried out.
    static func plan(_ plan: RolloutPlan) -> String {
        let stages = plan.stages.enumerated().map { "  \($0.offset + 1). \($0.element.text)" }
        let limits = plan.limits
        let rule =
            "Each stage lasts \(limits.soakSeconds) s and \(limits.predictionCountMin) predictions "
            + "at least. It halts when more than \(limits.failureCountMax) agents, or "
            + "\(limits.failureShareMax) of those reached where that is more, refuse, hold or "
            + "lose the candidate, are DEGRADED, or do not report within "
            + "\(limits.reportSeconds) s."
        return (stages + [rule]).joined(separator: "\n")
    }

    /// Where a rollout is, with its agents' failures and its history.
    static func page(_ report: RolloutStep.Report, _ events: [RolloutEvent]) -> String {
        let rollout = report.rollout
        let serving = rollout.members.values.count { $0.isServing }
        let pending = rollout.members.values.count { $0.isPending }
        var lines = [
            line(report),
            "stage \(rollout.audiences.count) of \(rollout.plan.stages.count)"
                + (rollout.audiences.isEmpty
                    ? "" : ": \(rollout.plan.stages[rollout.audiences.count - 1].text)"),
            "\(rollout.members.count) agent(s) reached: \(serving) run it, \(pending) do not yet, "
                + "\(rollout.failures.count) failed, of whom "
                + "\(rollout.plan.limits.failureCountMax(of: rollout.members.count)) may",
        ]
        lines += rollout.failures.map { "  \($0.agent): \($0.reason)" }
        lines += events.map { "\(WallClock.text($0.timeMillis)) \($0.word): \($0.detail)" }
        return lines.joined(separator: "\n")
    }

    /// The same for programs.
    static func json(_ report: RolloutStep.Report, _ events: [RolloutEvent]) -> JSON {
        let (record, rollout) = (report.record, report.rollout)
        return [
            "rollout": .integer(record.number), "version": .integer(record.version),
            "former_version": .integer(record.formerVersion),
            "phase": .string(rollout.phase.name),
            "reason": rollout.phase.reason.map { .string($0) } ?? .null,
            "summary": .string(report.summary),
            "stage": .integer(rollout.audiences.count),
            "stages": .array(rollout.plan.stages.map { .string($0.text) }),
            "release": .integer(record.counter),
            "reached": .integer(rollout.members.count),
            "serving": .integer(rollout.members.values.count { $0.isServing }),
            "pending": .integer(rollout.members.values.count { $0.isPending }),
            "failures": .array(
                rollout.failures.map {
                    ["agent": .string($0.agent.description), "reason": .string($0.reason)]
                }),
            "started": .string(WallClock.text(record.startMillis)),
            "changed": .string(WallClock.text(record.changeMillis)),
            "events": .array(
                events.map {
                    [
                        "time": .string(WallClock.text($0.timeMillis)), "word": .string($0.word),
                        "detail": .string($0.detail),
                    ]
                }),
        ]
    }
}
