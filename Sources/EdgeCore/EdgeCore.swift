package import EdgeProtocol
package import Prognostics

/// All of the agent's logic as one pure machine: inputs in, effects out.
///
/// The shell feeds one input at a time, performs the effects in order, and feeds back what they
/// answered before anything else. Nothing here reads a clock, a file or a socket, so a run replays
/// exactly from its list of inputs. Four machines share the work: ingest decides on deliveries,
/// delivery on models, the outbox publishes, health reports.
package struct EdgeCore: Sendable {
    /// What the store held when the agent started.
    package struct Restored: Sendable {
        package var accounting = Accounting()
        package var lastSequence: Int64 = 0
        package var publishedThrough: Int64 = 0
        package var shelf = ModelShelf()
        /// The active bundle, verified again at start; `nil` if there is none.
        package var model: ActiveModel?
        /// Units with gaps or refused readings, at most ``ProtocolLimits/healthUnitCountMax``.
        package var troubledUnits: [UnitIdentifier: Accounting] = [:]
        /// Damaged stores before this one whose files are still there.
        package var salvages: [SalvageReport] = []
        /// Scored readings from ``sketchedFrom`` on, in sequence: sketches are made again of them.
        package var sketched: [ReadingEntry] = []
        /// The first log sequence of the stretches that are sketched again.
        package var sketchedFrom: Int64 { SketchReport.firstSequence(before: lastSequence + 1) }

        package init() {}
    }

    /// Milliseconds between health messages when nothing changes.
    static let healthIntervalMillis: Int64 = 30_000
    /// Milliseconds between health messages when something does.
    static let healthChangeMillis: Int64 = 1_000

    package let identity: AgentIdentity
    private var ingest: ReadingIngest
    private var delivery: ModelDelivery
    private var outbox: PredictionOutbox
    private var model: ActiveModel?
    /// Verified, waiting for the open batch to end: a swap happens between batches.
    private var pendingModel: ActiveModel?
    private var isConnected = false
    private var isIngesting = false
    private var hasResumed = false
    private var lastHealth: (atMillis: Int64, accounting: Accounting, runID: String?)?
    /// Units with gaps or refused readings: a bounded sample for the health message.
    private var troubledUnits: [UnitIdentifier: Accounting]
    private let salvages: [SalvageReport]
    private var gapLog = GapLog()
    private var sketches: SketchReport

    /// Starts from what the store holds.
    /// - Parameters:
    ///   - identity: Who the agent is.
    ///   - restored: What the store held.
    ///   - residentUnitsMax: Units that may stay in memory, at least 1.
    ///   - backfillRateMax: Belated predictions published in one second, at least 1.
    package init(
        identity: AgentIdentity, restored: Restored, residentUnitsMax: Int,
        backfillRateMax: Int = 1_000
    ) {
        self.identity = identity
        model = restored.model
        troubledUnits = restored.troubledUnits
        salvages = restored.salvages
        sketches = SketchReport(restored.sketched, model: restored.model)
        ingest = ReadingIngest(
            accounting: restored.accounting, lastSequence: restored.lastSequence,
            residentUnitsMax: residentUnitsMax)
        delivery = ModelDelivery(
            identity: identity, shelf: restored.shelf, activeRunID: restored.model?.runID)
        outbox = PredictionOutbox(
            publishedThrough: restored.publishedThrough,
            committedSequence: restored.lastSequence, backfillRateMax: backfillRateMax)
    }

    /// Run that serves; `nil` without a model.
    package var activeRunID: String? { model?.runID }

    /// Takes one input and appends what the shell does next.
    package mutating func receive(_ input: EdgeInput, effects: inout [EdgeEffect]) {
        switch input {
        case .delivery(let delivered):
            ingest.receive(delivered, model: model, effects: &effects)
        case .unitLoaded(let history): ingest.admit(history, model: model, effects: &effects)
        case .readingLookedUp(let known): ingest.resolve(known, model: model, effects: &effects)
        case .eventsLookedUp(let history): ingest.resolve(history, model: model, effects: &effects)
        case .scored(let ticket, let prediction, let latencyMicros, let runMicros):
            guard let runID = model?.runID else { preconditionFailure("nothing scores unmodelled") }
            delivery.scored(runMicros: runMicros, effects: &effects)
            ingest.score(
                ticket: ticket, prediction, latencyMicros: latencyMicros, runID: runID,
                publishedThrough: outbox.publishedThrough, effects: &effects)
        case .drained:
            ingest.drain(publishedThrough: outbox.publishedThrough, effects: &effects)
        case .committed(let now): committed(now, effects: &effects)
        case .commitFailed(let reason):
            effects.append(.log(LogLine(.error, "commit failed", ["reason": reason])))
            ingest.failed(effects: &effects)
            activatePending(effects: &effects)
        case .outboxRead(let entries, let through):
            outbox.read(entries, through: through, effects: &effects)
        case .predictionPublished(let sequence): outbox.acknowledged(sequence, effects: &effects)
        case .logRequest(let request, let topic, let correlation):
            answer(request, topic: topic, correlation: correlation, effects: &effects)
        case .ingestSubscribed: ingestChanged(isUp: true, effects: &effects)
        case .ingestDisconnected: ingestChanged(isUp: false, effects: &effects)
        case .statusOverwritten: publishStatus(effects: &effects)
        case .verified, .loaded, .shadowUnits, .shadowRead, .shadowed:
            receiveTrial(input, effects: &effects)
        case .controlConnected, .controlDisconnected, .offer, .block, .modelNotStored, .tick:
            receiveControl(input, effects: &effects)
        }
    }

    private mutating func receiveControl(_ input: EdgeInput, effects: inout [EdgeEffect]) {
        switch input {
        case .controlConnected(let now):
            isConnected = true
            effects.append(
                .subscribe(
                    identity.topics.offers + [
                        identity.topics.logRequests(to: identity.agent),
                        identity.topics.status(of: identity.agent),
                    ]))
            publishStatus(effects: &effects)
            sketches.connected()
            lastHealth = nil
            publishHealth(now, effects: &effects)
            delivery.connected(now, effects: &effects)
            outbox.connected(effects: &effects)
            resumeOnce(now, effects: &effects)
        case .controlDisconnected:
            isConnected = false
            outbox.disconnected()
        case .offer(let receipt, let now): delivery.receive(receipt, now, effects: &effects)
        case .block(let bundle, let index, let bytes, let digest, let now):
            delivery.receive(
                block: index, of: bundle, bytes: bytes, digest: digest, now, effects: &effects)
        case .modelNotStored(let shelf, let reason, let now):
            delivery.notStored(shelf, reason: reason, now, effects: &effects)
        case .tick(let now):
            delivery.tick(now, effects: &effects)
            if isConnected { sketches.tick(now, identity, effects: &effects) }
            outbox.tick(now, effects: &effects)
            if let line = gapLog.line(now) { effects.append(.log(line)) }
            publishHealth(now, effects: &effects)
        default: preconditionFailure("not an input of the control connection")
        }
    }

    /// Takes what the workers and the store say about a candidate, or about the fallback.
    private mutating func receiveTrial(_ input: EdgeInput, effects: inout [EdgeEffect]) {
        let next: ActiveModel? =
            switch input {
            case .verified(let bundle, let outcome, let now):
                delivery.verified(bundle, outcome, active: model, now, effects: &effects)
            case .loaded(let bundle, let outcome):
                delivery.loaded(bundle, outcome, effects: &effects)
            case .shadowUnits(let bundle, let units):
                delivery.advanceShadow(of: bundle, effects: &effects) { $0.list(units) }
            case .shadowRead(let bundle, let snapshots, let marks):
                delivery.advanceShadow(of: bundle, effects: &effects) {
                    $0.read(snapshots, marks)
                }
            case .shadowed(let outcome): delivery.shadowed(outcome, effects: &effects)
            default: preconditionFailure("not an input of a trial")
            }
        guard let next else { return }
        pendingModel = next
        activatePending(effects: &effects)
    }

    private mutating func committed(_ now: Instant, effects: inout [EdgeEffect]) {
        let cursor = outbox.publishedThrough
        let scoredBefore = ingest.accounting.scored
        gapLog.note(ingest.openGaps)
        sketches.note(ingest.drafts, model: model)
        if let line = gapLog.line(now) { effects.append(.log(line)) }
        for (unit, accounting) in ingest.committed(effects: &effects) {
            guard accounting.missingCycles + accounting.quarantined + accounting.late > 0,
                troubledUnits[unit] != nil
                    || troubledUnits.count < ProtocolLimits.healthUnitCountMax
            else { continue }
            troubledUnits[unit] = accounting
        }
        if ingest.accounting.scored > scoredBefore { delivery.forgiveStarts(effects: &effects) }
        outbox.committed(
            through: ingest.committedSequence, cursor: cursor, effects: &effects)
        publishHealth(now, effects: &effects)
        activatePending(effects: &effects)
    }

    /// Swaps the model as soon as no batch is open: each batch is scored by one model.
    private mutating func activatePending(effects: inout [EdgeEffect]) {
        guard let candidate = pendingModel, ingest.inFlight == 0 else { return }
        pendingModel = nil
        // A newer offer, or a full disk, may have ended the candidacy while the batch was open.
        if delivery.isReady(candidate.digest) {
            delivery.activate(candidate, effects: &effects)
        } else if delivery.isRollingBack(to: candidate.digest) {
            delivery.rollBack(to: candidate, effects: &effects)
        } else {
            return
        }
        model = candidate
        ingest.modelChanged()
        publishStatus(effects: &effects)
    }

    private mutating func resumeOnce(_ now: Instant, effects: inout [EdgeEffect]) {
        guard !hasResumed else { return }
        hasResumed = true
        delivery.resume(now, effects: &effects)
    }

    private func publishStatus(effects: inout [EdgeEffect]) {
        guard isConnected else { return }
        effects.append(
            .publishRetained(
                topic: identity.topics.status(of: identity.agent),
                payload: StatusMessage.present(
                    identity, runID: model?.runID, isIngesting: isIngesting)))
    }

    /// Says online only while readings really arrive: whoever waits for it may publish.
    private mutating func ingestChanged(isUp: Bool, effects: inout [EdgeEffect]) {
        guard isIngesting != isUp else { return }
        isIngesting = isUp
        publishStatus(effects: &effects)
    }

    /// Reports changes at most once a second, and that nothing changed every half minute.
    private mutating func publishHealth(_ now: Instant, effects: inout [EdgeEffect]) {
        guard isConnected else { return }
        if let last = lastHealth {
            let age = now.monotonicMillis - last.atMillis
            let changed = last.accounting != ingest.accounting || last.runID != model?.runID
            guard age >= (changed ? Self.healthChangeMillis : Self.healthIntervalMillis) else {
                return
            }
        }
        lastHealth = (now.monotonicMillis, ingest.accounting, model?.runID)
        var health = HealthMessage(
            accounting: ingest.accounting, inFlight: ingest.inFlight, queueDepthMax: 0,
            outboxPending: outbox.pendingCount, storeSize: 0, residentUnits: ingest.units.count,
            runID: model?.runID,
            units: troubledUnits.sorted { $0.key < $1.key }
                .map { (unit: $0.key, accounting: $0.value) })
        health.salvages = salvages
        health.logSequence = ingest.committedSequence
        effects.append(.publishHealth(health))
    }

    /// Acknowledges the page before and answers with the next one.
    ///
    /// A cursor of another store counts nothing here: the answer starts this log from its start.
    private func answer(
        _ request: LogRequest, topic: String, correlation: [UInt8], effects: inout [EdgeEffect]
    ) {
        guard identity.topics.isResponse(topic) else {
            let metadata = ["response_topic": String(topic.prefix(80))]
            return effects.append(.log(LogLine(.warning, "log response topic refused", metadata)))
        }
        let isOurs = request.storeID == identity.storeID
        let after = isOurs ? min(request.after, ingest.committedSequence) : 0
        if isOurs, after > 0 { effects.append(.storePulled(through: after)) }
        effects.append(
            .sendLogPage(
                after: after, limit: request.limit, responseTopic: topic,
                correlation: correlation))
    }
}
