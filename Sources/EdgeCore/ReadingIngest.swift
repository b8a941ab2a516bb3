import Drift
import EdgeProtocol
import Features
import Inference
import Prognostics

/// Decides what becomes of every delivery, and forms the batches that are committed.
///
///     open ──drained──▶ closing ──last score──▶ committing ──committed──▶ open
///
/// A delivery that does not fit is one of three things:
/// - a repeat, which QoS 1 and restarts make normal: suppressed and counted;
/// - the publisher's fault: quarantined with its bytes and the reason, or late;
/// - the caller's fault, such as a delivery while the machine waits for a unit: a trap.
struct ReadingIngest: Sendable {
    /// A cycle of a multiple of this leaves a checkpoint, so that a replay stays short.
    static let checkpointInterval: Int32 = 32

    private enum Phase {
        case open
        /// The socket is drained; scores are outstanding.
        case closing
        case committing
    }

    /// A reading of the open batch; `prediction` is there once its worker has answered.
    struct Draft {
        let sequence: Int64
        let key: ReadingKey
        let snapshot: Snapshot
        let payloadHash: Digest
        let outcome: Outcome
        let receivedAt: Int64
        let unprotected: Bool
        var scoring: ReadingEntry.Scoring?
        let repeats: SensorRepeats
    }

    /// The key of a duplicate look-up: a cycle of a unit, in whichever installation.
    private struct UnitCycle: Hashable {
        let unit: UnitIdentifier
        let cycle: CycleCount
    }

    var units = ResidentUnits()
    /// Counters as of the last commit.
    private(set) var accounting: Accounting
    /// The last log sequence committed.
    private(set) var committedSequence: Int64
    /// Deliveries of the open batch: acknowledged only after its commit.
    private(set) var inFlight = 0

    private let residentUnitsMax: Int
    private var phase = Phase.open
    /// The delivery that waits for a look-up.
    var suspended: Delivery?
    private(set) var drafts: [Draft] = []
    private var unscoredCount = 0
    var batch = Batch()
    private var openAccounting: Accounting
    var nextSequence: Int64
    private var touched: [UnitIdentifier] = []
    private var touchedSet: Set<UnitIdentifier> = []
    private(set) var openGaps = MissingCycles()
    private var openKeys: [UnitCycle: [KnownReading]] = [:]

    /// Starts from what the store holds.
    init(accounting: Accounting, lastSequence: Int64, residentUnitsMax: Int) {
        precondition(residentUnitsMax > 0, "at least one unit must fit in memory")
        self.accounting = accounting
        self.residentUnitsMax = residentUnitsMax
        openAccounting = accounting
        committedSequence = lastSequence
        nextSequence = lastSequence + 1
    }

    // MARK: Deliveries

    /// Takes a delivery into the open batch.
    /// - Precondition: No look-up is outstanding and no commit is running.
    mutating func receive(
        _ delivery: Delivery, model: ActiveModel?, effects: inout [EdgeEffect]
    ) {
        precondition(suspended == nil, "a look-up is outstanding")
        precondition(phase != .committing, "a commit is running")
        switch delivery.content {
        case .refused(let error, let prefix, let size):
            count(delivery) { $0.quarantined += 1 }
            quarantine(
                delivery, reason: error.description, prefix: prefix, size: size)
        case .reading(let reading):
            guard units.contains(reading.unit) else {
                return load(reading.unit, for: delivery, model, effects: &effects)
            }
            place(delivery, reading, model: model, effects: &effects)
        case .event(let event):
            guard units.contains(event.unit) else {
                return load(event.unit, for: delivery, model, effects: &effects)
            }
            place(delivery, event, effects: &effects)
        }
    }

    private mutating func load(
        _ unit: UnitIdentifier, for delivery: Delivery, _ model: ActiveModel?,
        effects: inout [EdgeEffect]
    ) {
        suspended = delivery
        effects.append(.loadUnit(unit, parameters: model?.parametersDigest))
    }

