import Mosquitto
import TestSupport
import Testing

/// The blocking calls of the back office; against a real broker.
@Suite(
    "MQTT session with blocking calls",
    .enabled(if: TestBroker.isInstalled, "\(TestBroker.skipMessage)"), .timeLimit(.minutes(2)))
struct MosquittoSessionTests {
    static func configuration(
        _ broker: TestBroker, _ identifier: String
    ) -> MosquittoConfiguration {
        MosquittoConfiguration(
            host: broker.host, port: Int32(broker.port), clientIdentifier: identifier)
    }

    static func session(_ broker: TestBroker, _ identifier: String) throws -> MosquittoSession {
        try MosquittoSession(configuration(broker, identifier), timeoutSeconds: 10)
    }

    @Test("A request with its response topic gets its answer")
    func request() throws {
        let broker = try TestBroker()
        let agent = try Self.session(broker, "agent")
        try agent.subscribe("requests", qos: 1, timeoutSeconds: 10)
        let office = try Self.session(broker, "office")
        try office.subscribe("answers", qos: 1, timeoutSeconds: 10)
        try office.publish(
            topic: "requests", payload: [1], retain: false,
            properties: PublishProperties(responseTopic: "answers", correlationData: [7, 8]),
            timeoutSeconds: 10)
        let request = try #require(try agent.nextMessage(timeoutSeconds: 10))
        try agent.publish(
            topic: try #require(request.responseTopic), payload: [2], retain: false,
            properties: PublishProperties(correlationData: request.correlationData),
            timeoutSeconds: 10)
        let answer = try #require(try office.nextMessage(timeoutSeconds: 10))
        #expect(answer.topic == "answers")
        #expect(answer.payload == [2])
        #expect(answer.correlationData == [7, 8])
    }

    @Test("2,000 queued messages are acknowledged and arrive in order")
    func many() throws {
        let broker = try TestBroker()
        let receiver = try Self.session(broker, "receiver")
        try receiver.subscribe("many", qos: 1, timeoutSeconds: 10)
        let sender = try Self.session(broker, "sender")
        for index in 0..<2_000 {
            try sender.enqueue(topic: "many", payload: Array("\(index)".utf8), retain: false)
        }
        try sender.flush(timeoutSeconds: 30)
        for index in 0..<2_000 {
            let message = try #require(try receiver.nextMessage(timeoutSeconds: 10))
            try #require(message.payload == Array("\(index)".utf8))
        }
    }

    @Test("Without a message, the wait ends with nothing")
    func noMessage() throws {
        let broker = try TestBroker()
        let session = try Self.session(broker, "client")
        #expect(try session.nextMessage(timeoutSeconds: 0.05) == nil)
    }

    @Test("A broker that goes away ends the wait with an error")
    func brokerGone() throws {
        let broker = try TestBroker()
        let session = try Self.session(broker, "client")
        try broker.stop()
        #expect(throws: MosquittoError.self) {
            try session.nextMessage(timeoutSeconds: 10)
        }
    }

    @Test("After a goodbye the broker publishes no Last Will")
    func goodbye() throws {
        let broker = try TestBroker()
        let witness = try Self.session(broker, "witness")
        try witness.subscribe("status", qos: 1, timeoutSeconds: 10)
        var configuration = Self.configuration(broker, "client")
        configuration.lastWill = .init(
            topic: "status", payload: Array("offline".utf8), qos: 1, retain: false)
        try MosquittoSession(configuration, timeoutSeconds: 10).disconnect()
        try Self.session(broker, "sentinel").publish(
            topic: "status", payload: Array("last".utf8), retain: false, timeoutSeconds: 10)
        let message = try #require(try witness.nextMessage(timeoutSeconds: 10))
        #expect(message.payload == Array("last".utf8))
    }

    @Test("A topic that the access list forbids is refused with the reason")
    func forbidden() throws {
        let folder = try TemporaryFolder("access")
        let list = try folder.write("topic read open\n", to: "access.list")
        let broker = try TestBroker(configuration: "allow_anonymous true\nacl_file \(list)\n")
        let session = try Self.session(broker, "client")
        let error = #expect(throws: MosquittoError.self) {
            try session.publish(
                topic: "closed", payload: [1], retain: false, timeoutSeconds: 10)
        }
        #expect(error?.isNotAuthorized == true, "\(String(describing: error))")
    }

    @Test("Somebody who accepts connections and is no broker is given up after the time")
    func silence() throws {
        let listener = try Listener(backlog: 1)
        let configuration = MosquittoConfiguration(
            host: "127.0.0.1", port: Int32(listener.port), clientIdentifier: "client")
        #expect(
            throws: MosquittoError.timedOut(
                operation: "Connecting to 127.0.0.1:\(listener.port)", seconds: 0.2)
        ) {
            try MosquittoSession(configuration, timeoutSeconds: 0.2)
        }
        withExtendedLifetime(listener) {}
    }
}
