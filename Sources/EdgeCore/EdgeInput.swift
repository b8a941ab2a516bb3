package import EdgeProtocol
package import Features
package import Inference
package import Prognostics

/// What the clocks said when an input arrived.
package struct Instant: Equatable, Sendable {
    /// Milliseconds since 1970 by the device's clock, which may be wrong.
    package let wallMillis: Int64
    /// Microseconds of a clock that never jumps.
    package let monotonicMicros: Int64

    package init(wallMillis: Int64, monotonicMicros: Int64) {
        self.wallMillis = wallMillis
        self.monotonicMicros = monotonicMicros
    }

    /// Milliseconds of the clock that never jumps.
    package var monotonicMillis: Int64 { monotonicMicros / 1_000 }
}

/// One message from the ingest connection, decoded as far as its own bytes allow.
package struct Delivery: Equatable, Sendable {
    /// What the bytes were.
    package enum Content: Equatable, Sendable {
        case reading(Reading)
        case event(EngineEvent)
        /// The payload's first bytes, for quarantine.
        case refused(PayloadError, payloadPrefix: [UInt8], payloadSize: Int)
    }

    package let content: Content
    /// SHA-256 of the snapshot's canonical bytes, or of the whole refused payload.
    package let payloadHash: Digest
    /// The topic the message came on; quarantine names it.
    package let topic: String
    /// The unit that it is about; `nil` for a refused payload.
    var unit: UnitIdentifier? {
        switch content {
        case .reading(let reading): reading.unit
        case .event(let event): event.unit
        case .refused: nil
        }
    }
    /// Published at QoS 0.
    package let unprotected: Bool
    package let receivedAt: Instant

    package init(
        content: Content, payloadHash: Digest, topic: String, unprotected: Bool,
        receivedAt: Instant
    ) {
        self.content = content
        self.payloadHash = payloadHash
        self.topic = topic
        self.unprotected = unprotected
        self.receivedAt = receivedAt
    }
}

/// What the store knows about a unit: its record, and the raw readings that rebuild its state.
package struct UnitHistory: Sendable {
    package let unit: UnitIdentifier
    /// `nil` for a unit never seen before.
    package let record: UnitRecord?
    /// The newest readable checkpoint of this installation under the asked parameters.
    package let checkpoint: FeatureState?
    /// Applied readings of this installation after the checkpoint, in order of cycle.
    package let replay: [Snapshot]
    /// What events say about this installation.
    package let marks: [EngineMark]

    package init(
        unit: UnitIdentifier, record: UnitRecord?, checkpoint: FeatureState?, replay: [Snapshot],
        marks: [EngineMark] = []
    ) {
        self.marks = marks
        self.unit = unit
        self.record = record
        self.checkpoint = checkpoint
        self.replay = replay
    }
}

/// The durable facts about a unit that every decision on its next reading needs.
package struct UnitRecord: Equatable, Sendable {
    /// Counts the engines that carried this identifier, from 1.
    package var installation: Int32
    /// The highest cycle of this installation that was applied; 0 if none.
    package var lastCycle: Int32
    package var accounting: Accounting

    package init(installation: Int32, lastCycle: Int32, accounting: Accounting) {
        self.installation = installation
        self.lastCycle = lastCycle
        self.accounting = accounting
    }
}

/// One row that the store holds for a unit and a cycle, in whichever installation.
package struct KnownReading: Equatable, Sendable {
    package let installation: Int32
    /// `nil` for a released reading of which only the cycle is remembered.
    package let payloadHash: Digest?

    package init(installation: Int32, payloadHash: Digest?) {
        self.installation = installation
        self.payloadHash = payloadHash
    }
}

/// A verified model, ready to serve.
package struct ActiveModel: Sendable {
    package let digest: Digest
    package let runID: String
    package let plan: InferencePlan
    package let parameters: FeatureParameters
    /// SHA-256 of the parameters' canonical bytes: the key of every cached feature state.
    package let parametersDigest: Digest

    package init(
        digest: Digest, runID: String, plan: InferencePlan, parameters: FeatureParameters,
        parametersDigest: Digest
    ) {
        self.digest = digest
        self.runID = runID
        self.plan = plan
        self.parameters = parameters
        self.parametersDigest = parametersDigest
    }
}