    /// Brings a unit into memory and goes on with the delivery that waited for it.
    mutating func admit(
        _ history: UnitHistory, model: ActiveModel?, effects: inout [EdgeEffect]
    ) {
        guard let delivery = suspended, delivery.unit == history.unit else {
            preconditionFailure("nobody asked for unit \(history.unit)")
        }
        suspended = nil
        guard !units.contains(history.unit) else { return rebuild(history, model: model) }
        let record =
            history.record
            ?? UnitRecord(installation: 1, lastCycle: 0, accounting: Accounting())
        let features = model.map { Self.replay(history, model: $0) }
        units.insert(
            history.unit,
            ResidentUnit(record: record, features: features, marks: history.marks))
        switch delivery.content {
        case .reading(let reading): place(delivery, reading, model: model, effects: &effects)
        case .event(let event): place(delivery, event, effects: &effects)
        case .refused: preconditionFailure("a refused payload needs no unit")
        }
    }

    /// Rebuilds a unit's feature state from its raw readings: the truth, of which state is a cache.
    static func replay(_ history: UnitHistory, model: ActiveModel) -> FeatureState {
        var state = history.checkpoint ?? FeatureState()
        for snapshot in history.replay {
            state.append(snapshot, marks: history.marks, using: model.parameters)
        }
        return state
    }

    /// Goes on with the delivery that waited for a look-up.
    mutating func resolve(
        _ known: [KnownReading], model: ActiveModel?, effects: inout [EdgeEffect]
    ) {
        guard let delivery = suspended, case .reading(let reading) = delivery.content else {
            preconditionFailure("nobody asked for a reading")
        }
        suspended = nil
        let open = openKeys[UnitCycle(unit: reading.unit, cycle: reading.snapshot.cycle)] ?? []
        decide(delivery, reading, known: known + open, model: model, effects: &effects)
    }

    /// Applies what can only be new; asks about everything that may be a repeat.
    private mutating func place(
        _ delivery: Delivery, _ reading: Reading, model: ActiveModel?,
        effects: inout [EdgeEffect]
    ) {
        guard let record = units.record(of: reading.unit) else {
            preconditionFailure("unit \(reading.unit) is not resident")
        }
        let cycle = reading.snapshot.cycle.cycles
        // A cycle that follows is new to a first installation; in a later one it may be a belated
        // repeat from an earlier one, whose cycles went further.
        guard cycle > record.lastCycle, record.installation == 1 else {
            suspended = delivery
            effects.append(.lookUpReading(reading.unit, cycle: reading.snapshot.cycle))
            return
        }
        apply(delivery, reading, model: model, effects: &effects)
    }

    private mutating func decide(
        _ delivery: Delivery, _ reading: Reading, known: [KnownReading], model: ActiveModel?,
        effects: inout [EdgeEffect]
    ) {
        guard let record = units.record(of: reading.unit) else {
            preconditionFailure("unit \(reading.unit) is not resident")
        }
        let cycle = reading.snapshot.cycle.cycles
        if known.contains(where: { $0.payloadHash == delivery.payloadHash }) {
            count(delivery, unit: reading.unit) { $0.suppressed += 1 }
        } else if cycle > record.lastCycle {
            apply(delivery, reading, model: model, effects: &effects)
        } else if cycle == 1 {
            // An engine's first cycle again, with other values: another engine.
            units.update(reading.unit) { $0.startInstallation() }
            apply(delivery, reading, model: model, effects: &effects)
        } else if known.contains(where: {
            $0.installation == record.installation && $0.payloadHash == nil
        }) {
            // Applied and released: a repeat and a conflict look the same, and change nothing.
            count(delivery, unit: reading.unit) { $0.suppressed += 1 }
        } else if known.contains(where: { $0.installation == record.installation }) {
            count(delivery, unit: reading.unit) { $0.quarantined += 1 }
            let error = PayloadError.conflict(installation: record.installation, cycle: cycle)
            let bytes = reading.snapshot.canonicalBytes
            quarantine(
                delivery, reason: error.description, prefix: bytes,
                size: bytes.count)
        } else {
            count(delivery, unit: reading.unit) { $0.late += 1 }
            draft(delivery, reading, installation: record.installation, outcome: .late)
        }
    }

