import Dashboard
import StrictJSON
import Testing

/// Asks whether the page names the agents to look at, and where a rollout stands.
@Suite("Fleet on the night's page")
struct FleetSectionTests {
    static func agent(
        _ name: String, _ status: String = "online",
        change: (inout FleetReport.Agent) -> Void = { _ in }
    ) -> FleetReport.Agent {
        var agent = FleetReport.Agent()
        (agent.name, agent.status) = (name, status)
        (agent.reported, agent.target) = ("version 2", "version 2")
        change(&agent)
        return agent
    }

    static func rollout(_ phase: String, stage: Int) -> FleetReport.Rollout {
        FleetReport.Rollout(
            version: 2, formerVersion: 1, phase: phase,
            reason: phase == "halted" ? "1 of 1 agent(s) reached failed, 0 may." : nil,
            stages: ["5 % of the fleet", "25 % of the fleet", "the whole fleet"],
            stageCount: stage, reached: 3, serving: 2,
            failures: phase == "halted" ? [("edge-7", "Held: <it> differs.")] : [])
    }

    static func page(_ fleet: FleetReport?) throws -> String {
        var night = try NightPageTests.night()
        night.fleet = fleet
        return NightPage(night).html
    }

    @Test("A night that looked at no fleet has neither section")
    func none() throws {
        let page = try Self.page(nil)
        #expect(!page.contains("<h2>Fleet</h2>") && !page.contains("<h2>Rollout</h2>"))
    }

    @Test("Agents to look at come first, with what is wrong in words")
    func agents() throws {
        let page = try Self.page(
            FleetReport(
                time: "2026-11-21T02:20:00Z",
                agents: [
                    Self.agent("edge-1"),
                    Self.agent("edge-2", "offline") { $0.lastSeen = "2026-11-20T02:20:00Z" },
                    Self.agent("edge-3") { $0.degradations = ["its disk budget is used up"] },
                    Self.agent("edge-4") { $0.difference = "held: It <differs>." },
                ], rollout: nil))
        for sentence in [
            "edge-2 is offline, seen online last at 2026-11-20T02:20:00Z.",
            "edge-3 is DEGRADED: its disk budget is used up.",
            "edge-4 does not run its target: held: It &lt;differs&gt;.",
        ] { #expect(page.contains(sentence), "\(sentence)") }
        let last = try #require(page.firstRange(of: "<td>edge-4</td>"))
        let first = try #require(page.firstRange(of: "<td>edge-1</td>"))
        #expect(last.lowerBound < first.lowerBound)
    }

    @Test("Of a large fleet the table shows forty, and says how many more there are")
    func large() throws {
        let agents = (1...200).map { Self.agent("edge-\($0)", $0 == 200 ? "absent" : "online") }
        let page = try Self.page(FleetReport(time: "now", agents: agents, rollout: nil))
        #expect(page.contains("<td>edge-200</td>") && !page.contains("<td>edge-100</td>"))
        #expect(page.contains("And 160 more"))
    }

    @Test(
        "A rollout shows which stages passed, which one runs or halted, and which are ahead",
        arguments: [
            ("running", 2, ["passed", "running", "ahead"]),
            ("halted", 1, ["halted", "ahead", "ahead"]),
            ("complete", 3, ["passed", "passed", "passed"]),
            ("aborted", 2, ["passed", "aborted", "ahead"]),
        ])
    func rollouts(phase: String, stage: Int, states: [String]) throws {
        let fleet = FleetReport(
            time: "now", agents: [Self.agent("edge-1")], rollout: Self.rollout(phase, stage: stage))
        let page = try Self.page(fleet)
        let found = page.components(of: "<li class=\"").filter { $0.contains("</b><span>") }
        #expect(found.map { String($0.prefix { $0 != "\"" }) } == states)
        #expect(page.contains("edge-7: Held: &lt;it&gt; differs.") == (phase == "halted"))
        let json = try JSONReader(fleet.json).object("rollout")
        #expect(try json.string("phase") == phase && json.integer("stage") == stage)
    }
}

extension String {
    /// What follows each occurrence of `mark`.
    fileprivate func components(of mark: String) -> [Substring] {
        var rest = self[...]
        var found: [Substring] = []
        while let place = rest.firstRange(of: mark) {
            rest = rest[place.upperBound...]
            found.append(rest)
        }
        return found
    }
}
