package import EdgeProtocol
import Mosquitto
import Prognostics
import Sodium

/// Where a fleet's broker is and which topics are the fleet's.
package struct FleetBroker: Sendable {
    /// How long one answer of the broker may take, in seconds.
    static let answerSecondsMax = 20.0
    /// Packets from the broker: a block, a page or an offer, each far smaller.
    private static let packetSizeMax = UInt32(2 * ProtocolLimits.pageSizeMax)

    package let topics: Topics
    /// The name under which the registry keeps what concerns this fleet: topic prefix and fleet.
    package var target: String { topics.root }
    private let host: String
    private let port: Int32
    private let user: String?
    private let password: String?

    /// Describes a broker; `fleet` and `topicPrefix` are text that may be wrong.
    package init(
        host: String, port: Int32, user: String?, password: String?, fleet: String,
        topicPrefix: String
    ) throws(BackofficeError) {
        guard let fleet = UnitIdentifier(fleet) else {
            throw .badIdentifier(option: "--fleet", text: fleet)
        }
        guard let topics = Topics(prefix: topicPrefix, fleet: fleet) else {
            throw .badTopicPrefix(topicPrefix)
        }
        self.topics = topics
        self.host = host
        self.port = port
        self.user = user
        self.password = password
    }

    /// Connects with an identifier of its own.
    func connect() throws(MosquittoError) -> FleetSession {
        let suffix = randomBytes(count: 8).map { String($0 % 36, radix: 36) }.joined()
        let name = "backoffice-\(suffix)"
        var configuration = MosquittoConfiguration(
            host: host, port: port, clientIdentifier: name)
        configuration.maximumPacketSize = Self.packetSizeMax
        configuration.username = user
        configuration.password = password
        let session = try MosquittoSession(
            configuration, timeoutSeconds: Self.answerSecondsMax)
        return FleetSession(session, topics: topics, name: name)
    }
}

/// A connection to a fleet's broker.
final class FleetSession {
    let session: MosquittoSession
    let topics: Topics
    /// The client identifier; also the last level of the topics that only this session reads.
    let name: String
    private var hasEcho = false

    init(_ session: MosquittoSession, topics: Topics, name: String) {
        self.session = session
        self.topics = topics
        self.name = name
    }

    deinit { session.disconnect() }

    /// What the broker holds retained under topic filters: payloads by topic.
    ///
    /// The broker queues retained messages when it accepts the subscription, and delivers in order
    /// (MQTT 5.0 §4.6), so an echo of our own that is published afterwards comes after the last.
    func retained(_ filters: [String]) throws -> [String: [UInt8]] {
        let seconds = FleetBroker.answerSecondsMax
        let echo = "\(topics.root)pipeline/echo/\(name)"
        if !hasEcho { try session.subscribe(echo, qos: 1, timeoutSeconds: seconds) }
        hasEcho = true
        for filter in filters {
            try session.subscribe(filter, qos: 1, timeoutSeconds: seconds)
        }
        let token = randomBytes(count: 16)
        try session.publish(topic: echo, payload: token, retain: false, timeoutSeconds: seconds)
        var held: [String: [UInt8]] = [:]
        while let message = try session.nextMessage(timeoutSeconds: seconds) {
            if message.topic == echo, message.payload == token { return held }
            if message.topic != echo { held[message.topic] = message.payload }
        }
        throw MosquittoError.timedOut(operation: "Reading retained messages", seconds: seconds)
    }

    /// Publishes retained messages and waits until the broker has them all.
    func publishRetained(_ messages: [(topic: String, payload: [UInt8])]) throws(MosquittoError) {
        for message in messages {
            try session.enqueue(topic: message.topic, payload: message.payload, retain: true)
        }
        try session.flush(timeoutSeconds: FleetBroker.answerSecondsMax)
    }
}
