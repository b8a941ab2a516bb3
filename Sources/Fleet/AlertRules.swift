package import Prognostics

/// What the rules judge: a fleet and its back office at one moment.
package struct AlertFacts: Sendable {
    /// How the newest night ended.
    package enum Night: Equatable, Sendable {
        case done
        case held(reason: String)
        case failed(reason: String)
    }

    /// An engine's newest prediction in the pulled logs.
    package struct Engine: Equatable, Sendable {
        package let unit: UnitIdentifier
        package let cycle: Int32
        /// Remaining useful life in flight cycles.
        package let rul: Double

        package init(unit: UnitIdentifier, cycle: Int32, rul: Double) {
            self.unit = unit
            self.cycle = cycle
            self.rul = rul
        }
    }

    /// A rollout with the model version that it is of.
    package struct RolloutFact: Sendable {
        package let version: Int64
        package let rollout: Rollout

        package init(version: Int64, rollout: Rollout) {
            self.version = version
            self.rollout = rollout
        }
    }

    /// Nil before the first night that is on record.
    package var night: Night?
    package var rollout: RolloutFact?
    /// Nil when the broker could not be asked: then nothing is known of any agent.
    package var agents: [FleetView.Row]?
    package var engines: [Engine] = []
    /// What the detectors of drift found; nil when nothing was looked at.
    package var drift: [AlertCondition]?

    package init() {}
}

/// The rules: from facts to what an operator must act on.
package struct AlertRules: Equatable, Sendable {
    /// Predicted flight cycles at or below which an engine is near its failure: the horizon of the
    /// failure probability.
    package var rulMax = 30.0
    /// Cycles above ``rulMax`` that end the alert: three times the error of a good model near the
    /// end, so that noise does not ring twice.
    package var rulMargin = 10.0
    /// Milliseconds without an agent before it is silent: a day, as nights are looked at.
    package var silentMillis: Int64 = 24 * 3_600_000
    /// Milliseconds of one stage before a rollout is stalled: three nights.
    package var stalledMillis: Int64 = 3 * 86_400_000

    package init() {}

    /// Rules about which the facts say nothing: what they said before stands.
    package static func unknown(_ facts: AlertFacts) -> Set<AlertCondition.Rule> {
        var rules: Set<AlertCondition.Rule> = [.test]
        if facts.agents == nil { rules.formUnion([.agentSilent, .agentDegraded]) }
        if facts.drift == nil { rules.insert(.drift) }
        return rules
    }

    /// Everything that is wrong, and what only holds.
    package func conditions(_ facts: AlertFacts, nowMillis: Int64) -> [AlertCondition] {
        night(facts.night) + rollout(facts.rollout, nowMillis)
            + (facts.agents ?? []).flatMap { agent($0, nowMillis) }
            + facts.engines.compactMap(engine) + (facts.drift ?? [])
    }

    private func night(_ night: AlertFacts.Night?) -> [AlertCondition] {
        switch night {
        case .failed(let reason):
            [
                AlertCondition(
                    rule: .nightFailed, subject: "nightly", severity: .critical,
                    summary: "The newest night failed: \(reason)")
            ]
        case .held(let reason):
            [
                AlertCondition(
                    rule: .promotionHeld, subject: "nightly", severity: .warning,
                    summary: "The newest night promoted nothing: \(reason)")
            ]
        case .done, nil: []
        }
    }

    private func rollout(_ fact: AlertFacts.RolloutFact?, _ nowMillis: Int64) -> [AlertCondition] {
        guard let fact, fact.rollout.phase.isActive else { return [] }
        let subject = "version \(fact.version)"
        if let reason = fact.rollout.phase.reason {
            return [
                AlertCondition(
                    rule: .rolloutHalted, subject: subject, severity: .critical,
                    summary: "The rollout halted: \(reason) Run 'backoffice rollout resume' or "
                        + "'abort'.")
            ]
        }
        let age = nowMillis - fact.rollout.stageMillis
        guard age > stalledMillis else { return [] }
        return [
            AlertCondition(
                rule: .rolloutStalled, subject: subject, severity: .warning,
                summary: "The rollout is \(fact.rollout.phase.name) at stage "
                    + "\(fact.rollout.audiences.count) of \(fact.rollout.plan.stages.count) for "
                    + "\(age / 3_600_000) hours. 'backoffice rollout status' says what it waits "
                    + "for.")
        ]
    }

    private func agent(_ row: FleetView.Row, _ nowMillis: Int64) -> [AlertCondition] {
        var found: [AlertCondition] = []
        if row.presence != "online", let seen = row.lastSeenMillis,
            nowMillis - seen > silentMillis
        {
            found.append(
                AlertCondition(
                    rule: .agentSilent, subject: row.name.description, severity: .critical,
                    summary: "The agent is \(row.presence), and was seen online "
                        + "\((nowMillis - seen) / 3_600_000) hours ago. Look at the device and its "
                        + "network; the broker keeps its readings."))
        }
        if let reasons = row.degradations, !reasons.isEmpty {
            found.append(
                AlertCondition(
                    rule: .agentDegraded, subject: row.name.description, severity: .warning,
                    summary: "The agent is DEGRADED: \(reasons.joined(separator: ", ")). "
                        + "'edge-agent check' on the device says what to do."))
        }
        return found
    }

    private func engine(_ engine: AlertFacts.Engine) -> AlertCondition? {
        guard engine.rul <= rulMax + rulMargin else { return nil }
        let rul = (engine.rul * 10).rounded() / 10
        return AlertCondition(
            rule: .engineNearFailure, subject: "engine \(engine.unit)", severity: .critical,
            summary: "The engine has \(rul) flight cycles left by its prediction at cycle "
                + "\(engine.cycle); \(rulMax) or fewer are an alert. Plan its maintenance.",
            onlyHolds: engine.rul > rulMax)
    }
}
