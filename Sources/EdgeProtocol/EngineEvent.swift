package import Prognostics
import StrictJSON

/// What maintenance says about one engine (`engines/{unit}/events`).
package struct EngineEvent: Equatable, Sendable {
    package enum Kind: Int, Equatable, Sendable, CaseIterable {
        /// Overhauled or washed after the cycle; the same engine goes on.
        case serviced = 1
        /// Taken off in working order: its life is cut off, not ended.
        case removed = 2
        /// Ended its life.
        case failed = 3

        /// The name in payloads and log lines.
        package var name: String {
            switch self {
            case .serviced: "serviced"
            case .removed: "removed"
            case .failed: "failed"
            }
        }
    }

    package let unit: UnitIdentifier
    package let kind: Kind
    /// The last cycle that the engine flew before.
    package let cycle: CycleCount

    package init(unit: UnitIdentifier, kind: Kind, cycle: CycleCount) {
        self.unit = unit
        self.kind = kind
        self.cycle = cycle
    }

    /// Decodes `{"event": "serviced", "cycle": 120}`; members of other names are refused, because
    /// an event that is half understood is worse than none.
    package init(
        payload: borrowing Span<UInt8>, unit: UnitIdentifier
    ) throws(PayloadError) {
        guard payload.count <= ProtocolLimits.eventSizeMax else {
            throw .event("It has more than \(ProtocolLimits.eventSizeMax) bytes.")
        }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(payload.count)
        for index in 0..<payload.count { bytes.append(payload[index]) }
        do throws(JSONError) {
            let limits = JSONLimits(sizeMax: ProtocolLimits.eventSizeMax, depthMax: 1)
            let reader = try JSONReader(parsing: bytes, limits: limits)
            try reader.allowOnly(["event", "cycle"])
            let name = try reader.string("event")
            guard let kind = Kind.allCases.first(where: { $0.name == name }) else {
                throw try reader.wrong("event", "serviced, removed or failed")
            }
            let number = try reader.integer("cycle", in: 1...Int64(CycleCount.limit))
            guard let cycle = CycleCount(Int32(number)) else {
                throw try reader.wrong("cycle", "1 to \(CycleCount.limit)")
            }
            self.init(unit: unit, kind: kind, cycle: cycle)
        } catch {
            throw .event(String(error.description.unicodeScalars.prefix(200)))
        }
    }

    /// The payload that says this.
    package var payload: [UInt8] {
        let object: JSON = ["event": .string(kind.name), "cycle": .integer(cycle.cycles)]
        return object.bytes
    }
}

/// An event with its place in an engine's life: a row of the device's log.
package struct EventEntry: Equatable, Sendable {
    /// Position in the device's log, shared with readings.
    package let sequence: Int64
    package let unit: UnitIdentifier
    /// The installation that the event is about.
    package let installation: Int32
    package let kind: EngineEvent.Kind
    package let cycle: CycleCount
    /// SHA-256 of the payload as it came.
    package let payloadHash: Digest
    package let receivedAt: Int64
    package let unprotected: Bool

    package init(
        sequence: Int64, unit: UnitIdentifier, installation: Int32, kind: EngineEvent.Kind,
        cycle: CycleCount, payloadHash: Digest, receivedAt: Int64, unprotected: Bool
    ) {
        self.sequence = sequence
        self.unit = unit
        self.installation = installation
        self.kind = kind
        self.cycle = cycle
        self.payloadHash = payloadHash
        self.receivedAt = receivedAt
        self.unprotected = unprotected
    }

    /// The members of a log line.
    var logMembers: [JSON.Member] {
        [
            JSON.Member(key: "kind", value: .string("event")),
            JSON.Member(key: "sequence", value: .integer(sequence)),
            JSON.Member(key: "unit", value: .string(unit.description)),
            JSON.Member(key: "installation", value: .integer(installation)),
            JSON.Member(key: "event", value: .string(kind.name)),
            JSON.Member(key: "cycle", value: .integer(cycle.cycles)),
            JSON.Member(key: "payload_hash", value: .string(payloadHash.description)),
            JSON.Member(key: "received_at", value: .integer(receivedAt)),
            JSON.Member(key: "unprotected", value: .bool(unprotected)),
        ]
    }
}
