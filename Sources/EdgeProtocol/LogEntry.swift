package import Prognostics

/// What happened to one delivery that left a row in the device's log.
package enum Outcome: Int, Equatable, Sendable, CaseIterable {
    /// Applied and scored by the model then active.
    case scored = 1
    /// Applied while no model was active; never scored later on the device.
    case unscored = 2
    /// Below the unit's last cycle: logged, not applied.
    case late = 3

    /// The name in log lines.
    package var name: String {
        switch self {
        case .scored: "scored"
        case .unscored: "unscored"
        case .late: "late"
        }
    }
}

/// A reading with its outcome: a row of the device's log and a line of a pulled page.
package struct ReadingEntry: Equatable, Sendable {
    /// Position in the device's log; unique within one `store_id`, in order of arrival.
    package let sequence: Int64
    package let key: ReadingKey
    package let snapshot: Snapshot
    /// SHA-256 of the snapshot's canonical bytes.
    package let payloadHash: Digest
    package let outcome: Outcome
    /// Milliseconds since 1970 by the device's clock, which may be wrong.
    package let receivedAt: Int64
    /// Published at QoS 0: the broker promised nothing for it.
    package let unprotected: Bool
    /// Present exactly when the outcome is `scored`.
    package let scoring: Scoring?

    /// The model's word on a reading.
    package struct Scoring: Equatable, Sendable {
        package let prediction: Prediction
        package let runID: String
        /// Microseconds from the reading's arrival to its prediction.
        package let latencyMicros: Int64

        package init(prediction: Prediction, runID: String, latencyMicros: Int64) {
            self.prediction = prediction
            self.runID = runID
            self.latencyMicros = latencyMicros
        }
    }

    /// - Precondition: There is a scoring exactly when the outcome is `scored`.
    package init(
        sequence: Int64, key: ReadingKey, snapshot: Snapshot, payloadHash: Digest,
        outcome: Outcome, receivedAt: Int64, unprotected: Bool, scoring: Scoring?
    ) {
        precondition((outcome == .scored) == (scoring != nil), "scored means that it has a score")
        precondition(key.cycle == snapshot.cycle, "the key is the snapshot's")
        self.sequence = sequence
        self.key = key
        self.snapshot = snapshot
        self.payloadHash = payloadHash
        self.outcome = outcome
        self.receivedAt = receivedAt
        self.unprotected = unprotected
        self.scoring = scoring
    }
}

/// A refused payload: why, and enough of it to find its publisher.
package struct QuarantineEntry: Equatable, Sendable {
    /// Position in the device's log, shared with readings.
    package let sequence: Int64
    package let topic: String
    package let reason: String
    /// The payload's first ``ProtocolLimits/quarantinePayloadSizeMax`` bytes.
    package let payloadPrefix: [UInt8]
    /// Bytes of the whole payload.
    package let payloadSize: Int
    /// SHA-256 of the whole payload.
    package let payloadHash: Digest
    package let receivedAt: Int64

    package init(
        sequence: Int64, topic: String, reason: String, payloadPrefix: [UInt8], payloadSize: Int,
        payloadHash: Digest, receivedAt: Int64
    ) {
        self.sequence = sequence
        self.topic = topic
        self.reason = reason
        self.payloadPrefix = payloadPrefix
        self.payloadSize = payloadSize
        self.payloadHash = payloadHash
        self.receivedAt = receivedAt
    }
}

/// One line of a pulled page.
package enum LogEntry: Equatable, Sendable {
    case reading(ReadingEntry)
    case quarantine(QuarantineEntry)
    case event(EventEntry)

    package var sequence: Int64 {
        switch self {
        case .event(let entry): entry.sequence
        case .reading(let entry): entry.sequence
        case .quarantine(let entry): entry.sequence
        }
    }

    /// Milliseconds since 1970 by the device's clock, which may be wrong.
    package var receivedAt: Int64 {
        switch self {
        case .event(let entry): entry.receivedAt
        case .reading(let entry): entry.receivedAt
        case .quarantine(let entry): entry.receivedAt
        }
    }

    /// The most bytes that the entry's log line takes: every character may need an escape.
    package var lineSizeMax: Int {
        switch self {
        case .reading: ProtocolLimits.readingLineSizeMax
        case .event: 512
        case .quarantine(let entry):
            512 + 2 * entry.payloadPrefix.count
                + 6 * (entry.topic.utf8.count + entry.reason.utf8.count)
        }
    }
}
