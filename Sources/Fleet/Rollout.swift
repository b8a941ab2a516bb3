package import EdgeProtocol
package import Prognostics

/// The staged way of a candidate into a fleet, without I/O.
///
///     running ──every stage passed──▶ complete
///        │ ▲  └──too many failed──▶ halted ──resume──▶ running
///        │ └──resume── paused ◀──pause── running
///        └──abort, from running, paused and halted──▶ aborted
///
/// The shell passes in what the agents report, with the time, and carries out the one action that
/// comes back: it puts the new state on record together with the offer, and publishes after that.
/// Reports are states, not events: one that comes late, twice, or was missed changes nothing that
/// the next one does not say again. A failure stays one: an agent that refused a candidate once
/// tries it again under the next wave's counter, and must not thereby be forgotten.
package struct Rollout: Equatable, Sendable {
    /// Where the rollout stands as a whole.
    package enum Phase: Equatable, Sendable {
        case running
        case paused
        case halted(reason: String)
        case complete
        case aborted

        /// Whether the candidate may still be on its way.
        package var isActive: Bool {
            switch self {
            case .running, .paused, .halted: true
            case .complete, .aborted: false
            }
        }
    }

    /// What the shell does next.
    package enum Action: Equatable, Sendable {
        /// Nothing; why.
        case wait(String)
        /// Record and publish an offer of the candidate to this audience.
        case offer(ModelOffer.Audience)
        /// Record that the rollout has halted itself; nobody else gets the candidate.
        case halt(String)
        /// Record that the whole fleet runs the candidate.
        case complete
    }

    /// Most agents that are followed: those beyond get the candidate and are not counted.
    package static let memberCountMax = 20_000

    /// The run and the bundle that are rolled out.
    package let runID: String
    package let digest: Digest
    package let plan: RolloutPlan
    package internal(set) var phase = Phase.running
    /// The audiences offered so far, one for each stage that has begun.
    package internal(set) var audiences: [ModelOffer.Audience] = []
    /// When the newest stage, or the wait for its first agent, began; milliseconds since 1970.
    package internal(set) var stageMillis: Int64
    /// The agents that were offered the candidate and were there.
    package internal(set) var members: [UnitIdentifier: RolloutMember] = [:]

    /// A rollout that has offered nothing yet.
    package init(runID: String, digest: Digest, plan: RolloutPlan, nowMillis: Int64) {
        self.runID = runID
        self.digest = digest
        self.plan = plan
        stageMillis = nowMillis
    }

    // MARK: Inputs

    /// Looks at what the agents report, and says what to do.
    /// - Precondition: The rollout is active.
    package mutating func advance(_ agents: [FleetAgent], nowMillis: Int64) -> Action {
        precondition(phase.isActive, "an ended rollout does not advance")
        observe(agents, nowMillis)
        if case .halted(let reason) = phase { return .wait(reason) }
        if let reason = reasonToHalt {
            phase = .halted(reason: reason)
            return .halt(reason)
        }
        if phase == .paused { return .wait("The operator has paused it.") }
        if audiences.isEmpty { return begin(0, agents, nowMillis) }
        if let obstacle = obstacle(nowMillis) { return .wait(obstacle) }
        guard audiences.count < plan.stages.count else {
            phase = .complete
            return .complete
        }
        return begin(audiences.count, agents, nowMillis)
    }

    /// Stops at the stage that it has reached; false unless it is running.
    package mutating func pause() -> Bool {
        guard phase == .running else { return false }
        phase = .paused
        return true
    }

    /// Goes on after a pause or a halt; false otherwise.
    ///
    /// Who resumes a halted rollout has seen the failures: they count no more, and everybody else
    /// has their time anew.
    package mutating func resume(nowMillis: Int64) -> Bool {
        switch phase {
        case .paused: break
        case .halted:
            for name in members.keys { members[name]?.excuse(nowMillis) }
            stageMillis = nowMillis
        case .running, .complete, .aborted: return false
        }
        phase = .running
        return true
    }

    /// Ends the rollout: who has the candidate is to go back; false when it has ended.
    package mutating func abort() -> Bool {
        guard phase.isActive else { return false }
        phase = .aborted
        return true
    }

    // MARK: Steps

    /// Whether an audience offered so far has `agent`.
    package func hasReached(_ agent: UnitIdentifier) -> Bool {
        audiences.contains { $0.addresses(agent) }
    }

    /// Takes the agents' word; who was reached and is there is a member from now on.
    private mutating func observe(_ agents: [FleetAgent], _ nowMillis: Int64) {
        var known: [UnitIdentifier: FleetAgent] = [:]
        for agent in agents {
            known[agent.name] = agent
            guard members[agent.name] == nil, members.count < Self.memberCountMax,
                agent.isOnline || agent.model?.targetDigest == digest, hasReached(agent.name)
            else { continue }
            members[agent.name] = RolloutMember(
                sinceMillis: nowMillis, wasDegraded: agent.health?.isDegraded ?? false)
        }
        for name in members.keys {
            members[name]?.observe(
                known[name], runID: runID, digest: digest, nowMillis: nowMillis,
                reportMillis: plan.limits.reportSeconds * 1_000)
        }
    }

    private mutating func begin(
        _ index: Int, _ agents: [FleetAgent], _ nowMillis: Int64
    ) -> Action {
        let online = agents.filter(\.isOnline).map(\.name)
        let audience = audience(of: plan.stages[index], online: online)
        guard index > 0 || online.contains(where: audience.addresses) else {
            let waited = (nowMillis - stageMillis) / 1_000
            guard waited > plan.limits.reportSeconds else {
                return .wait("No agent of \(plan.stages[index].text) is online.")
            }
            let reason = "No agent of \(plan.stages[index].text) came online within \(waited) s."
            phase = .halted(reason: reason)
            return .halt(reason)
        }
        audiences.append(audience)
        stageMillis = nowMillis
        for name in members.keys { members[name]?.predictions = 0 }
        observe(agents, nowMillis)
        return .offer(audience)
    }

    /// A stage's audience; a share is raised until it adds somebody who is online.
    ///
    /// In a small fleet a small share has nobody: the canary would prove nothing.
    private func audience(
        of stage: RolloutPlan.Stage, online: [UnitIdentifier]
    ) -> ModelOffer.Audience {
        switch stage {
        case .agents(let agents): return .agents(agents)
        case .all: return .all
        case .share(let share):
            let salt = runID
            let places = online.filter { !hasReached($0) }
                .map { ModelOffer.Audience.place(of: $0, salt: salt) }
            let needed = places.min().map(\.nextUp) ?? 0
            return .share(min(1, max(share, needed)), salt: salt)
        }
    }

    /// Why the stage has not passed yet; nil once it has.
    private func obstacle(_ nowMillis: Int64) -> String? {
        let open = members.filter { $0.value.isPending }.map(\.key).sorted()
        if let first = open.first {
            return "\(open.count) of \(members.count) agent(s) reached do not run it yet, \(first) "
                + "among them."
        }
        let silent = members.filter { $0.value.isMissed }.map(\.key).sorted()
        if let first = silent.first {
            return "\(silent.count) agent(s) are silent since they got it, \(first) among them."
        }
        let soaked = (nowMillis - stageMillis) / 1_000
        guard soaked >= plan.limits.soakSeconds else {
            return "Each stage lasts \(plan.limits.soakSeconds) s, of which \(max(0, soaked)) have "
                + "passed."
        }
        let predictions = members.values.reduce(0) { $0 + $1.predictions }
        guard predictions >= plan.limits.predictionCountMin else {
            return "It has made \(predictions) of \(plan.limits.predictionCountMin) predictions in "
                + "this stage."
        }
        return nil
    }

    /// Why so many failures are too many; nil while they are not.
    private var reasonToHalt: String? {
        let failures = failures
        // Where everybody failed, nothing speaks for the candidate, however many may fail.
        let isHopeless = !failures.isEmpty && members.values.allSatisfy { $0.failure != nil }
        let allowed = isHopeless ? 0 : plan.limits.failureCountMax(of: members.count)
        guard failures.count > allowed else { return nil }
        let named = failures.prefix(3).map { "\($0.agent): \($0.reason)" }
        let more = failures.count > 3 ? " And \(failures.count - 3) more." : ""
        return "\(failures.count) of \(members.count) agent(s) reached failed, \(allowed) may. "
            + named.joined(separator: " ") + more
    }

    /// Who failed, and why, in order of their names.
    package var failures: [(agent: UnitIdentifier, reason: String)] {
        members.compactMap { name, member in
            guard let failure = member.failure, !member.isExcused else { return nil }
            return (agent: name, reason: failure)
        }.sorted { $0.agent < $1.agent }
    }
}
