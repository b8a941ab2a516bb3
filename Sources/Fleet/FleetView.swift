package import EdgeProtocol
package import Prognostics
import StrictJSON

/// A fleet at one moment: each agent with what it shall run, what it runs, and how it is.
package struct FleetView: Equatable, Sendable {
    /// What the back office knows of an agent besides the broker's messages.
    package struct Known: Equatable, Sendable {
        /// When it was seen online last; milliseconds since 1970.
        package var lastSeenMillis: Int64?
        /// The store and the newest entry of its log that are durable here.
        package var pulled: (storeID: String, sequence: Int64)?

        package init() {}

        package static func == (lhs: Self, rhs: Self) -> Bool {
            lhs.lastSeenMillis == rhs.lastSeenMillis
                && lhs.pulled?.storeID == rhs.pulled?.storeID
                && lhs.pulled?.sequence == rhs.pulled?.sequence
        }
    }

    /// One agent.
    package struct Row: Equatable, Sendable {
        package let name: UnitIdentifier
        /// `online`, `connecting`, `offline`; `absent` when the broker holds no status of it.
        package let presence: String
        package let lastSeenMillis: Int64?
        /// The program's version.
        package let program: String?
        /// The run that it shall have by the newest offer that addresses it.
        package let target: String?
        /// The run that it says it has.
        package let reported: String?
        /// Why they differ, a sentence part; nil when they do not.
        package let difference: String?
        package let isOnProbation: Bool
        /// Why it is DEGRADED; empty when it is not, nil when it has not said.
        package let degradations: [String]?
        package let daysToFull: Int64?
        /// Entries of its log that were not pulled; nil when that cannot be told.
        package let backlog: Int64?
        /// Messages of it that could not be read.
        package let misfits: [String]
    }

    package let rows: [Row]

    /// Joins what the broker holds with what the registry knows.
    /// - Parameters:
    ///   - agents: The agents that the broker's messages speak of.
    ///   - known: What is known of agents otherwise; those that `agents` lacks are absent.
    ///   - offers: The offers in force; of those that address an agent, the highest counts.
    ///   - nowMillis: The time of the look, in milliseconds since 1970.
    package init(
        agents: [FleetAgent], known: [UnitIdentifier: Known], offers: [ModelOffer],
        nowMillis: Int64
    ) {
        let present = Set(agents.map(\.name))
        let absent = known.keys.filter { !present.contains($0) }.map { FleetAgent(name: $0) }
        rows = (agents + absent).sorted { $0.name < $1.name }.map { agent in
            let offer = offers.filter { $0.addresses(agent.name) }
                .max { $0.counter < $1.counter }
            return Row(agent, known[agent.name] ?? Known(), offer, nowMillis)
        }
    }
}

extension FleetView.Row {
    fileprivate init(
        _ agent: FleetAgent, _ known: FleetView.Known, _ offer: ModelOffer?, _ nowMillis: Int64
    ) {
        name = agent.name
        presence = agent.status?.presence.rawValue ?? "absent"
        lastSeenMillis = agent.isOnline ? nowMillis : known.lastSeenMillis
        program = agent.status?.version
        target = offer?.runID
        reported = agent.model?.reportedRunID
        difference = Self.difference(agent, offer)
        isOnProbation = agent.model?.onProbation ?? false
        degradations = agent.health.map(\.degradations)
        daysToFull = agent.health?.daysToFull
        backlog = Self.backlog(agent, known)
        misfits = agent.misfits
    }

    private static func difference(_ agent: FleetAgent, _ offer: ModelOffer?) -> String? {
        guard let offer else { return nil }
        guard let model = agent.model else { return "it has said nothing of its model" }
        guard model.reportedDigest != offer.digest else { return nil }
        guard model.targetDigest == offer.digest else {
            let heard = "it has accepted release \(model.targetCounter ?? 0), not \(offer.counter)"
            guard agent.isOnline else { return "\(heard), and is not online" }
            return model.reason.map { "\(heard): \($0)" } ?? heard
        }
        switch model.state {
        case .fetching: return "fetching, \(model.missingBlocks.count) block(s) missing"
        case .held, .refused:
            return "\(model.state.rawValue): \(model.reason ?? "it gives no reason")"
        case .none, .verifying, .shadow, .active:
            return model.reason.map { "\(model.state.rawValue): \($0)" } ?? model.state.rawValue
        }
    }

    private static func backlog(_ agent: FleetAgent, _ known: FleetView.Known) -> Int64? {
        guard let newest = agent.health?.logSequence else { return nil }
        guard let pulled = known.pulled else { return newest }
        // Another store has its own sequence, and nothing of it was pulled.
        guard let storeID = agent.status?.storeID else { return nil }
        return pulled.storeID == storeID ? max(0, newest - pulled.sequence) : newest
    }
}