/// A message on the offer topic.
package struct OfferReceipt: Equatable, Sendable {
    /// The payload as received; empty when the retained offer was cleared.
    package let bytes: [UInt8]
    /// Whether one of the device's trusted keys signed the payload.
    package let isAuthentic: Bool

    package init(bytes: [UInt8], isAuthentic: Bool) {
        self.bytes = bytes
        self.isAuthentic = isAuthentic
    }
}

/// What the workers found when they checked a complete candidate.
package enum VerificationOutcome: Sendable {
    /// Digest, decoding and golden trajectories agree, bit for bit.
    case passed(ActiveModel)
    /// The bundle must not serve.
    case failed(reason: String)
    /// The stored blocks are not those that were checked when they arrived.
    case damaged(reason: String)
}

/// One thing that happened; the machine answers with effects.
package enum EdgeInput: Sendable {
    /// The control connection is up.
    case controlConnected(Instant)
    case controlDisconnected
    /// The broker granted the ingest connection's subscriptions: readings arrive from now on.
    case ingestSubscribed
    case ingestDisconnected
    /// Somebody called this agent offline: the Last Will of a connection that died long ago.
    case statusOverwritten
    /// A message of the ingest connection.
    case delivery(Delivery)
    /// Answers ``EdgeEffect/loadUnit(_:parameters:)``.
    case unitLoaded(UnitHistory)
    /// Answers ``EdgeEffect/lookUpReading(_:cycle:)``.
    case readingLookedUp([KnownReading])
    /// Answers ``EdgeEffect/lookUpEvents(_:installation:)``.
    case eventsLookedUp(EventHistory)
    /// Answers one ``EdgeEffect/score(_:)``; `runMicros` is the processor time of the model alone.
    case scored(ticket: Int, Prediction, latencyMicros: Int64, runMicros: Int64 = 0)
    /// Everything that the socket held has been delivered, or the batch is as large as allowed.
    case drained
    /// Answers ``EdgeEffect/commit(_:)``.
    case committed(Instant)
    /// The commit failed and the store is as it was before the batch.
    case commitFailed(reason: String)

    /// A retained offer arrived; the shell says whether a trusted key signed it.
    case offer(OfferReceipt, Instant)
    /// A block arrived; the shell computed its digest.
    case block(bundle: Digest, index: Int, bytes: [UInt8], digest: Digest, Instant)
    /// Answers ``EdgeEffect/storeModel(_:)`` when nothing was written: what the store holds still.
    case modelNotStored(ModelShelf, reason: String, Instant)
    /// Answers ``EdgeEffect/verify(bundle:offer:)``.
    case verified(bundle: Digest, VerificationOutcome, Instant)
    /// Answers ``EdgeEffect/load(bundle:)``.
    case loaded(bundle: Digest, VerificationOutcome)
    /// Answers ``EdgeEffect/listShadowUnits(bundle:limit:)``.
    case shadowUnits(bundle: Digest, [UnitIdentifier])
    /// Answers ``EdgeEffect/readShadow(bundle:_:limit:)``, oldest reading first.
    case shadowRead(bundle: Digest, [Snapshot], marks: [EngineMark])
    /// Answers ``EdgeEffect/shadow(_:)``.
    case shadowed(ShadowSlice.Outcome)

    /// Answers ``EdgeEffect/readOutbox(after:limit:)``; `through` is the last sequence looked at.
    case outboxRead([ReadingEntry], through: Int64)
    /// The broker acknowledged the prediction of this log sequence.
    case predictionPublished(sequence: Int64)
    /// A request for a log page.
    case logRequest(LogRequest, responseTopic: String, correlation: [UInt8])
    /// Time passed; at least once a second.
    case tick(Instant)
}
