import EdgeProtocol
import Mosquitto
import Prognostics
import SQLite
import StrictJSON
import TestSupport
import Testing

/// Asks whether the real agent keeps its promises to what sensors publish.
@Suite(
    "Ingest, end to end", .serialized,
    .enabled(if: TestBroker.isInstalled, "\(TestBroker.skipMessage)"), .timeLimit(.minutes(3)))
struct IngestTests {
    @Test("The same reading as a row and as JSON is applied once and suppressed once")
    func rowAndObject() throws {
        let agent = try RunningAgent()
        try agent.publish([Payload.row("u1", 1)], to: agent.topics.readings)
        try agent.publish([Payload.object(1)], to: agent.topics.root + "engines/u1/readings")
        let health = try agent.health(received: 2)
        #expect(try health.integer("unscored") == 1)
        #expect(try health.integer("suppressed") == 1)
        #expect(try agent.query("SELECT cycle FROM readings") { $0.int64(at: 0) } == [1])
    }

    struct BadPayload: CustomTestStringConvertible {
        let testDescription: String
        let topic: String
        let payload: [UInt8]
        let reason: String
    }

    static let bad = [
        BadPayload(
            testDescription: "garbage", topic: "readings", payload: [0, 255, 254, 10],
            reason: "Column 1 is"),
        BadPayload(
            testDescription: "empty", topic: "readings", payload: [32], reason: "is empty"),
        BadPayload(
            testDescription: "truncated", topic: "readings",
            payload: Array(Payload.row("u1", 3).prefix(20)), reason: "columns, 26 are expected"),
        BadPayload(
            testDescription: "oversized", topic: "readings",
            payload: [UInt8](repeating: 49, count: 65_537), reason: "has 65537 bytes"),
        BadPayload(
            testDescription: "NaN", topic: "readings",
            payload: Array(
                String(decoding: Payload.row("u1", 3), as: UTF8.self)
                    .replacing("23.375", with: "nan").utf8), reason: "Column 26 is 'nan'"),
        BadPayload(
            testDescription: "unit with a slash", topic: "readings", payload: Payload.row("u/1", 3),
            reason: "Column 1 is 'u/1'"),
        BadPayload(
            testDescription: "row of another unit", topic: "engines/u2/readings",
            payload: Payload.row("u1", 3), reason: "names unit 'u1'"),
        BadPayload(
            testDescription: "JSON without channels", topic: "engines/u1/readings",
            payload: Array(#"{"cycle": 3}"#.utf8), reason: "'setting_1' is missing"),
        BadPayload(
            testDescription: "broken JSON", topic: "engines/u1/readings", payload: Array("{".utf8),
            reason: "not a JSON object"),
        BadPayload(
            testDescription: "other values for a known cycle", topic: "readings",
            payload: Payload.row("u1", 2, offset: 1), reason: "arrived before with other values"),
    ]

    @Test(
        "Bad payloads are quarantined with topic, bytes and reason; the good one after them counts")
    func badPayloads() throws {
        let agent = try RunningAgent()
        try agent.publish(
            [Payload.row("u1", 1), Payload.row("u1", 2)], to: agent.topics.readings)
        for bad in Self.bad { try agent.publish([bad.payload], to: agent.topics.root + bad.topic) }
        try agent.publish([Payload.row("u1", 3)], to: agent.topics.readings)
        let health = try agent.health(received: 3 + Int64(Self.bad.count))
        #expect(try health.integer("quarantined") == Int64(Self.bad.count))
        #expect(try health.integer("unscored") == 3)
        #expect(try health.integer("in_flight") == 0)
        let rows = try agent.query(
            "SELECT topic, reason, payload_prefix, payload_size FROM quarantine ORDER BY sequence"
        ) { (topic: $0.text(at: 0), reason: $0.text(at: 1), size: $0.int64(at: 3)) }
        try #require(rows.count == Self.bad.count)
        for (row, bad) in zip(rows, Self.bad) {
            #expect(row.topic == agent.topics.root + bad.topic)
            #expect(row.reason.contains(bad.reason), "\(bad.testDescription): \(row.reason)")
        }
        #expect(agent.process.isRunning)
    }

    @Test("A cycle below the last one is logged as late and not applied")
    func late() throws {
        let agent = try RunningAgent()
        let rows = [5, 6, 8, 7].map { Payload.row("u1", $0) }
        try agent.publish(rows, to: agent.topics.readings)
        let health = try agent.health(received: 4)
        #expect(try health.integer("late") == 1)
        #expect(try health.integer("missing_cycles") == 1)
    }

    @Test("Readings published while the broker was away arrive once it is back")
    func brokerRestart() throws {
        let broker = try TestBroker(isPersistent: true)
        let agent = try RunningAgent(broker: broker)
        try agent.publish([Payload.row("u1", 1)], to: agent.topics.readings)
        _ = try agent.health(received: 1)
        try broker.restart()
        try agent.publish((2...50).map { Payload.row("u1", $0) }, to: agent.topics.readings)
        let health = try agent.health(received: 50, within: 40)
        #expect(try health.integer("unscored") == 50)
    }

    @Test("A killed agent has every reading once after its restart")
    func killed() throws {
        let agent = try RunningAgent()
        for start in stride(from: 1, through: 901, by: 100) {
            try agent.publish(
                (start..<start + 100).map { Payload.row("u1", $0) }, to: agent.topics.readings)
            try agent.killAndRestart()
        }
        // What was committed and not acknowledged when the agent died comes again: suppressed.
        let health = try agent.health(within: 40) { try $0.integer("unscored") >= 1_000 }
        #expect(try health.integer("unscored") == 1_000)
        let cycles = try agent.query("SELECT cycle FROM readings ORDER BY sequence") {
            $0.int64(at: 0)
        }
        #expect(cycles == Array(1...1_000))
    }

    @Test("An agent that cannot read its store salvages it, and acknowledges nothing it missed")
    func unreadableStore() throws {
        let agent = try RunningAgent()
        try agent.publish([Payload.row("u1", 1)], to: agent.topics.readings)
        _ = try agent.health(received: 1)
        let store = try Database(
            path: agent.folder.path("data/nacelle.sqlite"), mode: .readWriteCreate)
        try store.execute("ALTER TABLE units RENAME TO elsewhere")
        store.close()
        try agent.publish(
            [
                Payload.row("u1", 2), Payload.row("u2", 1), Payload.row("u3", 1),
                Payload.row("u1", 3),
            ], to: agent.topics.readings)
        let health = try agent.health(within: 40) { try $0.integer("unscored") >= 5 }
        #expect(try health.integer("unscored") == 5)
        #expect(try health.string("condition") == "DEGRADED")
        let rows = try agent.query(
            """
            SELECT name, cycle FROM readings JOIN units USING (unit_id) ORDER BY name, cycle
            """
        ) { "\($0.text(at: 0)) \($0.int64(at: 1))" }
        #expect(rows == ["u1 2", "u1 3", "u2 1", "u3 1"], "without its name the first is lost")
    }

    @Test("A flood of log requests is answered in part, and readings go on")
    func logRequestFlood() throws {
        let agent = try RunningAgent()
        try agent.publish((1...1_000).map { Payload.row("u1", $0) }, to: agent.topics.readings)
        _ = try agent.health(received: 1_000)
        let name = try #require(UnitIdentifier(RunningAgent.name))
        let puller = try agent.session("puller")
        let answers = agent.topics.logResponses(of: name, to: "puller")
        try puller.subscribe(answers, qos: 1, timeoutSeconds: 10)
        let request = LogRequest(storeID: nil, after: 0).payload
        for _ in 0..<400 {
            try puller.enqueue(
                topic: agent.topics.logRequests(to: name), payload: request, retain: false,
                properties: PublishProperties(responseTopic: answers))
        }
        try puller.flush(timeoutSeconds: 20)
        try agent.publish([Payload.row("u1", 1_001)], to: agent.topics.readings)
        _ = try agent.health(received: 1_001)
        var answerCount = 0
        while try puller.nextMessage(timeoutSeconds: 3) != nil { answerCount += 1 }
        #expect((1..<200).contains(answerCount))
    }

    @Test("A second agent on the same data folder is refused, with the holder's name")
    func secondAgent() throws {
        let agent = try RunningAgent()
        let second = try Subprocess.run(
            try BuiltProduct.path("edge-agent"),
            RunningAgent.arguments("run", agent.broker, agent.folder))
        #expect(second.status == 75)
        #expect(second.errors.contains("process \(agent.process.pid)"))
    }

    @Test("A stopped agent says that it is offline, a killed one has it said by its Last Will")
    func status() throws {
        let agent = try RunningAgent()
        agent.process.send(15)
        #expect(try agent.process.wait().status == 0)
        try agent.waitForStatus("offline")
        try agent.killAndRestart()
        try agent.waitForStatus("online")
        agent.process.send(9)
        try agent.waitForStatus("offline")
    }
}
