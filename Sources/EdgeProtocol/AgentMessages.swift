package import Prognostics
package import StrictJSON

/// Who an agent is: its name, its fleet, and what it can run.
package struct AgentIdentity: Equatable, Sendable {
    package let agent: UnitIdentifier
    package let topics: Topics
    /// The feature spec that this binary implements.
    package let featureSpec: String
    /// The program's version.
    package let version: String
    /// Names one life of the device's log; a new file has a new one.
    package let storeID: String
    /// Topic filters of the readings that it takes in, for others to compare theirs with.
    package let readingsFilters: [String]

    package var fleet: UnitIdentifier { topics.fleet }

    package init(
        agent: UnitIdentifier, topics: Topics, featureSpec: String, version: String,
        storeID: String, readingsFilters: [String] = []
    ) {
        self.agent = agent
        self.topics = topics
        self.featureSpec = featureSpec
        self.version = version
        self.storeID = storeID
        self.readingsFilters = readingsFilters
    }
}

/// `agents/{agent}/status`: the program is there, or its Last Will says that it is not.
package enum StatusMessage {
    /// The retained message of a connected agent: `online` once it ingests, `connecting` before.
    package static func present(
        _ identity: AgentIdentity, runID: String?, isIngesting: Bool
    ) -> [UInt8] {
        let object: JSON = [
            "status": .string(isIngesting ? "online" : "connecting"),
            "agent": .string(identity.agent.description),
            "version": .string(identity.version),
            "feature_spec": .string(identity.featureSpec),
            "run_id": runID.map { .string($0) } ?? .string("none"),
            "store_id": .string(identity.storeID),
            "readings_filters": .array(identity.readingsFilters.map { .string($0) }),
        ]
        return object.bytes
    }

    /// The store that a status names, if it says that an agent is there.
    package static func storeID(presentIn payload: [UInt8]) -> String? {
        let limits = JSONLimits(sizeMax: ProtocolLimits.payloadSizeMax, depthMax: 4)
        guard let reader = try? JSONReader(parsing: payload, limits: limits),
            (try? reader.string("status")) != "offline"
        else { return nil }
        return try? reader.string("store_id")
    }

    /// The Last Will, and the word of an agent that stops.
    package static func offline(agent: UnitIdentifier, version: String) -> [UInt8] {
        let object: JSON = [
            "status": .string("offline"), "agent": .string(agent.description),
            "version": .string(version),
        ]
        return object.bytes
    }
}

/// `agents/{agent}/model`: what the agent shall run, what it runs, and why they differ.
package struct ModelReport: Equatable, Sendable {
    /// Where the delivery stands.
    package enum State: String, Equatable, Sendable {
        case none, fetching, verifying, shadow, held, refused, active
    }

    package var state: State
    package var targetRunID: String?
    package var targetDigest: Digest?
    package var targetCounter: Int64?
    package var reportedRunID: String?
    package var reportedDigest: Digest?
    /// The reported model serves and has not proved itself yet: it may be rolled back.
    package var onProbation = false
    /// What was refused last, or why the target is not running.
    package var reason: String?
    /// Blocks that the agent waits for; a push repairs them.
    package var missingBlocks: [Int] = []

    package init(state: State) { self.state = state }

    /// Makes an offer the target.
    package mutating func target(_ offer: ModelOffer) {
        targetRunID = offer.runID
        targetDigest = offer.digest
        targetCounter = offer.counter
        reason = nil
    }

    /// Reports what serves from now on.
    package mutating func serve(_ runID: String?, _ digest: Digest?) {
        reportedRunID = runID
        reportedDigest = digest
    }

    /// Reports an accepted offer that cannot serve.
    package mutating func refuse(_ offer: ModelOffer, reason: String, isHeld: Bool = false) {
        target(offer)
        state = isHeld ? .held : .refused
        self.reason = reason
        missingBlocks = []
    }

    /// The retained payload.
    package func encoded() -> [UInt8] {
        func text(_ value: String?) -> JSON { value.map { .string($0) } ?? .null }
        let object: JSON = [
            "state": .string(state.rawValue),
            "target": [
                "run_id": text(targetRunID), "digest": text(targetDigest?.description),
                "counter": targetCounter.map { .integer($0) } ?? .null,
            ],
            "reported": [
                "run_id": text(reportedRunID), "digest": text(reportedDigest?.description),
            ],
            "probation": .bool(onProbation),
            "reason": text(reason),
            "missing_blocks": .array(missingBlocks.map { .integer($0) }),
        ]
        return object.bytes
    }
}

