import EdgeProtocol
import Prognostics
import StrictJSON
import Testing

@Suite("Messages of an agent")
struct AgentMessagesTests {
    static func identity() throws -> AgentIdentity {
        let fleet = try Fixture.unit("FD001")
        return AgentIdentity(
            agent: try Fixture.unit("edge-1"), topics: try #require(Topics(fleet: fleet)),
            featureSpec: "turbofan-features/2", version: "1.0", storeID: "0123456789abcdef",
            readingsFilters: ["a", "b"])
    }

    static func status(runID: String?, isIngesting: Bool) throws -> JSONReader {
        try Fixture.reader(
            StatusMessage.present(try identity(), runID: runID, isIngesting: isIngesting))
    }

    @Test("Status says online with the run that serves, or none")
    func online() throws {
        let reader = try Self.status(runID: "run-1", isIngesting: true)
        #expect(try reader.string("status") == "online")
        #expect(try reader.string("run_id") == "run-1")
        #expect(try reader.string("agent") == "edge-1")
        #expect(try reader.string("version") == "1.0")
        #expect(try reader.string("feature_spec") == "turbofan-features/2")
        #expect(try reader.string("store_id") == "0123456789abcdef")
        #expect(try reader.array("readings_filters") == [.string("a"), .string("b")])
        #expect(try Self.status(runID: nil, isIngesting: true).string("run_id") == "none")
    }

    @Test("Before its subscriptions are granted an agent is connecting, not online")
    func connecting() throws {
        let reader = try Self.status(runID: "run-1", isIngesting: false)
        #expect(try reader.string("status") == "connecting")
    }

    @Test("The Last Will says offline")
    func offline() throws {
        let payload = StatusMessage.offline(agent: try Fixture.unit("edge-1"), version: "1.0")
        #expect(try Fixture.reader(payload).string("status") == "offline")
    }

    @Test("Health has every counter under the name that outside checks rely on")
    func health() throws {
        var accounting = Accounting()
        accounting.received = 21
        accounting.scored = 6
        accounting.unscored = 5
        accounting.suppressed = 4
        accounting.late = 3
        accounting.quarantined = 3
        accounting.unprotected = 2
        accounting.missingCycles = 9
        #expect(accounting.isBalanced)
        let health = HealthMessage(
            accounting: accounting, inFlight: 8, queueDepthMax: 7, outboxPending: 6,
            storeSize: 4_096, residentUnits: 5, runID: nil,
            units: [(unit: try Fixture.unit("7"), accounting: accounting)])
        let reader = try Fixture.reader(health.encoded())
        let expected: [(String, Int64)] = [
            ("received", 21), ("scored", 6), ("unscored", 5), ("suppressed", 4), ("late", 3),
            ("quarantined", 3), ("unprotected", 2), ("missing_cycles", 9), ("in_flight", 8),
            ("queue_depth_max", 7), ("outbox_pending", 6), ("store_size", 4_096),
            ("resident_units", 5),
        ]
        for (name, value) in expected { #expect(try reader.integer(name) == value, "\(name)") }
        #expect(try reader.string("run_id") == "none")
        #expect(try reader.object("units").object("7").integer("missing_cycles") == 9)
        #expect(try reader.string("condition") == "OK")
        #expect(try reader.array("salvages") == [])
    }

    @Test("A store that was salvaged degrades the health, with what was kept and lost")
    func degraded() throws {
        var health = HealthMessage(
            accounting: Accounting(), inFlight: 0, queueDepthMax: 0, outboxPending: 0,
            storeSize: 0, residentUnits: 0, runID: nil, units: [])
        let report = SalvageReport(
            setAside: "file", reason: "why", at: 7, readings: 5, lost: nil)
        health.salvages = [report]
        let reader = try Fixture.reader(health.encoded())
        #expect(try reader.string("condition") == "DEGRADED")
        #expect(try reader.array("salvages") == [report.json])
        let expected: JSON = [
            "set_aside": .string("file"), "reason": .string("why"), "at": .integer(7),
            "readings": .integer(5), "lost": .null,
        ]
        #expect(report.json == expected)
    }

    @Test("Counters balance exactly when every delivery has one outcome")
    func balance() {
        var accounting = Accounting()
        #expect(accounting.isBalanced)
        accounting.received = 1
        #expect(!accounting.isBalanced)
        accounting.late = 1
        #expect(accounting.isBalanced)
        accounting.unprotected = 5
        accounting.missingCycles = 5
        #expect(accounting.isBalanced, "both are about deliveries that other counters count")
    }

    @Test("A model report names target, reported model, reason and missing blocks")
    func modelReport() throws {
        var report = ModelReport(state: .fetching)
        report.target(try ModelOfferTests.offer())
        report.reportedRunID = "run-0"
        report.reportedDigest = try Fixture.digest(1)
        report.missingBlocks = [0, 2]
        let reader = try Fixture.reader(report.encoded())
        #expect(try reader.string("state") == "fetching")
        #expect(try reader.object("target").string("run_id") == "xgboost-0123456789ab")
        #expect(try reader.object("target").string("digest") == Fixture.digest().description)
        #expect(try reader.object("target").integer("counter") == 7)
        #expect(try reader.object("reported").string("run_id") == "run-0")
        #expect(try reader.value("reason") == .null)
        #expect(try reader.array("missing_blocks") == [.integer(0), .integer(2)])
    }

    @Test("A refused target is reported with its reason and waits for no blocks")
    func refusedReport() throws {
        var report = ModelReport(state: .active)
        report.missingBlocks = [1]
        report.refuse(try ModelOfferTests.offer(), reason: "It is broken.")
        let reader = try Fixture.reader(report.encoded())
        #expect(try reader.string("state") == "refused")
        #expect(try reader.string("reason") == "It is broken.")
        #expect(try reader.array("missing_blocks").isEmpty)
    }

    @Test("Before any offer a report is all null")
    func emptyReport() throws {
        let reader = try Fixture.reader(ModelReport(state: .none).encoded())
        #expect(try reader.string("state") == "none")
        #expect(try reader.object("target").value("run_id") == .null)
        #expect(try reader.object("reported").value("digest") == .null)
    }
}
