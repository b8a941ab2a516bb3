import Glibc
import Mosquitto
import TestSupport

/// A client and the loop around it, in steps that a test chooses.
final class LoopClient {
    /// A message, copied while the library showed it.
    struct Received: Equatable {
        var topic: String
        var text: String
        var qos: UInt8
        var isRetained: Bool
        var responseTopic: String?
        var correlationData: [UInt8]?
    }

    let client: MosquittoClient
    var received: [Received] = []
    var texts: [String] { received.map(\.text) }
    var published: [Int32] = []
    var granted: [UInt8] = []
    /// What the last connection said about the session; `nil` before it is up and after its end.
    var sessionPresent: Bool?
    var lost: [MosquittoError?] = []

    init(_ configuration: MosquittoConfiguration) throws {
        client = try MosquittoClient(configuration)
    }

    /// A client of `broker` that is connected, and subscribed at QoS 1 if there is a filter.
    convenience init(
        _ broker: TestBroker, _ identifier: String, subscribedTo filter: String? = nil,
        _ adjust: (inout MosquittoConfiguration) -> Void = { _ in }
    ) throws {
        var configuration = MosquittoConfiguration(
            host: broker.host, port: Int32(broker.port), clientIdentifier: identifier)
        adjust(&configuration)
        try self.init(configuration)
        try connect()
        if let filter { try subscribe(filter) }
    }

    func connect() throws {
        try client.connect()
        try run("a connection") { sessionPresent != nil || !lost.isEmpty }
    }

    func subscribe(_ filter: String) throws {
        granted = []
        try client.subscribe(filter, qos: 1)
        try run("a subscription") { !granted.isEmpty }
    }

    func publish(_ topic: String, _ text: String, retain: Bool = false) throws {
        let identifier = try client.publish(
            topic: topic, payload: Array(text.utf8), qos: 1, retain: retain)
        try run("an acknowledgement") { published.contains(identifier) }
    }

    /// Loops until the condition holds; writes only if told so.
    func run(_ what: String, writing: Bool = true, _ isDone: () -> Bool) throws {
        let isInTime = Eventually.holds {
            turn(writing: writing)
            return isDone()
        }
        guard isInTime else { throw TestSupportError("\(what) did not come; lost: \(lost)") }
    }

    private func turn(writing: Bool) {
        guard let descriptor = client.socketDescriptor else { return }
        let wantsWrite = writing && client.wantsWrite
        var entry = pollfd(
            fd: descriptor, events: Int16(POLLIN | (wantsWrite ? POLLOUT : 0)), revents: 0)
        poll(&entry, 1, 20)
        if Int32(entry.revents) & (POLLIN | POLLERR | POLLHUP) != 0 { drain() }
        if Int32(entry.revents) & POLLOUT != 0 { client.loopWrite(receive) }
        if writing { client.loopMisc(receive) }
    }

    /// Reads until nothing more is reported, and writes nothing.
    func drain() {
        var before: Int
        repeat {
            before = client.eventCount
            client.loopRead(receive)
        } while client.eventCount != before
    }

    func receive(_ event: MosquittoEvent) {
        switch event {
        case .connected(let present): sessionPresent = present
        case .disconnected(let error):
            sessionPresent = nil
            lost.append(error)
        case .message(let message):
            received.append(
                Received(
                    topic: message.topic, text: String(decoding: message.payload, as: UTF8.self),
                    qos: message.qos, isRetained: message.isRetained,
                    responseTopic: message.responseTopic,
                    correlationData: message.correlationData))
        case .published(let identifier): published.append(identifier)
        case .publishRefused(_, let error): lost.append(error)
        case .subscribed(_, let codes): granted = codes
        case .unsubscribed: break
        }
    }
}
