import EdgeCore
import EdgeProtocol
import Inference
import Prognostics
import Simulation
import Testing

/// A device without hardware: the real machine, a store in memory, and effects written down.
struct SimulatedDevice {
    /// An effect as tests compare it: its name, and for some what it is about.
    enum Event: Equatable {
        case commit(readings: Int)
        case acknowledge
        case dropIngest
        case publish(sequence: Int64)
        case other
    }

    let residentUnitsMax: Int
    /// Every model that a verification can find, by digest.
    var models: [Digest: ActiveModel] = [:]
    /// Digests whose verification fails, with the reason.
    var broken: [Digest: String] = [:]
    private(set) var core: EdgeCore
    var store = MemoryStore()

    // What the shell remembers, and loses in a crash.
    var jobs: [ScoringJob] = []
    var holdsScores = false
    var holdsVerification = false
    var heldVerifications: [Digest] = []
    /// Processor time that every prediction is said to take.
    var runMicros: Int64 = 3
    /// Shadow slices are counted, and the next one is the process's last if so chosen.
    var sliceCount = 0
    var diesInShadow = false
    /// Slices wait for a worker, which is the test's.
    var holdsShadow = false
    var heldSlices: [ShadowSlice] = []

    // What the world sees.
    var events: [Event] = []
    var effects: [EdgeEffect] = []
    var unacknowledged: [Delivery] = []
    var acknowledged: [Delivery] = []
    var published: [ReadingEntry] = []
    /// Sequences of the published predictions that were marked as backfill.
    var backfill: [Int64] = []
    var pages: [(after: Int64, limit: Int)] = []
    var reports: [[UInt8]] = []
    var statuses: [[UInt8]] = []
    /// Retained sketches by topic, as the broker holds them.
    var sketches: [String: [UInt8]] = [:]
    var health: [HealthMessage] = []
    var subscribedBlocks: Set<Int> = []

    // Faults to come.
    var commitsToFail = 0
    var modelChangesToFail = 0
    /// The change that makes a candidate active cannot be stored.
    var failsActivation = false
    /// The process ends right after the next COMMIT, before anything else.
    var diesAfterCommit = false
    /// So many changes of the model store still reach the disk; then the process ends.
    var changesBeforeDeath: Int?
    private(set) var isDead = false

    init(model: ActiveModel? = nil, residentUnitsMax: Int = 100) throws {
        self.residentUnitsMax = residentUnitsMax
        if let model {
            models[model.digest] = model
            store.shelf.active = model.digest
        }
        core = EdgeCore(
            identity: try Fixture.identity(), restored: store.restored(model: model),
            residentUnitsMax: residentUnitsMax)
    }

    /// Ends the process and starts it from what the store holds; what was unacknowledged is the
    /// broker's again.
    mutating func restart() throws -> [Delivery] {
        let redelivered = unacknowledged
        unacknowledged = []
        jobs = []
        heldVerifications = []
        subscribedBlocks = []
        isDead = false
        diesAfterCommit = false
        diesInShadow = false
        heldSlices = []
        for change in store.wholeShelf.changesAtStart { store.apply(change) }
        let model = store.shelf.active.flatMap { models[$0] }
        core = EdgeCore(
            identity: try Fixture.identity(), restored: store.restored(model: model),
            residentUnitsMax: residentUnitsMax)
        return redelivered
    }

    // MARK: Inputs

    /// Feeds an input, performs its effects and feeds back their answers, as the shell does.
    mutating func feed(_ input: EdgeInput) {
        var inputs = [input]
        while !inputs.isEmpty, !isDead {
            var answer: [EdgeEffect] = []
            core.receive(inputs.removeFirst(), effects: &answer)
            effects += answer
            for effect in answer where !isDead { perform(effect, answers: &inputs) }
        }
    }

    mutating func deliver(_ delivery: Delivery) {
        unacknowledged.append(delivery)
        feed(.delivery(delivery))
    }

    /// Delivers, drains and scores: one whole batch.
    mutating func batch(_ deliveries: [Delivery]) {
        for delivery in deliveries { deliver(delivery) }
        feed(.drained)
        if !holdsScores { finishScores() }
    }

    mutating func batch(_ unit: String, _ cycles: ClosedRange<Int32>, variant: UInt64 = 0) throws {
        batch(try cycles.map { try Fixture.delivery(unit, $0, variant: variant) })
    }

    /// Runs the windows that wait, in the order that `arrange` makes of them.
    mutating func finishScores(_ arrange: ([ScoringJob]) -> [ScoringJob] = { $0 }) {
        let waiting = arrange(jobs)
        jobs = []
        for job in waiting where !isDead {
            feed(
                .scored(
                    ticket: job.ticket, job.plan.run(job.input), latencyMicros: 7,
                    runMicros: runMicros))
        }
    }

    /// Sends an offer and the blocks that the device then asks for.
    mutating func push(
        _ model: ActiveModel, counter: Int64, blockCount: Int = 3, disagreementMax: Double = 125
    ) throws {
        models[model.digest] = model
        let offer = try Fixture.offer(
            model, counter: counter, blockCount: blockCount, disagreementMax: disagreementMax)
        feed(.offer(try Fixture.receipt(offer), Fixture.now()))
        for index in subscribedBlocks.sorted() {
            sendBlock(index, of: model, blockCount: blockCount)
        }
    }

