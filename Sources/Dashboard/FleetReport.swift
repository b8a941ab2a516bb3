package import StrictJSON

/// The fleet at the end of a night, and its newest rollout.
package struct FleetReport: Sendable {
    /// One agent, in the words that the page shows.
    package struct Agent: Sendable {
        package var name = ""
        /// `online`, `connecting`, `offline` or `absent`.
        package var status = ""
        /// When the back office saw it online last; nil if it never did.
        package var lastSeen: String?
        /// What it runs and what it shall run, like `version 2`; nil for nothing.
        package var reported: String?
        package var target: String?
        /// Why the two differ; nil when they do not.
        package var difference: String?
        /// Why it is DEGRADED; empty when it is not.
        package var degradations: [String] = []
        package var daysToFull: Int64?
        /// Entries of its log that were not pulled.
        package var backlog: Int64?

        package init() {}

        /// Whether somebody has to look at it.
        var needsLook: Bool { status != "online" || difference != nil || !degradations.isEmpty }
    }

    /// A rollout as it is on record.
    package struct Rollout: Sendable {
        package let version: Int64
        package let formerVersion: Int64
        /// `running`, `paused`, `halted`, `complete` or `aborted`.
        package let phase: String
        /// Why it halted.
        package let reason: String?
        package let stages: [String]
        /// Stages that have begun.
        package let stageCount: Int
        package let reached: Int
        package let serving: Int
        /// Agents that failed, with the reason.
        package let failures: [(agent: String, reason: String)]

        package init(
            version: Int64, formerVersion: Int64, phase: String, reason: String?,
            stages: [String], stageCount: Int, reached: Int, serving: Int,
            failures: [(agent: String, reason: String)]
        ) {
            self.version = version
            self.formerVersion = formerVersion
            self.phase = phase
            self.reason = reason
            self.stages = stages
            self.stageCount = stageCount
            self.reached = reached
            self.serving = serving
            self.failures = failures
        }
    }

    /// When the night ended, in words.
    package let time: String
    package let agents: [Agent]
    package let rollout: Rollout?

    package init(time: String, agents: [Agent], rollout: Rollout?) {
        self.time = time
        self.agents = agents
        self.rollout = rollout
    }

    /// The same as JSON, for programs.
    package var json: JSON {
        func text(_ value: String?) -> JSON { value.map { .string($0) } ?? .null }
        return [
            "time": .string(time),
            "agents": .array(
                agents.map { agent in
                    [
                        "agent": .string(agent.name), "status": .string(agent.status),
                        "last_seen": text(agent.lastSeen), "reported": text(agent.reported),
                        "target": text(agent.target), "difference": text(agent.difference),
                        "degradations": .array(agent.degradations.map { .string($0) }),
                        "days_to_full": agent.daysToFull.map { .integer($0) } ?? .null,
                        "backlog": agent.backlog.map { .integer($0) } ?? .null,
                    ]
                }),
            "rollout": rollout.map { rollout in
                [
                    "version": .integer(rollout.version),
                    "former_version": .integer(rollout.formerVersion),
                    "phase": .string(rollout.phase), "reason": text(rollout.reason),
                    "stages": .array(rollout.stages.map { .string($0) }),
                    "stage": .integer(rollout.stageCount), "reached": .integer(rollout.reached),
                    "serving": .integer(rollout.serving),
                    "failures": .array(
                        rollout.failures.map {
                            ["agent": .string($0.agent), "reason": .string($0.reason)]
                        }),
                ]
            } ?? .null,
        ]
    }
}
