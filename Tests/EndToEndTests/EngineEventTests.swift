import EdgeProtocol
import Prognostics
import SQLite
import StrictJSON
import TestSupport
import Testing

/// Asks whether maintenance events reach the device's log and its predictions.
@Suite(
    "Engine events, end to end", .serialized,
    .enabled(if: TestBroker.isInstalled, "\(TestBroker.skipMessage)"), .timeLimit(.minutes(5)))
struct EngineEventTests {
    /// Publishes as a maintenance system would, with mosquitto's own program.
    private func publish(_ payload: String, to topic: String, _ agent: RunningAgent) throws {
        let finished = try Subprocess.run(
            "mosquitto_pub",
            [
                "-V", "5", "-h", agent.broker.host, "-p", String(agent.broker.port), "-q", "1",
                "-t", topic, "-m", payload,
            ])
        guard finished.status == 0 else { throw TestSupportError(finished.errors) }
    }

    private func events(_ agent: RunningAgent) throws -> [String] {
        try agent.query(
            """
            SELECT sequence, name, events.installation, kind, cycle
            FROM events JOIN units USING (unit_id) ORDER BY sequence
            """
        ) { row in (0...4).map { row.text(at: $0) }.joined(separator: " ") }
    }

    @Test("Events from mosquitto_pub are kept in order with readings; bad ones are quarantined")
    func published() throws {
        let agent = try RunningAgent()
        let topic = agent.topics.root + "engines/u1/events"
        try agent.publish((1...3).map { Payload.row("u1", $0) }, to: agent.topics.readings)
        _ = try agent.health(received: 3)
        try publish(#"{"event": "serviced", "cycle": 3}"#, to: topic, agent)
        try publish(#"{"event": "serviced", "cycle": 3}"#, to: topic, agent)
        try publish(#"{"event": "failed", "cycle": 3}"#, to: topic, agent)
        let bad = [
            (#"{"event": "exploded", "cycle": 3}"#, "serviced, removed or failed"),
            (#"{"event": "failed"}"#, "cycle"), (#"{"event": "failed", "cycle": 0}"#, "cycle"),
            (#"{"event": "failed", "cycle": 3.5}"#, "cycle"),
            (#"{"event": "failed", "cycle": 3, "why": "bird"}"#, "why"),
            (#"{"event": "failed", "event": "removed", "cycle": 3}"#, "event"), ("failed 3", ""),
        ]
        for (payload, _) in bad { try publish(payload, to: topic, agent) }
        try agent.publish([Payload.row("u1", 1, offset: 5)], to: agent.topics.readings)
        let health = try agent.health(received: 4 + Int64(bad.count))
        #expect(try health.integer("quarantined") == Int64(bad.count))
        #expect(try events(agent) == ["4 u1 1 1 3", "5 u1 1 3 3"])
        let reasons = try agent.query("SELECT reason FROM quarantine ORDER BY sequence") {
            $0.text(at: 0)
        }
        try #require(reasons.count == bad.count)
        for (reason, (payload, part)) in zip(reasons, bad) {
            #expect(reason.hasPrefix("The payload is no engine event: "), "\(payload)")
            #expect(reason.contains(part), "\(payload): \(reason)")
        }
        #expect(
            try agent.query("SELECT installation FROM readings ORDER BY sequence") {
                $0.int64(at: 0)
            } == [1, 1, 1, 2])
    }

    @Test("A late service and a kill leave the bits of a device that was told in time")
    func lateService() throws {
        let models = try TrainedModels.shared.get()
        let rows = models.rows(of: "2")
        let (first, second) = (rows.count / 3, rows.count / 2)
        var outputs: [[String]] = []
        for isLate in [false, true] {
            let key = SigningKeyBox()
            let agent = try RunningAgent(publicKey: key.verificationKey)
            let publisher = Publisher(agent: agent, key: key)
            try publisher.publish(publisher.offer(models.first, counter: 1))
            try publisher.publishBlocks(models.first)
            let name = try #require(UnitIdentifier(RunningAgent.name))
            _ = try agent.retained(agent.topics.model(of: name)) {
                try $0.string("state") == "active"
            }
            let topic = agent.topics.root + "engines/2/events"
            let event = "{\"event\": \"serviced\", \"cycle\": \(first)}"
            let told = isLate ? second : first
            try agent.publish(Array(rows[..<told]), to: agent.topics.readings)
            _ = try agent.health(received: Int64(told))
            try publish(event, to: topic, agent)
            #expect(try Eventually.holds { try events(agent).count == 1 })
            try agent.killAndRestart()
            try agent.publish(Array(rows[told...]), to: agent.topics.readings)
            _ = try agent.health(within: 20) { try $0.integer("scored") >= rows.count }
            outputs.append(
                try agent.query(
                    """
                    SELECT cycle, rul, rul_low, rul_high, failure_probability FROM readings
                    WHERE outcome = 1 ORDER BY cycle
                    """
                ) { row in
                    (0...4).map { String(row.double(at: $0).bitPattern) }.joined(separator: " ")
                })
        }
        try #require(outputs.allSatisfy { $0.count == rows.count })
        #expect(outputs[0][..<first] == outputs[1][..<first])
        #expect(outputs[0][first..<second] != outputs[1][first..<second], "said is said")
        #expect(outputs[0][second...] == outputs[1][second...])
    }

    @Test("Two agents of one name: the first says so and stands back instead of fighting")
    func sameName() throws {
        let broker = try TestBroker()
        let first = try RunningAgent(broker: broker)
        // The first counts as settled after five seconds, and only then gives way.
        let start = ContinuousClock.now
        #expect(Eventually.holds { ContinuousClock.now - start > .seconds(6) })
        let second = try RunningAgent(broker: broker)
        #expect(
            try Eventually.holds {
                try first.process.errorsSoFar().contains("another agent has this name")
            })
        try second.publish((1...50).map { Payload.row("u1", $0) }, to: second.topics.readings)
        let health = try second.health(received: 50)
        #expect(try health.integer("unscored") == 50, "the session stays with the second")
        #expect(try !second.process.errorsSoFar().contains("another agent has this name"))
    }
}