    /// Applies a reading to its unit's state and, with a model, hands its window to the workers.
    private mutating func apply(
        _ delivery: Delivery, _ reading: Reading, model: ActiveModel?,
        effects: inout [EdgeEffect]
    ) {
        let cycle = reading.snapshot.cycle
        let ticket = drafts.count
        let (installation, missing, repeats, job, state) = units.update(reading.unit) {
            resident -> (Int32, Int32, SensorRepeats, ScoringJob?, [UInt8]?) in
            let last = resident.record.lastCycle
            resident.record.lastCycle = cycle.cycles
            resident.repeats.note(reading.snapshot)
            var job: ScoringJob?
            var state: [UInt8]?
            if let model {
                resident.features?.append(
                    reading.snapshot, marks: resident.marks, using: model.parameters)
                if let features = resident.features {
                    job = ScoringJob(
                        ticket: ticket, plan: model.plan,
                        input: model.plan.input(from: features, parameters: model.parameters),
                        receivedAt: delivery.receivedAt)
                    if cycle.cycles % Self.checkpointInterval == 0 { state = features.encoded() }
                }
            }
            // A unit that joins in mid-life misses nothing: it is a late starter.
            let missing = last == 0 ? 0 : cycle.cycles - last - 1
            return (resident.record.installation, missing, resident.repeats, job, state)
        }
        let outcome = job == nil ? Outcome.unscored : .scored
        openGaps.add(missing, of: reading.unit)
        count(delivery, unit: reading.unit) {
            $0.missingCycles += Int64(missing)
            if outcome == .scored { $0.scored += 1 } else { $0.unscored += 1 }
        }
        draft(
            delivery, reading, installation: installation, outcome: outcome, repeats: repeats)
        if let state, let model {
            batch.checkpoints.append(
                Checkpoint(
                    unit: reading.unit, installation: installation, cycle: cycle,
                    parametersDigest: model.parametersDigest, state: state))
        }
        if let job {
            unscoredCount += 1
            effects.append(.score(job))
        }
    }

    private mutating func draft(
        _ delivery: Delivery, _ reading: Reading, installation: Int32, outcome: Outcome,
        repeats: SensorRepeats = SensorRepeats()
    ) {
        let key = ReadingKey(
            unit: reading.unit, installation: installation, cycle: reading.snapshot.cycle)
        drafts.append(
            Draft(
                sequence: nextSequence, key: key, snapshot: reading.snapshot,
                payloadHash: delivery.payloadHash, outcome: outcome,
                receivedAt: delivery.receivedAt.wallMillis, unprotected: delivery.unprotected,
                repeats: repeats))
        nextSequence += 1
        openKeys[UnitCycle(unit: key.unit, cycle: key.cycle), default: []].append(
            KnownReading(installation: installation, payloadHash: delivery.payloadHash))
    }

    mutating func quarantine(
        _ delivery: Delivery, reason: String, prefix: [UInt8], size: Int
    ) {
        batch.quarantined.append(
            QuarantineEntry(
                sequence: nextSequence, topic: delivery.topic, reason: reason,
                payloadPrefix: prefix,
                payloadSize: size, payloadHash: delivery.payloadHash,
                receivedAt: delivery.receivedAt.wallMillis))
        nextSequence += 1
    }

    /// Counts a delivery for the agent and, where it is known, for its unit.
    mutating func count(
        _ delivery: Delivery, unit: UnitIdentifier? = nil, outcome: (inout Accounting) -> Void
    ) {
        func add(to accounting: inout Accounting) {
            accounting.received += 1
            if delivery.unprotected { accounting.unprotected += 1 }
            outcome(&accounting)
        }
        inFlight += 1
        add(to: &openAccounting)
        guard let unit else { return }
        units.update(unit) { add(to: &$0.record.accounting) }
        touch(unit)
    }

