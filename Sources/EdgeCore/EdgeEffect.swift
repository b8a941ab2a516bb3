package import EdgeProtocol
package import Inference
package import Prognostics

/// A window to score, and where its prediction belongs in the batch.
package struct ScoringJob: Sendable {
    /// Position of the reading in the open batch.
    package let ticket: Int
    package let plan: InferencePlan
    package let input: ModelInput
    /// When the reading arrived: latency counts from here.
    package let receivedAt: Instant

    package init(ticket: Int, plan: InferencePlan, input: ModelInput, receivedAt: Instant) {
        self.ticket = ticket
        self.plan = plan
        self.input = input
        self.receivedAt = receivedAt
    }
}

/// A feature state at a cycle, to replay from.
package struct Checkpoint: Equatable, Sendable {
    package let unit: UnitIdentifier
    package let installation: Int32
    package let cycle: CycleCount
    package let parametersDigest: Digest
    package let state: [UInt8]

    package init(
        unit: UnitIdentifier, installation: Int32, cycle: CycleCount, parametersDigest: Digest,
        state: [UInt8]
    ) {
        self.unit = unit
        self.installation = installation
        self.cycle = cycle
        self.parametersDigest = parametersDigest
        self.state = state
    }
}

/// What one transaction writes: all of it or nothing.
package struct Batch: Equatable, Sendable {
    package var readings: [ReadingEntry] = []
    package var quarantined: [QuarantineEntry] = []
    package var events: [EventEntry] = []
    package var checkpoints: [Checkpoint] = []
    /// Units whose stored checkpoint a late event made wrong: deleted before `checkpoints`.
    package var staleCheckpoints: [UnitIdentifier] = []
    /// New records of the units that the batch touched, in order of first touch.
    package var units: [(unit: UnitIdentifier, record: UnitRecord)] = []
    /// The agent's counters after the batch.
    package var accounting = Accounting()
    /// Predictions up to this log sequence are known to be with the broker.
    package var publishedThrough: Int64 = 0

    package init() {}

    package static func == (lhs: Self, rhs: Self) -> Bool {
        lhs.readings == rhs.readings && lhs.quarantined == rhs.quarantined
            && lhs.events == rhs.events && lhs.checkpoints == rhs.checkpoints
            && lhs.staleCheckpoints == rhs.staleCheckpoints && lhs.accounting == rhs.accounting
            && lhs.publishedThrough == rhs.publishedThrough
            && lhs.units.elementsEqual(rhs.units) { $0 == $1 }
    }
}

/// A change of what the device keeps about models; one transaction, synced before it is answered.
package enum ModelChange: Equatable, Sendable {
    /// A new candidate replaces any earlier one; `counter` is the highest ever accepted.
    case accept(SignedOffer, bundle: Digest, counter: Int64)
    case storeBlock(bundle: Digest, index: Int, bytes: [UInt8])
    /// The candidate becomes active, the active one the fallback; blocks of others are deleted.
    case activate(bundle: Digest)
    /// The candidate is never tried again under this counter; its blocks are deleted.
    case refuse(bundle: Digest, counter: Int64, reason: String)
    /// The candidate is never tried again under this counter; its blocks stay.
    case hold(bundle: Digest, counter: Int64, reason: String)
    /// The active bundle is refused, the fallback becomes active; without one, none is.
    case rollBack(bundle: Digest, counter: Int64, reason: String)
    /// The stored blocks are no use; if the bundle is active, the fallback becomes active.
    case discard(bundle: Digest)
    /// The bundle is on trial, in this many starts of the process so far.
    case setStarts(bundle: Digest, Int)
    /// The active bundle has proved itself.
    case endTrial(bundle: Digest)
}

/// Something the shell does, in the order given; its answers come back as inputs.
package enum EdgeEffect: Sendable {
    /// Read a unit's record, checkpoint and raw readings; answer with `unitLoaded`.
    case loadUnit(UnitIdentifier, parameters: Digest?)
    /// Read a unit's raw readings again, from a checkpoint no newer than a cycle; answer with
    /// `unitLoaded`.
    case reloadUnit(UnitIdentifier, parameters: Digest, checkpointThrough: CycleCount)
    /// Read what is known about a unit's events; answer with `eventsLookedUp`.
    case lookUpEvents(UnitIdentifier, installation: Int32)
    /// Read the rows of a unit and cycle in all installations; answer with `readingLookedUp`.
    case lookUpReading(UnitIdentifier, cycle: CycleCount)
    /// Hand a window to the workers; waits while the queue is full; answer with `scored`.
    case score(ScoringJob)
    /// Write one transaction and sync it; answer with `committed` or `commitFailed`.
    case commit(Batch)
    /// Write the queued PUBACKs: everything they cover is on disk.
    case acknowledge
    /// Close the ingest socket without DISCONNECT and reopen it with back-off.
    case dropIngest

    /// Write one model change and sync it; answer with `modelNotStored` if it failed.
    case storeModel(ModelChange)
    /// Check a complete candidate on the workers: digest, decoding, golden trajectories.
    case verify(bundle: Digest, offer: ModelOffer)
    /// List the units with the newest readings; answer with `shadowUnits`.
    case listShadowUnits(bundle: Digest, limit: Int)
    /// Read a unit's newest readings of its installation; answer with `shadowRead`.
    case readShadow(bundle: Digest, UnitIdentifier, limit: Int)
    /// Score stored readings with two models on the workers; answer with `shadowed`.
    case shadow(ShadowSlice)
    /// Check a stored bundle again on the workers; answer with `loaded`.
    case load(bundle: Digest)
    /// Subscribe to block topics, whose retained messages then arrive.
    case subscribeBlocks(bundle: Digest, [Int])
    case unsubscribeBlocks(bundle: Digest, [Int])

    /// Read scored rows after a sequence; answer with `outboxRead`.
    case readOutbox(after: Int64, limit: Int)
    /// Remember how far predictions are published; needs no sync.
    case storePublished(through: Int64)
    /// Publish a prediction at QoS 1; answer with `predictionPublished`.
    ///
    /// `isBackfill` marks one that was scored before the connection was made.
    case publishPrediction(ReadingEntry, isBackfill: Bool)
    /// Subscribe the control connection to these topics at QoS 1.
    case subscribe([String])
    /// Publish the health message after filling in the shell's gauges: queue depth, store size.
    case publishHealth(HealthMessage)
    /// Publish a retained message at QoS 1 on the control connection.
    case publishRetained(topic: String, payload: [UInt8])
    /// Remember that pages up to this sequence are durable in the back office.
    case storePulled(through: Int64)
    /// Build a page of log entries after a sequence and answer the request with it.
    case sendLogPage(after: Int64, limit: Int, responseTopic: String, correlation: [UInt8])
    /// One line for the operator.
    case log(LogLine)
}

/// A constant message with its values: what an operator can act on or will search for.
package struct LogLine: Equatable, Sendable {
    package enum Level: Equatable, Sendable { case info, warning, error }

    package let level: Level
    package let message: String
    package let metadata: [String: String]

    package init(_ level: Level, _ message: String, _ metadata: [String: String] = [:]) {
        self.level = level
        self.message = message
        self.metadata = metadata
    }
}
