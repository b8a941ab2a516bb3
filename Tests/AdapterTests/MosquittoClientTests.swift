import Mosquitto
import TestSupport
import Testing

/// Against a real broker on a free port of 127.0.0.1.
@Suite(
    "MQTT client", .enabled(if: TestBroker.isInstalled, "\(TestBroker.skipMessage)"),
    .timeLimit(.minutes(2)))
struct MosquittoClientTests {
    static let readings = ["one", "two", "three", "four", "five"]

    /// A subscriber whose session outlives its connection.
    static func subscriber(
        _ broker: TestBroker, filter: String? = "readings"
    ) throws -> LoopClient {
        try LoopClient(broker, "subscriber", subscribedTo: filter) {
            $0.cleanStart = false
            $0.sessionExpirySeconds = 3_600
        }
    }

    static func publishReadings(_ broker: TestBroker) throws {
        let publisher = try LoopClient(broker, "publisher")
        for text in readings { try publisher.publish("readings", text) }
    }

    /// What the session's next connection gets before a message that is published now.
    static func redelivered(_ broker: TestBroker) throws -> [String] {
        let next = try subscriber(broker, filter: nil)
        #expect(next.sessionPresent == true, "the session outlived the connection")
        try LoopClient(broker, "sentinel").publish("readings", "last")
        try next.run("the sentinel") { next.texts.contains("last") }
        return next.texts.filter { $0 != "last" }
    }

    @Test("Acknowledgements leave at loopWrite: closed before, all messages come again")
    func closedBeforeWrite() throws {
        let broker = try TestBroker()
        let first = try Self.subscriber(broker)
        try Self.publishReadings(broker)
        try first.run("the readings", writing: false) { first.texts == Self.readings }
        #expect(first.client.wantsWrite, "acknowledgements are queued")
        first.client.closeAbruptly()
        #expect(first.client.socketDescriptor == nil)
        #expect(try Self.redelivered(broker) == Self.readings)
    }

    @Test("Acknowledgements leave at loopWrite: closed after, no message comes again")
    func closedAfterWrite() throws {
        let broker = try TestBroker()
        let first = try Self.subscriber(broker)
        try Self.publishReadings(broker)
        try first.run("the readings", writing: false) { first.texts == Self.readings }
        #expect(first.client.loopWrite(first.receive))
        #expect(!first.client.wantsWrite)
        // The answer to what is sent later tells that the broker has read the acknowledgements.
        try first.subscribe("another")
        first.client.closeAbruptly()
        #expect(try Self.redelivered(broker) == [])
    }

    @Test("Publishing, subscribing and loopMisc write nothing")
    func queueOnly() throws {
        let broker = try TestBroker()
        let first = try Self.subscriber(broker)
        try Self.publishReadings(broker)
        try first.run("the readings", writing: false) { first.texts == Self.readings }
        try first.client.publish(topic: "other", payload: [1], qos: 1, retain: false)
        try first.client.subscribe("another", qos: 1)
        #expect(first.client.loopMisc(first.receive))
        first.client.closeAbruptly()
        #expect(try Self.redelivered(broker) == Self.readings)
    }

    @Test("A client that goes without closing gets its messages again")
    func destroyed() throws {
        let broker = try TestBroker()
        do {
            let first = try Self.subscriber(broker)
            try Self.publishReadings(broker)
            try first.run("the readings", writing: false) { first.texts == Self.readings }
        }
        #expect(try Self.redelivered(broker) == Self.readings)
    }

    @Test("The same client connects again after closing abruptly, without its old queue")
    func connectsAgain() throws {
        let broker = try TestBroker()
        let client = try Self.subscriber(broker)
        try Self.publishReadings(broker)
        try client.run("the readings", writing: false) { client.texts == Self.readings }
        client.client.closeAbruptly()
        client.sessionPresent = nil
        client.received = []
        try client.connect()
        #expect(client.sessionPresent == true)
        try client.run("the readings again") { client.texts.count >= Self.readings.count }
        #expect(client.texts == Self.readings)
    }