    /// Takes an event into the batch: it waits for the commit as readings do, outside of their sum.
    mutating func take(_ unit: UnitIdentifier) {
        inFlight += 1
        touch(unit)
    }

    private mutating func touch(_ unit: UnitIdentifier) {
        if touchedSet.insert(unit).inserted { touched.append(unit) }
    }

    // MARK: Scores and commits

    /// Takes one worker's answer; results may come in any order.
    mutating func score(
        ticket: Int, _ prediction: Prediction, latencyMicros: Int64, runID: String,
        publishedThrough: Int64, effects: inout [EdgeEffect]
    ) {
        precondition(
            drafts.indices.contains(ticket) && drafts[ticket].outcome == .scored
                && drafts[ticket].scoring == nil, "nobody asked for score \(ticket)")
        drafts[ticket].scoring = ReadingEntry.Scoring(
            prediction: prediction, runID: runID, latencyMicros: latencyMicros)
        unscoredCount -= 1
        if phase == .closing { commitIfComplete(publishedThrough, effects: &effects) }
    }

    /// Closes the batch: no more deliveries until it is committed.
    mutating func drain(publishedThrough: Int64, effects: inout [EdgeEffect]) {
        precondition(suspended == nil && phase == .open, "drained twice, or within a look-up")
        guard inFlight > 0 else { return }
        phase = .closing
        commitIfComplete(publishedThrough, effects: &effects)
    }

    private mutating func commitIfComplete(
        _ publishedThrough: Int64, effects: inout [EdgeEffect]
    ) {
        guard unscoredCount == 0 else { return }
        batch.readings = drafts.map { draft in
            ReadingEntry(
                sequence: draft.sequence, key: draft.key, snapshot: draft.snapshot,
                payloadHash: draft.payloadHash, outcome: draft.outcome,
                receivedAt: draft.receivedAt, unprotected: draft.unprotected,
                scoring: draft.scoring)
        }
        batch.units = touched.compactMap { unit in
            units.record(of: unit).map { (unit: unit, record: $0) }
        }
        batch.accounting = openAccounting
        batch.publishedThrough = publishedThrough
        precondition(openAccounting.isBalanced, "\(openAccounting) does not balance")
        phase = .committing
        effects.append(.commit(batch))
    }

    /// The batch is on disk: its deliveries may be acknowledged.
    ///
    /// - Returns: The units that it touched, with their counters.
    mutating func committed(
        effects: inout [EdgeEffect]
    ) -> [(unit: UnitIdentifier, accounting: Accounting)] {
        precondition(phase == .committing, "no commit was running")
        let units = batch.units.map { (unit: $0.unit, accounting: $0.record.accounting) }
        accounting = openAccounting
        committedSequence = nextSequence - 1
        reset()
        self.units.evict(beyond: residentUnitsMax)
        effects.append(.acknowledge)
        return units
    }

    /// The batch is lost: forget all it did, and let the broker deliver it again.
    mutating func failed(effects: inout [EdgeEffect]) {
        precondition(phase == .committing, "no commit was running")
        openAccounting = accounting
        nextSequence = committedSequence + 1
        for unit in touched { units.remove(unit) }
        reset()
        effects.append(.dropIngest)
    }

    /// A model was activated between two batches: every feature state belongs to the old one.
    mutating func modelChanged() {
        precondition(inFlight == 0, "a swap happens between batches")
        units.removeAll()
    }

    private mutating func reset() {
        phase = .open
        inFlight = 0
        drafts.removeAll(keepingCapacity: true)
        batch = Batch()
        openGaps = MissingCycles()
        touched.removeAll(keepingCapacity: true)
        touchedSet.removeAll(keepingCapacity: true)
        openKeys.removeAll(keepingCapacity: true)
    }
}
