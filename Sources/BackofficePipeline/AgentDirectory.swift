import EdgeProtocol
package import Prognostics
import StrictJSON

/// Which agents a fleet has, by their retained status messages.
package enum AgentDirectory {
    /// The agents that say `online`, in order.
    package static func online(broker: FleetBroker) throws -> [UnitIdentifier] {
        let session = try broker.connect()
        let statuses = try session.retained([broker.topics.statusFilter])
        return statuses.compactMap { topic, payload -> UnitIdentifier? in
            guard case .status(let agent)? = broker.topics.route(topic),
                let reader = try? JSONReader(parsing: payload),
                (try? reader.string("status")) == "online"
            else { return nil }
            return agent
        }.sorted()
    }
}
