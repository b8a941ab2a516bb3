/// The parts of the page that show the fleet.
extension NightPage {
    /// Most agents in the table: those to look at come first, the rest is a number.
    private static let agentCountMax = 40

    /// The agents at the end of the night.
    var fleet: Markup? {
        guard let fleet = report.fleet, !fleet.agents.isEmpty else { return nil }
        let agents = fleet.agents
        let cards: [(Int, String)] = [
            (agents.count, agents.count == 1 ? "agent" : "agents"),
            (agents.count { $0.status == "online" }, "online"),
            (agents.count { $0.difference == nil }, "run what they shall"),
            (agents.count { !$0.degradations.isEmpty }, "DEGRADED"),
        ]
        let shown = (agents.filter(\.needsLook) + agents.filter { !$0.needsLook })
            .prefix(Self.agentCountMax)
        let rest = agents.count - shown.count
        let more = Markup.element(
            "p", [("class", "soft")], text: "And \(Figure.count(rest)) more; 'backoffice fleet'.")
        return section(
            "Fleet", "As the agents said at \(fleet.time). Those to look at come first.",
            [
                .element(
                    "div", [("class", "cards")],
                    cards.map { count, label in
                        .element(
                            "div", [("class", "card")],
                            [
                                .element("b", text: Figure.count(count)),
                                .element("span", text: label),
                            ])
                    }),
                .element("div", [("class", "scroll")], [table(Array(shown))]),
            ] + (rest > 0 ? [more] : []) + remarks(Array(shown)))
    }

    private func table(_ agents: [FleetReport.Agent]) -> Markup {
        let head = ["agent", "status", "runs", "shall run", "health", "days to full", "backlog"]
        let rows = agents.map { agent in
            let isDegraded = !agent.degradations.isEmpty
            // A cell, and whether it is why somebody has to look.
            let cells: [(String, Bool)] = [
                (agent.name, false), (agent.status, agent.status != "online"),
                (agent.reported ?? "–", false), (agent.target ?? "–", agent.difference != nil),
                (isDegraded ? "DEGRADED" : "OK", isDegraded),
                (agent.daysToFull.map { Figure.count(Int($0)) } ?? "–", false),
                (agent.backlog.map { Figure.count(Int($0)) } ?? "–", false),
            ]
            return Markup.element(
                "tr", [],
                cells.map { text, isCause in
                    .element("td", isCause ? [("class", "look")] : [], text: text)
                })
        }
        return .element(
            "table", [],
            [.element("tr", [], head.map { .element("th", text: $0) })] + rows)
    }

    /// What is wrong with whom, in their own words.
    private func remarks(_ agents: [FleetReport.Agent]) -> [Markup] {
        let sentences = agents.flatMap { agent -> [String] in
            let seen = agent.lastSeen.map { ", seen online last at \($0)" } ?? ""
            let absence =
                agent.status == "online" ? [] : ["\(agent.name) is \(agent.status)\(seen)."]
            let difference = agent.difference.map {
                ["\(agent.name) does not run its target: \($0)"]
            }
            return absence + (difference ?? [])
                + agent.degradations.map { "\(agent.name) is DEGRADED: \($0)." }
        }
        guard !sentences.isEmpty else { return [] }
        return [.element("ul", [], sentences.map { .element("li", text: $0) })]
    }

    /// The newest rollout, stage by stage.
    var rollout: Markup? {
        guard let rollout = report.fleet?.rollout else { return nil }
        let isOver = rollout.phase == "complete"
        let steps = rollout.stages.enumerated().map { index, stage in
            let state =
                isOver || index + 1 < rollout.stageCount
                ? "passed" : index + 1 == rollout.stageCount ? rollout.phase : "ahead"
            return Markup.element(
                "li", [("class", state)],
                [.element("b", text: stage), .element("span", text: state)])
        }
        let verdict =
            "Version \(rollout.version) over version \(rollout.formerVersion): \(rollout.phase). "
            + "\(Figure.count(rollout.serving)) of \(Figure.count(rollout.reached)) agents reached "
            + "run it."
        let failures = rollout.failures.prefix(Self.agentCountMax).map {
            Markup.element("li", text: "\($0.agent): \($0.reason)")
        }
        return section(
            "Rollout",
            "A stage passes when its agents run the version, are heard of and have made their "
                + "predictions. Too many failures halt it, and nobody else gets the version.",
            [.element("p", text: verdict), .element("ol", [("class", "stages")], steps)]
                + (rollout.reason.map { [.element("p", [("class", "bad")], text: $0)] } ?? [])
                + (failures.isEmpty ? [] : [.element("ul", [], Array(failures))]))
    }
}
