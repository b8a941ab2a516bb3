import EdgeProtocol
package import Fleet
import Prognostics
package import Registry
import StrictJSON

/// Takes a model version into a fleet in stages, one look at the fleet at a time.
///
/// `Rollout` decides; this reads the agents' word, puts decision and signed offer on record in one
/// transaction, and then publishes what the record says. Whatever is killed between the two, the
/// next look, or a push, publishes the rest.
package struct RolloutStep {
    /// Where a rollout is after a command.
    package struct Report: Sendable {
        package let record: RolloutRecord
        package let rollout: Rollout
        /// What was done, or why nothing was; a sentence.
        package let summary: String
        /// Whether it has halted itself just now.
        package var hasHalted = false
    }

    private let workspace: Workspace
    private let broker: FleetBroker
    private let nowMillis: Int64
    private let progress: ProgressReport
    private var target: String { broker.topics.root }

    package init(
        workspace: Workspace, broker: FleetBroker, nowMillis: Int64, progress: ProgressReport
    ) {
        self.workspace = workspace
        self.broker = broker
        self.nowMillis = nowMillis
        self.progress = progress
    }

    /// The newest rollout as it is on record; nil before the first.
    package static func newest(in workspace: Workspace, target: String) throws -> Report? {
        guard let record = try workspace.registry.newestRollout(target: target) else { return nil }
        let rollout = try record.machine()
        return Report(record: record, rollout: rollout, summary: rollout.phase.reason ?? "")
    }

    /// What `start` would roll out over what: the promoted version over the one offered to all.
    package func candidate() throws -> (version: Int64, former: Int64) {
        if let active = try active() {
            throw RolloutStepError.active(
                version: active.record.version, phase: active.rollout.phase.name)
        }
        guard let version = try workspace.registry.promotedVersion() else {
            throw BackofficeError.noPromotedModel
        }
        guard let former = try offeredToAll() else { throw RolloutStepError.noFormerModel }
        guard former != version else { throw RolloutStepError.nothingNew(version: version) }
        return (version, former)
    }

    /// The next step of the active rollout, or the first one of a rollout that is due under `plan`;
    /// nil when there is neither, and a push is what remains.
    ///
    /// The first model of a fleet has nothing to go back to and no device to compare it, and a
    /// version whose rollout was aborted is not tried again by itself.
    package func deliver(_ plan: RolloutPlan?) throws -> Report? {
        if try active() != nil { return try advance() }
        let newest = try workspace.registry.newestRollout(target: target)
        guard let plan, let promoted = try workspace.registry.promotedVersion(),
            let former = try offeredToAll(), former != promoted
        else { return nil }
        if let newest, newest.version == promoted, try newest.machine().phase == .aborted {
            return nil
        }
        _ = try start(plan)
        return try advance()
    }

    /// Puts a rollout on record; the next `advance` makes its first offer.
    package func start(_ plan: RolloutPlan) throws -> Report {
        let (version, formerVersion) = try candidate()
        let bundle = try StoredBundle.version(version, in: workspace)
        let former = try StoredBundle.version(formerVersion, in: workspace)
        guard bundle.digest != former.digest else {
            throw RolloutStepError.nothingNew(version: version)
        }
        let held = try broker.connect().models()
        let book = try OfferBook(
            workspace: workspace, topics: broker.topics, held: held, nowMillis: nowMillis)
        let disagreement = AllowedDisagreement(workspace: workspace, target: target)
        progress.step("Measuring how far version \(version) differs from what the fleet runs")
        let (release, isNew) = try book.release(
            of: former, audience: .all, disagreementMax: disagreement.limit(of: former))
        if isNew {
            try workspace.registry.append(release, target: target, timeMillis: nowMillis)
        }
        let rollout = Rollout(
            runID: bundle.runID, digest: bundle.digest, plan: plan, nowMillis: nowMillis)
        var record = RolloutRecord(
            number: 0, version: version, formerVersion: formerVersion,
            formerCounter: release.counter, counter: 0,
            disagreementMax: try disagreement.limit(of: bundle), isActive: true,
            state: rollout.json.text, startMillis: nowMillis, changeMillis: nowMillis)
        let summary = "version \(version) over version \(formerVersion)"
        let number = try workspace.registry.begin(
            record, target: target, event: event("started", summary))
        record = record.numbered(number)
        return Report(record: record, rollout: rollout, summary: summary)
    }

    /// Looks at the fleet once, takes the next step if it is due, and publishes what is on record.
    package func advance() throws -> Report {
        let session = try broker.connect()
        let held = try session.models()
        let agents = FleetAgent.all(in: try session.agents(), topics: broker.topics)
        try workspace.registry.see(
            agents.filter(\.isOnline).map(\.name.description), target: target,
            timeMillis: nowMillis)
        let report = try decide(agents, held: held)
        try publish(report.record, held: held, session: session)
        return report
    }

    /// Decides, and puts the decision on record; publishes nothing.
    package func decide(_ agents: [FleetAgent], held: [String: [UInt8]]) throws -> Report {
        guard var (record, rollout) = try active() else { throw RolloutStepError.none }
        record.changeMillis = nowMillis
        let book = try OfferBook(
            workspace: workspace, topics: broker.topics, held: held, nowMillis: nowMillis)
        let known = try workspace.registry.newestRelease(target: target)?.counter ?? 0
        guard book.heldCounter <= known else {
            throw RolloutStepError.registryBehind(held: book.heldCounter, known: known)
        }
        let action = rollout.advance(agents, nowMillis: nowMillis)
        record.state = rollout.json.text
        record.isActive = rollout.phase.isActive
        var release: Release?
        let (happened, summary): (RolloutEvent?, String)
        switch action {
        case .wait(let reason): (happened, summary) = (nil, "waiting: \(reason)")
        case .halt(let reason):
            (happened, summary) = (event("halted", reason), "halted: \(reason)")
        case .complete:
            summary = "complete: the whole fleet runs version \(record.version)"
            happened = event("completed", summary)
        case .offer(let audience):
            let stage = rollout.plan.stages[rollout.audiences.count - 1]
            let made = try book.release(
                of: StoredBundle.version(record.version, in: workspace), audience: audience,
                disagreementMax: record.disagreementMax)
            release = made.isNew ? made.release : nil
            record.counter = made.release.counter
            summary = "offered to \(stage.text), release \(record.counter)"
            happened = event("offered", summary)
        }
        try workspace.registry.update(record, target: target, release: release, event: happened)
        progress.step("Rollout of version \(record.version): \(summary)")
        return Report(
            record: record, rollout: rollout, summary: summary,
            hasHalted: happened?.word == "halted")
    }

    /// Publishes what the record says and the broker lacks.
    private func publish(
        _ record: RolloutRecord, held: [String: [UInt8]], session: FleetSession
    ) throws {
        let push = PushStep(workspace: workspace, broker: broker, nowMillis: nowMillis)
        if record.isActive {
            _ = try push.repair(record, held: held, session: session)
        } else {
            // Not the promoted version: another may have been promoted meanwhile.
            let isComplete = try record.machine().phase == .complete
            let version = isComplete ? record.version : record.formerVersion
            _ = try push.push(StoredBundle.version(version, in: workspace), note: nil)
        }
    }

    /// The messages that the record asks for and the broker lacks, in the order of publication.
    package func unpublished(
        held: [String: [UInt8]]
    ) throws -> [(topic: String, payload: [UInt8])] {
        guard let (record, _) = try active() else { return [] }
        return try ModelHoldings(of: record, in: workspace, target: target)
            .messages(held: held, topics: broker.topics)
    }

    /// Stops a running rollout where it is.
    package func pause() throws -> Report {
        try change("paused", "paused by the operator") { $0.pause() }
    }

    /// Lets a paused or halted rollout go on.
    package func resume() throws -> Report {
        try change("resumed", "resumed by the operator") { $0.resume(nowMillis: nowMillis) }
    }

    /// Ends a rollout and offers the former version to the whole fleet, under a new counter.
    ///
    /// The way back allows any difference: a bad candidate differs from everything.
    package func abort() throws -> Report {
        guard var (record, rollout) = try active(), rollout.abort() else {
            throw RolloutStepError.none
        }
        let session = try broker.connect()
        let held = try session.models()
        record.changeMillis = nowMillis
        record.isActive = false
        record.state = rollout.json.text
        var release: Release?
        if !rollout.audiences.isEmpty {
            let book = try OfferBook(
                workspace: workspace, topics: broker.topics, held: held, nowMillis: nowMillis)
            let made = try book.release(
                of: StoredBundle.version(record.formerVersion, in: workspace), audience: .all,
                disagreementMax: Double(Prediction.cap))
            release = made.isNew ? made.release : nil
            record.formerCounter = made.release.counter
        }
        let summary =
            release == nil
            ? "aborted: nobody had been offered version \(record.version)"
            : "aborted: version \(record.formerVersion) is offered to the whole fleet, release "
                + "\(record.formerCounter)"
        try workspace.registry.update(
            record, target: target, release: release, event: event("aborted", summary))
        try publish(record, held: held, session: session)
        return Report(record: record, rollout: rollout, summary: summary)
    }

    // MARK: Parts

    private func change(
        _ word: String, _ summary: String, _ body: (inout Rollout) -> Bool
    ) throws -> Report {
        guard var (record, rollout) = try active() else { throw RolloutStepError.none }
        guard body(&rollout) else {
            throw RolloutStepError.wrongPhase(wanted: word, phase: rollout.phase.name)
        }
        record.changeMillis = nowMillis
        record.state = rollout.json.text
        try workspace.registry.update(
            record, target: target, release: nil, event: event(word, summary))
        return Report(record: record, rollout: rollout, summary: summary)
    }

    private func active() throws -> (record: RolloutRecord, rollout: Rollout)? {
        guard let record = try workspace.registry.newestRollout(target: target), record.isActive
        else { return nil }
        return (record, try record.machine())
    }

    /// The version that was offered to everybody last.
    private func offeredToAll() throws -> Int64? {
        let releases = try workspace.registry.releases(target: target, limit: 64)
        guard let offer = releases.lazy.compactMap(\.decoded).first(where: { $0.audience == .all })
        else { return nil }
        return try workspace.registry.modelVersions().first { $0.run.runID == offer.runID }?.version
    }

    private func event(_ word: String, _ detail: String) -> RolloutEvent {
        RolloutEvent(timeMillis: nowMillis, word: word, detail: detail)
    }
}

extension RolloutRecord {
    /// Most bytes of a rollout on record: 20,000 members of some 700 bytes each.
    private static let stateLimits = JSONLimits(sizeMax: 32 << 20, depthMax: 8)

    /// The machine, as it was put on record.
    func machine() throws(RolloutStepError) -> Rollout {
        do throws(JSONError) {
            return try Rollout(json: JSON.parse(Array(state.utf8), limits: Self.stateLimits))
        } catch {
            throw .damaged(error.description)
        }
    }

    fileprivate func numbered(_ number: Int64) -> Self {
        RolloutRecord(
            number: number, version: version, formerVersion: formerVersion,
            formerCounter: formerCounter, counter: counter, disagreementMax: disagreementMax,
            isActive: isActive, state: state, startMillis: startMillis, changeMillis: changeMillis)
    }
}