/// `agents/{agent}/health`: accounting and the state of queue, disk and outbox.
package struct HealthMessage: Equatable, Sendable {
    package var accounting: Accounting
    /// Deliveries read from the broker and not committed yet: a gauge outside the sum.
    package var inFlight: Int
    /// Most windows that waited for a worker since the last message.
    package var queueDepthMax: Int
    /// Predictions that the broker has not acknowledged yet, as far as they are sent.
    package var outboxPending: Int
    /// Bytes of the database and its write-ahead log.
    package var storeSize: Int64
    package var residentUnits: Int
    package var runID: String?
    /// Units with gaps or refused readings, at most ``ProtocolLimits/healthUnitCountMax``.
    package var units: [(unit: UnitIdentifier, accounting: Accounting)]
    /// Damaged stores whose files still wait for somebody to look at them.
    package var salvages: [SalvageReport] = []
    /// The disk budget; the shell fills it in.
    package var disk = DiskReport()
    /// Times that the broker forgot this agent's session; the shell fills it in.
    package var sessionsLost: Int64 = 0
    /// The newest entry of the log: what lies after the last page pulled is its backlog.
    package var logSequence: Int64 = 0

    package init(
        accounting: Accounting, inFlight: Int, queueDepthMax: Int, outboxPending: Int,
        storeSize: Int64, residentUnits: Int, runID: String?,
        units: [(unit: UnitIdentifier, accounting: Accounting)]
    ) {
        self.accounting = accounting
        self.inFlight = inFlight
        self.queueDepthMax = queueDepthMax
        self.outboxPending = outboxPending
        self.storeSize = storeSize
        self.residentUnits = residentUnits
        self.runID = runID
        self.units = units
    }

    package static func == (lhs: Self, rhs: Self) -> Bool { lhs.encoded() == rhs.encoded() }

    /// `DEGRADED` while something is wrong that the agent cannot mend by itself.
    package var condition: String {
        salvages.isEmpty && !disk.isFull && disk.hasBallast ? "OK" : "DEGRADED"
    }

    /// The retained payload.
    package func encoded() -> [UInt8] {
        var members = [JSON.Member(key: "condition", value: .string(condition))]
        members += accounting.members
        members += [
            JSON.Member(key: "in_flight", value: .integer(inFlight)),
            JSON.Member(key: "queue_depth_max", value: .integer(queueDepthMax)),
            JSON.Member(key: "outbox_pending", value: .integer(outboxPending)),
            JSON.Member(key: "store_size", value: .integer(storeSize)),
            JSON.Member(key: "resident_units", value: .integer(residentUnits)),
            JSON.Member(key: "run_id", value: runID.map { .string($0) } ?? .string("none")),
            JSON.Member(key: "sessions_lost", value: .integer(sessionsLost)),
            JSON.Member(key: "log_sequence", value: .integer(logSequence)),
            JSON.Member(key: "disk", value: disk.json),
            JSON.Member(key: "salvages", value: .array(salvages.map(\.json))),
            JSON.Member(
                key: "units",
                value: .object(
                    units.map {
                        JSON.Member(
                            key: $0.unit.description, value: .object($0.accounting.members))
                    })),
        ]
        return JSON.object(members).bytes
    }
}

extension Accounting {
    /// The counters under the names of the health message.
    package var members: [JSON.Member] {
        [
            ("received", received), ("scored", scored), ("unscored", unscored),
            ("suppressed", suppressed), ("late", late), ("quarantined", quarantined),
            ("unprotected", unprotected), ("missing_cycles", missingCycles),
        ].map { JSON.Member(key: $0.0, value: .integer($0.1)) }
    }
}
