import EdgeProtocol
import Foundation
import Mosquitto
import Prognostics
import SQLite
import StrictJSON
import TestSupport
import Testing

/// Asks what the real agent makes of a real broker that fails it.
@Suite(
    "Broker trouble, end to end", .serialized,
    .enabled(if: TestBroker.isInstalled, "\(TestBroker.skipMessage)"), .timeLimit(.minutes(5)))
struct BrokerTroubleTests {
    /// Publishes rows as a sensor would, with mosquitto's own program.
    private func publish(_ rows: [[UInt8]], qos: Int, _ agent: RunningAgent) throws {
        let finished = try Subprocess.run(
            "mosquitto_pub",
            [
                "-V", "5", "-h", agent.broker.host, "-p", String(agent.broker.port),
                "-q", String(qos), "-t", agent.topics.readings, "-l",
            ], input: Array(rows.joined(separator: [10])) + [10])
        guard finished.status == 0 else { throw TestSupportError(finished.errors) }
    }

    // MARK: Restarts and sessions

    @Test("Readings that wait for the agent at a persistent broker outlive the broker's restart")
    func waitingReadings() throws {
        let agent = try RunningAgent(broker: try TestBroker(isPersistent: true))
        try agent.publish([Payload.row("u1", 1)], to: agent.topics.readings)
        _ = try agent.health(received: 1)
        try agent.whileFrozen {
            try agent.publish((2...60).map { Payload.row("u1", $0) }, to: agent.topics.readings)
            try agent.broker.restart()
        }
        let health = try agent.health(within: 40) { try $0.integer("unscored") >= 60 }
        #expect(try health.integer("unscored") == 60)
        #expect(try health.integer("missing_cycles") == 0)
        #expect(try health.integer("sessions_lost") == 0)
    }

