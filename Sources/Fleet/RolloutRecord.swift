import EdgeProtocol
import Prognostics
package import StrictJSON

extension Rollout {
    /// The state as it is kept between two looks.
    package var json: JSON {
        [
            "run_id": .string(runID), "digest": .string(digest.description), "plan": plan.json,
            "phase": .string(phase.name), "reason": phase.reason.map { .string($0) } ?? .null,
            "stage_since": .integer(stageMillis),
            "audiences": .array(audiences.map(Self.json)),
            "members": .object(
                members.sorted { $0.key < $1.key }.map {
                    JSON.Member(key: $0.key.description, value: $0.value.json)
                }),
        ]
    }

    /// Reads what ``json`` wrote.
    package init(json: JSON) throws(JSONError) {
        let reader = try JSONReader(json)
        guard let digest = Digest(hex: try reader.string("digest")) else {
            throw try reader.wrong("digest", "64 hexadecimal digits")
        }
        self.init(
            runID: try reader.string("run_id"), digest: digest,
            plan: try RolloutPlan(json: reader.object("plan")),
            nowMillis: try reader.integer("stage_since"))
        let reason = try reader.value("reason") == .null ? "" : reader.string("reason")
        switch try reader.string("phase") {
        case "running": phase = .running
        case "paused": phase = .paused
        case "halted": phase = .halted(reason: reason)
        case "complete": phase = .complete
        case "aborted": phase = .aborted
        default: throw try reader.wrong("phase", "a phase of a rollout")
        }
        for audience in try reader.objects("audiences") {
            audiences.append(try Self.audience(audience))
        }
        let kept = try reader.object("members")
        for key in kept.keys {
            guard let name = UnitIdentifier(key) else {
                throw try kept.wrong(key, "an agent's name")
            }
            members[name] = try RolloutMember(json: kept.object(key))
        }
    }

    private static func json(_ audience: ModelOffer.Audience) -> JSON {
        switch audience {
        case .all: ["all": .bool(true)]
        case .agents(let agents): ["agents": .array(agents.map { .string($0.description) })]
        case .share(let share, let salt): ["share": .double(share), "salt": .string(salt)]
        }
    }

    private static func audience(_ reader: JSONReader) throws(JSONError) -> ModelOffer.Audience {
        if reader.has("agents") { return .agents(try reader.identifiers("agents")) }
        guard reader.has("share") else { return .all }
        return .share(try reader.double("share"), salt: try reader.string("salt"))
    }
}

extension Rollout.Phase {
    /// The word for it in the registry, in JSON and on a terminal.
    package var name: String {
        switch self {
        case .running: "running"
        case .paused: "paused"
        case .halted: "halted"
        case .complete: "complete"
        case .aborted: "aborted"
        }
    }

    /// Why it halted.
    package var reason: String? { if case .halted(let reason) = self { reason } else { nil } }
}

extension RolloutMember {
    /// The member as it is kept.
    var json: JSON {
        func number(_ value: Int64?) -> JSON { value.map { .integer($0) } ?? .null }
        return [
            "since": .integer(sinceMillis), "was_degraded": .bool(wasDegraded),
            "served": number(servedMillis), "silent": number(silentMillis),
            "failure": failure.map { .string($0) } ?? .null, "excused": .bool(isExcused),
            "predictions": .integer(predictions), "scored_seen": number(scoredSeen),
        ]
    }

    /// Reads what ``json`` wrote.
    init(json reader: JSONReader) throws(JSONError) {
        func number(_ key: String) throws(JSONError) -> Int64? {
            try reader.value(key) == .null ? nil : reader.integer(key)
        }
        self.init(
            sinceMillis: try reader.integer("since"),
            wasDegraded: try reader.bool("was_degraded"))
        servedMillis = try number("served")
        silentMillis = try number("silent")
        failure = try reader.value("failure") == .null ? nil : reader.string("failure")
        isExcused = try reader.bool("excused")
        predictions = try reader.integer("predictions")
        scoredSeen = try number("scored_seen")
    }
}
