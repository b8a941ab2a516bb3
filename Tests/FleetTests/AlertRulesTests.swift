import EdgeProtocol
import Fleet
import Prognostics
import Testing

/// Asks what each rule makes of the facts, on both sides of its limit.
@Suite("Alert rules")
struct AlertRulesTests {
    static let day: Int64 = 86_400_000

    private func keys(_ facts: AlertFacts, at now: Int64 = 0) -> [String] {
        AlertRules().conditions(facts, nowMillis: now).map { ($0.onlyHolds ? "~" : "") + $0.key }
    }

    @Test("Nothing wrong, nothing said")
    func quiet() {
        var facts = AlertFacts()
        facts.night = .done
        facts.agents = []
        facts.drift = []
        #expect(keys(facts).isEmpty)
        #expect(AlertRules.unknown(facts) == [.test])
        #expect(AlertRules.unknown(AlertFacts()).isSuperset(of: [.agentSilent, .drift]))
    }

    @Test("A failed night and a held promotion are said with their reasons")
    func nights() {
        var facts = AlertFacts()
        facts.night = .failed(reason: "The disk is full.")
        #expect(keys(facts) == ["NightFailed/nightly"])
        #expect(AlertRules().conditions(facts, nowMillis: 0)[0].summary.contains("disk is full"))
        facts.night = .held(reason: "lstm is missing.")
        #expect(keys(facts) == ["PromotionHeld/nightly"])
    }

    @Test(
        "An engine rings at 30 cycles, holds up to 40 and is over above",
        arguments: [
            (12.0, ["EngineNearFailure/engine 7"]), (30, ["EngineNearFailure/engine 7"]),
            (30.1, ["~EngineNearFailure/engine 7"]), (40, ["~EngineNearFailure/engine 7"]),
            (40.1, []),
        ] as [(Double, [String])])
    func engines(rul: Double, expected: [String]) throws {
        var facts = AlertFacts()
        facts.engines = [
            AlertFacts.Engine(unit: FleetViewTests.name("7"), cycle: 200, rul: rul)
        ]
        #expect(keys(facts) == expected)
    }

    private func row(seenMillis: Int64, _ presence: AgentStatus.Presence) -> FleetView.Row {
        var agent = FleetAgent(name: FleetViewTests.name("edge-1"))
        agent.status = AgentStatus(presence: presence, version: "1", storeID: nil)
        var known = FleetView.Known()
        known.lastSeenMillis = seenMillis
        return FleetView(
            agents: [agent], known: [agent.name: known], offers: [], nowMillis: 0
        ).rows[0]
    }

    @Test("An agent is silent a day after it was seen online, not while it is online")
    func silence() {
        var facts = AlertFacts()
        facts.agents = [row(seenMillis: 0, .offline)]
        #expect(keys(facts, at: Self.day).isEmpty)
        #expect(keys(facts, at: Self.day + 1) == ["AgentSilent/edge-1"])
        facts.agents = [row(seenMillis: 0, .online)]
        #expect(keys(facts, at: 9 * Self.day).isEmpty)
    }

    @Test("A rollout rings when it halts, and when a stage takes more than three days")
    func rollouts() throws {
        var facts = AlertFacts()
        var rollout = Rollout(
            runID: "r", digest: SimulatedFleet.candidate,
            plan: try RolloutPlan(canary: "edge-1", waves: ""), nowMillis: 0)
        facts.rollout = AlertFacts.RolloutFact(version: 5, rollout: rollout)
        #expect(keys(facts, at: 3 * Self.day).isEmpty)
        #expect(keys(facts, at: 3 * Self.day + 1) == ["RolloutStalled/version 5"])
        // Nobody of the canary comes online within the hour: it halts.
        _ = rollout.advance([], nowMillis: 2 * 3_600_000)
        facts.rollout = AlertFacts.RolloutFact(version: 5, rollout: rollout)
        #expect(keys(facts) == ["RolloutHalted/version 5"])
        _ = rollout.abort()
        facts.rollout = AlertFacts.RolloutFact(version: 5, rollout: rollout)
        #expect(keys(facts).isEmpty)
    }
}