    @Test("A broker that forgot the session: the gaps are found per unit and told everywhere")
    func sessionLost() throws {
        let agent = try RunningAgent()
        try agent.publish(
            (1...5).map { Payload.row("u1", $0) } + (1...3).map { Payload.row("u2", $0) },
            to: agent.topics.readings)
        _ = try agent.health(received: 8)
        try agent.whileFrozen {
            try agent.broker.restart()
            try agent.publish((6...8).map { Payload.row("u1", $0) }, to: agent.topics.readings)
        }
        try agent.waitForStatus("online")
        try agent.publish(
            [Payload.row("u1", 9), Payload.row("u2", 4)], to: agent.topics.readings)
        let health = try agent.health(received: 10)
        #expect(try health.integer("sessions_lost") == 1)
        #expect(try health.integer("missing_cycles") == 3)
        let units = try health.object("units")
        #expect(try units.object("u1").integer("missing_cycles") == 3)
        #expect((try? units.object("u2")) == nil, "this one missed nothing")
        let log = try agent.process.errorsSoFar()
        #expect(log.contains("session lost"), "\(log)")
        let line = log.split(separator: "\n").first { $0.contains("cycles missing") }
        #expect(line?.contains("cycles=3 ") == true, "\(log)")
        #expect(line?.contains("first_unit=u1 ") == true)

        try agent.stop()
        let check = try Subprocess.run(
            try BuiltProduct.path("edge-agent"), CheckTests.arguments(agent.broker, agent.folder))
        #expect(check.status == 3)
        #expect(
            check.output.contains("warning: the broker forgot this agent's session 1 time(s)"),
            "\(check.output)")
    }

    // MARK: What publishers do

    @Test("QoS 0 is counted as unprotected, QoS 2 is taken exactly as QoS 1")
    func qualities() throws {
        let agent = try RunningAgent()
        try publish((1...10).map { Payload.row("u1", $0) }, qos: 0, agent)
        _ = try agent.health(received: 10)
        try publish((11...20).map { Payload.row("u1", $0) }, qos: 2, agent)
        try publish((11...20).map { Payload.row("u1", $0) }, qos: 2, agent)
        try publish((21...30).map { Payload.row("u1", $0) }, qos: 1, agent)
        let health = try agent.health(received: 40)
        #expect(try health.integer("unprotected") == 10)
        #expect(try health.integer("unscored") == 30)
        #expect(try health.integer("suppressed") == 10)
        #expect(try health.integer("missing_cycles") == 0)
        let rows = try agent.query("SELECT cycle, unprotected FROM readings ORDER BY sequence") {
            [$0.int64(at: 0), $0.int64(at: 1)]
        }
        #expect(rows == (1...30).map { [$0, $0 <= 10 ? 1 : 0] })
    }

    @Test("Over 64 KiB: quarantined with 1 KiB, length and hash; over the packet size: not sent")
    func oversized() throws {
        let agent = try RunningAgent()
        try agent.publish(
            [[UInt8](repeating: UInt8(ascii: "1"), count: 70_000)], to: agent.topics.readings)
        _ = try agent.health(received: 1)
        let rows = try agent.query(
            "SELECT payload_prefix, payload_size, payload_hash FROM quarantine"
        ) { (prefix: $0.blob(at: 0), size: $0.int64(at: 1), hash: $0.blob(at: 2)) }
        try #require(rows.count == 1)
        #expect(rows[0].prefix == [UInt8](repeating: UInt8(ascii: "1"), count: 1_024))
        #expect(rows[0].size == 70_000)
        // Computed by Python's hashlib from the same 70,000 bytes.
        #expect(
            Digest(bytes: rows[0].hash)?.description
                == "357576164e8a8f6ee3b8a74c509354e92b8222093df6de57e92d3fb374877acf")

        try agent.publish(
            [[UInt8](repeating: UInt8(ascii: "1"), count: 1_100_000)], to: agent.topics.readings)
        try agent.publish([Payload.row("u1", 1)], to: agent.topics.readings)
        let health = try agent.health(within: 20) { try $0.integer("unscored") == 1 }
        #expect(try health.integer("received") == 2, "the broker keeps back what we refuse")
        #expect(try !agent.process.errorsSoFar().contains("connection lost"))
    }

    @Test("A retained reading comes again at each subscription, and is applied once")
    func retained() throws {
        let agent = try RunningAgent()
        let sensor = try agent.session("sensor")
        try sensor.publish(
            topic: agent.topics.readings, payload: Payload.row("u1", 5), retain: true,
            timeoutSeconds: 10)
        _ = try agent.health(received: 1)
        for restart in 1...2 as ClosedRange<Int64> {
            try agent.killAndRestart()
            let health = try agent.health(within: 20) { try $0.integer("suppressed") >= restart }
            #expect(try health.integer("unscored") == 1)
        }
        #expect(try agent.query("SELECT cycle FROM readings") { $0.int64(at: 0) } == [5])
    }

    // MARK: Connections

    @Test("A broker that falls silent is noticed by keep-alive, and found again when it speaks")
    func halfOpen() throws {
        let agent = try RunningAgent(options: ["--keep-alive", "5"])
        try agent.publish([Payload.row("u1", 1)], to: agent.topics.readings)
        _ = try agent.health(received: 1)
        let broker = try #require(agent.broker.pid)
        kill(broker, SIGSTOP)
        defer { kill(broker, SIGCONT) }
        // The connection stands and nothing is refused: only silence says that something is wrong.
        let isNoticed = try Eventually.holds(within: 40) {
            try agent.process.errorsSoFar().split(separator: "\n").count {
                $0.contains("connection lost")
            } >= 2
        }
        let log = try agent.process.errorsSoFar()
        #expect(isNoticed, "\(log)")
        kill(broker, SIGCONT)
        try agent.publish((2...20).map { Payload.row("u1", $0) }, to: agent.topics.readings)
        let health = try agent.health(within: 60) { try $0.integer("unscored") == 20 }
        #expect(try health.integer("missing_cycles") == 0)
        #expect(try health.integer("sessions_lost") == 0)
    }

    @Test("An agent has one attempt under way at a time, however long the broker says nothing")
    func oneAttempt() throws {
        let listener = try SilentListener()
        let folder = try CheckTests.prepared(try TemporaryFolder("agent"))
        let agent = try Subprocess(
            try BuiltProduct.path("edge-agent"),
            [
                "run", "--broker-host", "127.0.0.1", "--broker-port", String(listener.port),
                "--fleet", "f", "--agent-id", "a", "--data", folder.path("data"),
                "--public-key", folder.path("model.pub"),
            ])
        defer { agent.send(9) }
        #expect(try Eventually.holds(within: 20) { try listener.connectionCount() > 0 })
        var most = 0
        let start = ContinuousClock.now
        _ = try Eventually.holds(within: 10) {
            most = max(most, try listener.connectionCount())
            return ContinuousClock.now - start > .seconds(3)
        }
        #expect(most == 1)
    }

    // MARK: Memory

    @Test("Units that leave memory and come back predict the bits of units that never left")
    func residentUnits() throws {
        let models = try TrainedModels.shared.get()
        let lives = (1...8).map { models.rows(of: "\($0)") }
        let longest = lives.map(\.count).max() ?? 0
        try #require(longest > 64, "past two checkpoints")
        // In turn, so that with three places each unit is gone when its next reading comes.
        let rows = (0..<longest).flatMap { cycle in
            lives.compactMap { cycle < $0.count ? $0[cycle] : nil }
        }
        var outputs: [[String]] = []
        for places in [3, 4_096] {
            let key = SigningKeyBox()
            let agent = try RunningAgent(
                publicKey: key.verificationKey,
                options: ["--resident-units", "\(places)", "--receive-maximum", "20"])
            let publisher = Publisher(agent: agent, key: key)
            try publisher.publish(publisher.offer(models.first, counter: 1))
            try publisher.publishBlocks(models.first)
            let name = try #require(UnitIdentifier(RunningAgent.name))
            _ = try agent.retained(agent.topics.model(of: name)) {
                try $0.string("state") == "active"
            }
            try agent.publish(rows, to: agent.topics.readings)
            let health = try agent.health(within: 40) {
                try $0.integer("scored") >= rows.count
            }
            #expect(try health.integer("resident_units") == min(8, places))
            outputs.append(
                try agent.query(
                    """
                    SELECT name, cycle, rul, rul_low, rul_high, failure_probability, flags
                    FROM readings JOIN units USING (unit_id) ORDER BY name, cycle
                    """
                ) { row in
                    ([row.text(at: 0), row.text(at: 1), row.text(at: 6)]
                        + (2...5).map { String(row.double(at: $0).bitPattern) })
                        .joined(separator: " ")
                })
        }
        #expect(outputs[0].count == rows.count)
        #expect(outputs[0] == outputs[1])
    }
}

/// A TCP port where connections are made and nobody ever says anything.
private final class SilentListener {
    let port: Int
    private let descriptor: Int32

    init() throws {
        port = try FreePort.find()
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        let result = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard result == 0, listen(descriptor, 16) == 0 else {
            throw TestSupportError("port \(port) cannot be listened on")
        }
    }

    deinit { close(descriptor) }

    /// Connections that stand, as the kernel's table has them: local port and state 01.
    func connectionCount() throws -> Int {
        let table = try Subprocess.run("cat", ["/proc/net/tcp"]).output
        let local = ":" + String(format: "%04X", port)
        return table.split(separator: "\n").count { line in
            let columns = line.split(separator: " ")
            return columns.count > 3 && columns[1].hasSuffix(local) && columns[3] == "01"
        }
    }
}
