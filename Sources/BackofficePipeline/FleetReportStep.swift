import Dashboard
import Fleet
import Registry
import StrictJSON

/// Gathers what the page of a night shows of the fleet, from what the night put on record.
enum FleetReportStep {
    /// The fleet at the end of the newest night; nil when no night has looked at one.
    static func newest(in workspace: Workspace) throws -> FleetReport? {
        guard let night = try workspace.registry.newestNight(), let end = night.endMillis,
            let rows = try? JSON.parse(
                Array(night.fleet.utf8), limits: JSONLimits(sizeMax: 32 << 20, depthMax: 6)),
            case .array(let agents) = rows
        else { return nil }
        let rollout = try RolloutStep.newest(in: workspace, target: night.target)
        return FleetReport(
            time: WallClock.text(end), agents: try agents.map(agent),
            rollout: rollout.map { report in
                let machine = report.rollout
                return FleetReport.Rollout(
                    version: report.record.version, formerVersion: report.record.formerVersion,
                    phase: machine.phase.name, reason: machine.phase.reason,
                    stages: machine.plan.stages.map(\.text), stageCount: machine.audiences.count,
                    reached: machine.members.count,
                    serving: machine.members.values.count { $0.isServing },
                    failures: machine.failures.map { ("\($0.agent)", $0.reason) })
            })
    }

    private static func agent(_ row: JSON) throws -> FleetReport.Agent {
        let reader = try JSONReader(row)
        func text(_ key: String) throws -> String? {
            try reader.value(key) == .null ? nil : reader.string(key)
        }
        func number(_ key: String) throws -> Int64? {
            try reader.value(key) == .null ? nil : reader.integer(key)
        }
        var agent = FleetReport.Agent()
        agent.name = try reader.string("agent")
        agent.status = try reader.string("status")
        agent.lastSeen = try text("last_seen")
        agent.reported = try model(reader.value("reported"))
        agent.target = try model(reader.value("target"))
        agent.difference = try text("difference")
        agent.degradations = try reader.strings("degradations")
        agent.daysToFull = try number("days_to_full")
        agent.backlog = try number("backlog")
        return agent
    }

    /// `version 2`, or the run where the registry has no version of it.
    private static func model(_ value: JSON) throws -> String? {
        guard value != .null else { return nil }
        let reader = try JSONReader(value)
        let version = try reader.value("version")
        guard version == .null else { return "version \(try reader.integer("version"))" }
        return "run \(try reader.string("run_id").prefix(16))"
    }
}