    @Test("The broker sends as many unacknowledged messages as Receive Maximum says")
    func receiveMaximum() throws {
        let broker = try TestBroker()
        let client = try LoopClient(broker, "subscriber", subscribedTo: "many") {
            $0.receiveMaximum = 33
        }
        let witness = try LoopClient(broker, "witness", subscribedTo: "many") {
            $0.receiveMaximum = 200
        }
        let publisher = try LoopClient(broker, "publisher")
        for index in 0..<100 {
            try publisher.client.publish(
                topic: "many", payload: Array("\(index)".utf8), qos: 1, retain: false)
        }
        try publisher.run("acknowledgements") { publisher.published.count == 100 }
        try witness.run("all messages", writing: false) { witness.texts.count == 100 }
        try client.run("the first messages", writing: false) { client.texts.count >= 33 }
        client.drain()
        #expect(client.texts == (0..<33).map { "\($0)" })
    }

    @Test("The Last Will is published when the connection is closed abruptly")
    func lastWill() throws {
        let broker = try TestBroker()
        let witness = try LoopClient(broker, "witness", subscribedTo: "status")
        let will = MosquittoConfiguration.LastWill(
            topic: "status", payload: Array("offline".utf8), qos: 1, retain: true)
        let client = try LoopClient(broker, "client") { $0.lastWill = will }
        client.client.closeAbruptly()
        try witness.run("the will") { witness.texts == ["offline"] }
        let late = try LoopClient(broker, "late", subscribedTo: "status")
        try late.run("the retained will") { late.texts == ["offline"] }
        #expect(late.received.first?.isRetained == true)
    }

    @Test("The Last Will is not published after a disconnect")
    func noLastWill() throws {
        let broker = try TestBroker()
        let witness = try LoopClient(broker, "witness", subscribedTo: "status")
        let will = MosquittoConfiguration.LastWill(
            topic: "status", payload: Array("offline".utf8), qos: 1, retain: true)
        let client = try LoopClient(broker, "client") { $0.lastWill = will }
        try client.client.disconnect()
        try client.run("the end") { client.lost == [nil] }
        try LoopClient(broker, "sentinel").publish("status", "last")
        try witness.run("the sentinel") { !witness.texts.isEmpty }
        #expect(witness.texts == ["last"])
    }

    @Test("A retained message reaches a later subscriber, and an empty one clears it")
    func retained() throws {
        let broker = try TestBroker()
        let publisher = try LoopClient(broker, "publisher")
        try publisher.publish("blocks/0", "zero", retain: true)
        try publisher.publish("blocks/1", "one", retain: true)
        let first = try LoopClient(broker, "first", subscribedTo: "blocks/+")
        try first.run("both blocks") { first.texts.count == 2 }
        #expect(Set(first.texts) == ["zero", "one"])
        #expect(first.received.allSatisfy { $0.isRetained })
        try publisher.publish("blocks/0", "", retain: true)
        try first.run("the clearing") { first.texts.count == 3 }
        let second = try LoopClient(broker, "second", subscribedTo: "blocks/+")
        try second.run("what is left") { !second.texts.isEmpty }
        #expect(second.texts == ["one"])
    }

    @Test("Response topic and correlation data reach the receiver, byte for byte")
    func requestProperties() throws {
        let broker = try TestBroker()
        let receiver = try LoopClient(broker, "receiver", subscribedTo: "requests")
        let sender = try LoopClient(broker, "sender")
        let data: [UInt8] = [0, 255, 10, 0]
        try sender.client.publish(
            topic: "requests", payload: Array("page 1".utf8), qos: 1, retain: false,
            properties: PublishProperties(
                responseTopic: "answers/é", correlationData: data, expirySeconds: 30))
        try sender.run("an acknowledgement") { sender.published.count == 1 }
        try receiver.run("the request") { !receiver.received.isEmpty }
        #expect(
            receiver.received == [
                LoopClient.Received(
                    topic: "requests", text: "page 1", qos: 1, isRetained: false,
                    responseTopic: "answers/é", correlationData: data)
            ])
    }

    @Test("A message without properties has none")
    func noProperties() throws {
        let broker = try TestBroker()
        let receiver = try LoopClient(broker, "receiver", subscribedTo: "requests")
        try LoopClient(broker, "sender").publish("requests", "plain")
        try receiver.run("the message") { !receiver.received.isEmpty }
        #expect(receiver.received.first?.responseTopic == nil)
        #expect(receiver.received.first?.correlationData == nil)
    }
}
