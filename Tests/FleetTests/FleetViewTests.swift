import EdgeProtocol
import Fleet
import Prognostics
import StrictJSON
import Testing

/// Asks whether a fleet is shown as its agents say, with what they do not say named.
@Suite("Fleet view")
struct FleetViewTests {
    let topics: Topics
    let digest = SimulatedFleet.candidate

    init() throws {
        topics = try #require(Topics(fleet: Self.name("demo")))
    }

    static func name(_ text: String) -> UnitIdentifier {
        guard let name = UnitIdentifier(text) else { preconditionFailure("'\(text)' is a name") }
        return name
    }

    static func offer(counter: Int64, audience: ModelOffer.Audience) throws -> ModelOffer {
        try ModelOffer(
            fleet: name("demo"), runID: "run-\(counter)",
            digest: SimulatedFleet.digest(UInt8(counter)),
            size: 1, blockSize: ProtocolLimits.blockSize, blocks: [SimulatedFleet.digest(9)],
            featureSpec: "x", counter: counter, expires: 0, audience: audience,
            disagreementMax: 1, keyID: "k")
    }

    /// Messages as a real agent writes them.
    func messages(
        _ agent: String, status: [UInt8]? = nil, _ change: (inout ModelReport) -> Void = { _ in },
        health: (inout HealthMessage) -> Void = { _ in }
    ) -> [String: [UInt8]] {
        let name = Self.name(agent)
        let identity = AgentIdentity(
            agent: name, topics: topics, featureSpec: "x", version: "1.2", storeID: "store-1")
        var report = ModelReport(state: .active)
        change(&report)
        var message = HealthMessage(
            accounting: Accounting(), inFlight: 0, queueDepthMax: 0, outboxPending: 0,
            storeSize: 0, residentUnits: 0, runID: nil, units: [])
        message.disk.daysToFull = 40
        message.logSequence = 120
        health(&message)
        return [
            topics.status(of: name): status
                ?? StatusMessage.present(identity, runID: nil, isIngesting: true),
            topics.health(of: name): message.encoded(),
            topics.model(of: name): report.encoded(),
        ]
    }

    func row(_ held: [String: [UInt8]], _ offers: [ModelOffer]) throws -> FleetView.Row {
        let agents = FleetAgent.all(in: held, topics: topics)
        let view = FleetView(agents: agents, known: [:], offers: offers, nowMillis: 5)
        return try #require(view.rows.first)
    }

    @Test("An agent that runs its target has no difference, and its figures are its own")
    func asItShouldBe() throws {
        let held = messages("edge-1") { report in
            report.reportedRunID = "run-2"
            report.reportedDigest = digest
        }
        var known = FleetView.Known()
        known.pulled = ("store-1", 100)
        let agents = FleetAgent.all(in: held, topics: topics)
        let row = try #require(
            FleetView(
                agents: agents, known: [Self.name("edge-1"): known],
                offers: [try Self.offer(counter: 2, audience: .all)], nowMillis: 5
            ).rows.first)
        #expect(row.presence == "online" && row.lastSeenMillis == 5 && row.program == "1.2")
        #expect(row.target == "run-2" && row.reported == "run-2" && row.difference == nil)
        #expect(row.degradations == [] && row.daysToFull == 40 && row.backlog == 20)
    }

    struct Difference: CustomTestStringConvertible {
        let testDescription: String
        let state: ModelReport.State
        let counter: Int64
        let reason: String?
        let expected: String
    }

    @Test(
        "Why an agent does not run its target is said in its own words where it has some",
        arguments: [
            Difference(
                testDescription: "fetching", state: .fetching, counter: 2, reason: nil,
                expected: "fetching, 2 block(s) missing"),
            Difference(
                testDescription: "held", state: .held, counter: 2, reason: "It differs.",
                expected: "held: It differs."),
            Difference(
                testDescription: "not heard", state: .active, counter: 1, reason: nil,
                expected: "it has accepted release 1, not 2"),
            Difference(
                testDescription: "rejected", state: .active, counter: 1, reason: "No key.",
                expected: "it has accepted release 1, not 2: No key."),
        ])
    func difference(_ difference: Difference) throws {
        let held = messages("edge-1") { report in
            report.state = difference.state
            report.targetCounter = difference.counter
            report.targetDigest = SimulatedFleet.digest(UInt8(difference.counter))
            report.reason = difference.reason
            report.missingBlocks = [3, 4]
        }
        let row = try row(held, [try Self.offer(counter: 2, audience: .all)])
        #expect(row.difference == difference.expected)
    }

    @Test("Of two offers the one that addresses the agent, and is newer, is its target")
    func target() throws {
        let offers = [
            try Self.offer(counter: 2, audience: .all),
            try Self.offer(counter: 3, audience: .agents([Self.name("edge-1")])),
        ]
        #expect(try row(messages("edge-1"), offers).target == "run-3")
        #expect(try row(messages("edge-2"), offers).target == "run-2")
    }

    @Test("DEGRADED comes with its reasons")
    func degraded() throws {
        let held = messages("edge-1", health: { $0.disk.isFull = true })
        #expect(try row(held, []).degradations == ["its disk budget is used up"])
    }

    @Test("An agent that the broker does not know is absent, with when it was seen")
    func absent() throws {
        var known = FleetView.Known()
        known.lastSeenMillis = 3
        let view = FleetView(
            agents: [], known: [Self.name("edge-9"): known], offers: [], nowMillis: 5)
        #expect(view.rows.map(\.presence) == ["absent"])
        #expect(view.rows.first?.lastSeenMillis == 3)
    }

    @Test(
        "A message that cannot be read is named, and the others count",
        arguments: [
            "", "{", "[]", "{\"status\":\"asleep\",\"version\":\"1\"}", "\u{0}",
            String(repeating: "[", count: 2_000),
        ])
    func unreadable(text: String) throws {
        var held = messages("edge-1", status: Array(text.utf8))
        held["\(topics.root)agents/edge-1/else"] = [1]
        held["\(topics.root)agents/not a name/status"] = [1]
        held["elsewhere/agents/edge-1/status"] = [1]
        let row = try row(held, [])
        #expect(row.presence == "absent" && row.daysToFull == 40)
        // An empty payload is a cleared topic, not a bad message.
        #expect(row.misfits.count == (text.isEmpty ? 0 : 1))
    }

    @Test("A model report that is read again is itself")
    func roundTrip() throws {
        var report = ModelReport(state: .held)
        #expect(try ModelReport(payload: report.encoded()) == report)
        report.target(try Self.offer(counter: 4, audience: .all))
        report.serve("run-1", SimulatedFleet.former)
        report.onProbation = true
        report.reason = "It \"differs\"."
        report.missingBlocks = [0, 7]
        #expect(try ModelReport(payload: report.encoded()) == report)
    }
}
