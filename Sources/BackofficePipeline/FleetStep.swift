import EdgeProtocol
package import Fleet
import Prognostics
import Registry

/// Looks at a fleet: what its broker holds, joined with what the registry knows.
package struct FleetStep {
    /// A look, with the model versions that its runs have.
    package struct Report: Sendable {
        package let view: FleetView
        package let agents: [FleetAgent]
        /// Model versions by run.
        package let versions: [String: Int64]
    }

    private let workspace: Workspace
    private let broker: FleetBroker
    private let nowMillis: Int64

    package init(workspace: Workspace, broker: FleetBroker, nowMillis: Int64) {
        self.workspace = workspace
        self.broker = broker
        self.nowMillis = nowMillis
    }

    /// Asks the broker, and changes nothing.
    package func look() throws -> Report {
        let agents = FleetAgent.all(in: try broker.connect().agents(), topics: broker.topics)
        let versions = try workspace.registry.modelVersions().map { ($0.run.runID, $0.version) }
        return Report(
            view: FleetView(
                agents: agents, known: try known(), offers: try offers(), nowMillis: nowMillis),
            agents: agents, versions: Dictionary(versions) { $1 })
    }

    /// Remembers which agents are online, for later looks at those that are not.
    package func remember(_ agents: [FleetAgent]) throws {
        try workspace.registry.see(
            agents.filter(\.isOnline).map(\.name.description), target: broker.target,
            timeMillis: nowMillis)
    }

    private func known() throws -> [UnitIdentifier: FleetView.Known] {
        var known: [UnitIdentifier: FleetView.Known] = [:]
        for sighting in try workspace.registry.sightings(target: broker.target) {
            guard let name = UnitIdentifier(sighting.agent) else { continue }
            known[name, default: FleetView.Known()].lastSeenMillis = sighting.lastSeenMillis
        }
        let cursors = try workspace.registry.logCursors(fleet: broker.topics.fleet.description)
        for (agent, cursor) in cursors {
            guard let name = UnitIdentifier(agent) else { continue }
            known[name, default: FleetView.Known()].pulled = (cursor.storeID, cursor.sequence)
        }
        return known
    }

    /// The offers in force: an active rollout's two, otherwise the newest.
    private func offers() throws -> [ModelOffer] {
        let registry = workspace.registry
        if let rollout = try registry.newestRollout(target: broker.target), rollout.isActive {
            return try [rollout.formerCounter, rollout.counter].compactMap {
                try registry.release($0, target: broker.target)?.decoded
            }
        }
        return [try registry.newestRelease(target: broker.target)?.decoded].compactMap(\.self)
    }
}
