package import EdgeProtocol
package import Prognostics
import StrictJSON

/// One agent as its retained messages tell it.
package struct FleetAgent: Equatable, Sendable {
    package let name: UnitIdentifier
    /// Nil when the broker holds none that can be read; the same for the other two.
    package var status: AgentStatus?
    package var health: AgentHealth?
    package var model: ModelReport?
    /// Messages that could not be read, a sentence each.
    package var misfits: [String] = []

    package init(name: UnitIdentifier) { self.name = name }

    /// Whether it is connected and takes readings in.
    package var isOnline: Bool { status?.presence == .online }

    /// The agents that a broker's retained messages speak of, in order of their names.
    ///
    /// A message that cannot be read is named at its agent; what belongs to no agent is left out.
    package static func all(in held: [String: [UInt8]], topics: Topics) -> [FleetAgent] {
        var agents: [UnitIdentifier: FleetAgent] = [:]
        for (topic, payload) in held.sorted(by: { $0.key < $1.key }) where !payload.isEmpty {
            guard let (name, word) = address(of: topic, topics) else { continue }
            agents[name, default: FleetAgent(name: name)].read(payload, word: word)
        }
        return agents.values.sorted { $0.name < $1.name }
    }

    private mutating func read(_ payload: [UInt8], word: Substring) {
        do {
            switch word {
            case "status": status = try AgentStatus(payload: payload)
            case "health": health = try AgentHealth(payload: payload)
            case "model": model = try ModelReport(payload: payload)
            default: break
            }
        } catch {
            misfits.append("Its \(word) message cannot be read: \(error)")
        }
    }

    /// The agent and the last level of `…/agents/{agent}/{word}`.
    private static func address(
        of topic: String, _ topics: Topics
    ) -> (UnitIdentifier, Substring)? {
        guard topic.hasPrefix(topics.root) else { return nil }
        let levels = topic.dropFirst(topics.root.count).split(
            separator: "/", omittingEmptySubsequences: false)
        guard levels.count == 3, levels[0] == "agents", let name = UnitIdentifier(String(levels[1]))
        else { return nil }
        return (name, levels[2])
    }
}
