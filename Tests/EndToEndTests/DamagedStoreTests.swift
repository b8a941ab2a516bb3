import EdgeProtocol
import SQLite
import StrictJSON
import TestSupport
import Testing

/// Asks what the real agent does about a device store that is damaged.
@Suite(
    "Damaged store, end to end", .serialized,
    .enabled(if: TestBroker.isInstalled, "\(TestBroker.skipMessage)"), .timeLimit(.minutes(3)))
struct DamagedStoreTests {
    static let payloads = (1...200).map { Payload.row("u1", $0) }

    /// Writes garbage over the pages that hold the readings, wherever the log does not cover them.
    static func damage(_ folder: TemporaryFolder) throws {
        var bytes = try folder.read("data/nacelle.sqlite")
        for page in stride(from: 25, to: bytes.count / 4_096, by: 2) {
            for offset in 8..<4_096 { bytes[page * 4_096 + offset] = 0x5A }
        }
        try folder.write(bytes, to: "data/nacelle.sqlite")
    }

    @Test("It starts, keeps what can be read under a new name, says DEGRADED and goes on")
    func startsDegraded() throws {
        let agent = try RunningAgent()
        try agent.publish(Self.payloads, to: agent.topics.readings)
        _ = try agent.health(received: 200)
        let before = try agent.query("SELECT store_id FROM identity") { $0.text(at: 0) }
        try agent.killAndRestart {
            let data = agent.folder.path("data/nacelle.sqlite")
            // What the log holds is not in the file yet.
            let database = try Database(path: data, mode: .readWriteCreate)
            #expect(try database.checkpoint())
            database.close()
            try Self.damage(agent.folder)
            try agent.folder.write([0], to: "data/nacelle.sqlite-wal")
        }
        let health = try agent.health(within: 20) { try $0.string("condition") == "DEGRADED" }
        let salvage = try #require(try health.array("salvages").first)
        guard case .object(let members) = salvage else { throw TestSupportError("no object") }
        let report = try JSONReader(parsing: JSON.object(members).bytes)
        let kept = try report.integer("readings")
        #expect(kept < 200)
        #expect(try kept + report.integer("lost") == 200)
        let after = try agent.query("SELECT store_id FROM identity") { $0.text(at: 0) }
        #expect(after != before)
        #expect(try agent.query("SELECT sequence FROM readings") { $0.int64(at: 0) }.count == kept)

        try agent.publish([Payload.row("u1", 201)], to: agent.topics.readings)
        let later = try agent.health(within: 20) { try $0.integer("received") == 201 }
        #expect(try later.string("condition") == "DEGRADED")
        #expect(try agent.folder.names("data").contains("nacelle.sqlite.damaged-1"))
    }

    @Test("Damage found at work is salvaged at work: nothing that arrives then is lost")
    func foundAtWork() throws {
        let agent = try RunningAgent()
        try agent.publish(Self.payloads, to: agent.topics.readings)
        _ = try agent.health(received: 200)
        // Another program breaks a rule that the agent relies on: its next commit fails on it.
        let database = try Database(
            path: agent.folder.path("data/nacelle.sqlite"), mode: .readWriteCreate)
        try database.execute(
            """
            CREATE TRIGGER refuse BEFORE INSERT ON readings WHEN NEW.cycle = 201
            BEGIN SELECT raise(ABORT, 'a rule is broken'); END;
            """)
        database.close()
        try agent.publish([Payload.row("u1", 201)], to: agent.topics.readings)
        let health = try agent.health(within: 30) {
            try $0.string("condition") == "DEGRADED" && $0.integer("received") == 201
        }
        #expect(try health.array("salvages").count == 1)
        let cycles = try agent.query("SELECT cycle FROM readings ORDER BY sequence") {
            $0.int64(at: 0)
        }
        #expect(cycles == Array(1...201))
    }
}
