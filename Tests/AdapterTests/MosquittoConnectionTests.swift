import Glibc
import Mosquitto
import TestSupport
import Testing

/// How connections begin, are refused, end and come back; against a real broker.
@Suite(
    "MQTT connection", .enabled(if: TestBroker.isInstalled, "\(TestBroker.skipMessage)"),
    .timeLimit(.minutes(2)))
struct MosquittoConnectionTests {
    @Test("After a broker restart the same client connects, and sends what was unacknowledged")
    func brokerRestart() throws {
        let broker = try TestBroker()
        let client = try LoopClient(broker, "client")
        try broker.stop()
        try client.run("the loss") { client.lost.count == 1 }
        #expect(client.client.socketDescriptor == nil)
        let identifier = try client.client.publish(
            topic: "readings", payload: Array("kept".utf8), qos: 1, retain: true)
        try broker.start()
        client.lost = []
        try client.connect()
        try client.run("the acknowledgement") { client.published == [identifier] }
        let late = try LoopClient(broker, "late", subscribedTo: "readings")
        try late.run("the message") { late.texts == ["kept"] }
    }

    @Test("The right password connects, a wrong or missing one is refused with the reason")
    func password() throws {
        let folder = try TemporaryFolder("passwords")
        let file = folder.path("passwords")
        let made = try Subprocess.run("mosquitto_passwd", ["-b", "-c", file, "agent", "secret"])
        try #require(made.status == 0, "\(made.errors)")
        let broker = try TestBroker(
            configuration: "allow_anonymous false\npassword_file \(file)\n")
        for (username, password) in [("agent", "wrong"), ("nobody", "secret"), (nil, nil)] {
            let refused = try LoopClient(broker, "refused") {
                $0.username = username
                $0.password = password
            }
            #expect(refused.sessionPresent == nil)
            let error = try #require(refused.lost.first ?? nil)
            #expect(error.isNotAuthorized, "\(error)")
            #expect("\(error)".contains("Check the user name"))
        }
        let accepted = try LoopClient(broker, "accepted") {
            $0.username = "agent"
            $0.password = "secret"
        }
        #expect(accepted.sessionPresent == false)
        #expect(accepted.lost.isEmpty)
    }

    @Test("A port where nobody listens is reported, not waited for")
    func nobodyListens() throws {
        let port = Int32(try FreePort.find())
        let client = try LoopClient(
            MosquittoConfiguration(host: "127.0.0.1", port: port, clientIdentifier: "client"))
        try client.client.connect()
        try client.run("the refusal") { !client.lost.isEmpty }
        let error = try #require(client.lost.first ?? nil)
        #expect("\(error)".contains("Check that the broker runs"), "\(error)")
    }

    @Test("A host name that does not exist is refused by connect")
    func noSuchHost() throws {
        let client = try MosquittoClient(
            MosquittoConfiguration(host: "no-such.invalid", port: 1_883, clientIdentifier: "c"))
        #expect(throws: MosquittoError.self) { try client.connect() }
    }

    /// Mosquitto 2.0.11 closes the socket without the DISCONNECT of MQTT 5.0 §3.1.4; other brokers
    /// send it, and then ``MosquittoError/isSessionTakenOver`` holds.
    @Test("A second client of the same identifier pushes the first one out")
    func takeover() throws {
        let broker = try TestBroker()
        let first = try LoopClient(broker, "same")
        let second = try LoopClient(broker, "same")
        try first.run("the loss") { !first.lost.isEmpty }
        #expect(first.lost.first != .some(nil))
        #expect(second.sessionPresent == false)
        #expect(MosquittoError.refused(operation: "", reason: 142).isSessionTakenOver)
    }

    @Test("A connection is closed abruptly at any moment: before it says hello, and without one")
    func closedEarly() throws {
        let broker = try TestBroker()
        let client = try MosquittoClient(
            MosquittoConfiguration(
                host: broker.host, port: Int32(broker.port), clientIdentifier: "client"))
        client.closeAbruptly()
        try client.connect()
        client.closeAbruptly()
        #expect(client.socketDescriptor == nil)
    }

    @Test("A connection that is never answered is closed abruptly while it waits")
    func closedWhilePending() throws {
        // Nobody accepts: once the backlog is full, the kernel drops further attempts to connect.
        let listener = try Listener(backlog: 0)
        let clients = try (0..<4).map { index in
            try MosquittoClient(
                MosquittoConfiguration(
                    host: "127.0.0.1", port: Int32(listener.port), clientIdentifier: "c\(index)"))
        }
        for client in clients { try client.connect() }
        for client in clients {
            client.closeAbruptly()
            #expect(client.socketDescriptor == nil)
        }
        withExtendedLifetime(listener) {}
    }

    @Test("A payload of 1,000,000 bytes arrives whole")
    func largePayload() throws {
        let broker = try TestBroker()
        let receiver = try LoopClient(broker, "receiver", subscribedTo: "large")
        let text = String(repeating: "0123456789", count: 100_000)
        try LoopClient(broker, "sender").publish("large", text)
        try receiver.run("the message") { !receiver.texts.isEmpty }
        #expect(receiver.texts == [text])
    }

    @Test("A topic with a wildcard is refused before anything is sent")
    func wildcardTopic() throws {
        let broker = try TestBroker()
        let client = try LoopClient(broker, "client")
        #expect(throws: MosquittoError.self) {
            try client.client.publish(topic: "a/#", payload: [1], qos: 1, retain: false)
        }
    }
}
