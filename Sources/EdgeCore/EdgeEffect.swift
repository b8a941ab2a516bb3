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
}

/// What one transaction writes: all of it or nothing.
package struct Batch: Equatable, Sendable {
    package var readings: [ReadingEntry] = []
    package var quarantined: [QuarantineEntry] = []
    package var checkpoints: [Checkpoint] = []
    /// New records of the units that the batch touched, in order of first touch.
    package var units: [(unit: UnitIdentifier, record: UnitRecord)] = []
    /// The agent's counters after the batch.
    package var accounting = Accounting()
    /// Predictions up to this log sequence are known to be with the broker.
    package var publishedThrough: Int64 = 0

    package init() {}

    package static func == (lhs: Self, rhs: Self) -> Bool {
        lhs.readings == rhs.readings && lhs.quarantined == rhs.quarantined
            && lhs.checkpoints == rhs.checkpoints && lhs.accounting == rhs.accounting
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
}

/// Something the shell does, in the order given; its answers come back as inputs.
package enum EdgeEffect: Sendable {
    /// Read a unit's record, checkpoint and raw readings; answer with `unitLoaded`.
    case loadUnit(UnitIdentifier, parameters: Digest?)
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