    mutating func sendBlock(
        _ index: Int, of model: ActiveModel, blockCount: Int = 3, changed: Bool = false
    ) {
        var bytes = Fixture.blocks(of: model, count: blockCount)[index]
        if changed { bytes[0] ^= 1 }
        feed(
            .block(
                bundle: model.digest, index: index, bytes: bytes,
                digest: Fixture.digest(of: bytes), Fixture.now()))
    }

    mutating func finishVerification(of bundle: Digest) {
        heldVerifications.removeAll { $0 == bundle }
        let outcome: VerificationOutcome =
            if let reason = broken[bundle] {
                .failed(reason: reason)
            } else if let model = models[bundle] {
                .passed(model)
            } else {
                .failed(reason: "No such bundle.")
            }
        feed(.verified(bundle: bundle, outcome, Fixture.now()))
    }

    // MARK: Effects

    private mutating func perform(_ effect: EdgeEffect, answers: inout [EdgeInput]) {
        switch effect {
        case .loadUnit(let unit, let parameters):
            answers.append(.unitLoaded(store.history(of: unit, parameters: parameters)))
        case .lookUpReading(let unit, let cycle):
            answers.append(.readingLookedUp(store.known(unit, cycle: cycle)))
        case .score(let job): jobs.append(job)
        case .commit(let batch): commit(batch, answers: &answers)
        case .acknowledge:
            events.append(.acknowledge)
            acknowledged += unacknowledged
            unacknowledged = []
        case .dropIngest: events.append(.dropIngest)
        case .storeModel(let change): apply(change, answers: &answers)
        case .verify(let bundle, _): verify(bundle, answers: &answers)
        case .load(let bundle):
            let outcome: VerificationOutcome =
                models[bundle].map { .passed($0) } ?? .damaged(reason: "It is damaged.")
            answers.append(.loaded(bundle: bundle, outcome))
        case .listShadowUnits(let bundle, let limit):
            answers.append(.shadowUnits(bundle: bundle, store.newestUnits(limit: limit)))
        case .readShadow(let bundle, let unit, let limit):
            let (snapshots, marks) = store.newestReadings(of: unit, limit: limit)
            answers.append(.shadowRead(bundle: bundle, snapshots, marks: marks))
        case .shadow(let slice):
            sliceCount += 1
            isDead = diesInShadow
            if holdsShadow {
                heldSlices.append(slice)
            } else {
                answers.append(.shadowed(slice.run()))
            }
        case .reloadUnit(let unit, let parameters, let cycle):
            answers.append(
                .unitLoaded(
                    store.history(of: unit, parameters: parameters, checkpointThrough: cycle)))
        case .lookUpEvents(let unit, let installation):
            answers.append(.eventsLookedUp(store.events(of: unit, installation: installation)))
        case .subscribeBlocks(_, let indices): subscribedBlocks.formUnion(indices)
        case .unsubscribeBlocks(_, let indices): subscribedBlocks.subtract(indices)
        case .readOutbox(let after, let limit):
            let (entries, through) = store.scored(after: after, limit: limit)
            answers.append(.outboxRead(entries, through: through))
        case .storePublished(let sequence): store.publishedThrough = sequence
        case .storePulled(let sequence): store.pulledThrough = sequence
        case .publishPrediction(let entry, let isBackfill):
            published.append(entry)
            if isBackfill { backfill.append(entry.sequence) }
            events.append(.publish(sequence: entry.sequence))
        case .publishRetained(let topic, let payload):
            if topic.hasSuffix("/model") { reports.append(payload) }
            if topic.hasSuffix("/status") { statuses.append(payload) }
            if topic.contains("/sketches/") { sketches[topic] = payload }
        case .publishHealth(let message): health.append(message)
        case .sendLogPage(let after, let limit, _, _): pages.append((after, limit))
        case .subscribe, .log: events.append(.other)
        }
    }

    private mutating func commit(_ batch: Batch, answers: inout [EdgeInput]) {
        if commitsToFail > 0 {
            commitsToFail -= 1
            answers.append(.commitFailed(reason: "The disk is full."))
            return
        }
        store.commit(batch)
        events.append(.commit(readings: batch.readings.count))
        if diesAfterCommit {
            isDead = true
        } else {
            answers.append(.committed(Fixture.now()))
        }
    }

    private mutating func apply(_ change: ModelChange, answers: inout [EdgeInput]) {
        if let left = changesBeforeDeath {
            changesBeforeDeath = left - 1
            isDead = left == 0
            if isDead { return }
        }
        var isActivation = false
        if case .activate = change { isActivation = true }
        guard modelChangesToFail == 0, !(failsActivation && isActivation) else {
            modelChangesToFail = max(0, modelChangesToFail - 1)
            answers.append(
                .modelNotStored(store.wholeShelf, reason: "The disk is full.", Fixture.now()))
            return
        }
        store.apply(change)
    }

    private mutating func verify(_ bundle: Digest, answers: inout [EdgeInput]) {
        if holdsVerification {
            heldVerifications.append(bundle)
        } else if let reason = broken[bundle] {
            answers.append(.verified(bundle: bundle, .failed(reason: reason), Fixture.now()))
        } else if let model = models[bundle] {
            answers.append(.verified(bundle: bundle, .passed(model), Fixture.now()))
        }
    }
}
