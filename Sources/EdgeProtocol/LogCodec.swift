package import Prognostics
package import StrictJSON

extension ReadingEntry {
    /// The payload on `engines/{unit}/predictions`.
    ///
    /// `isBackfill` marks a prediction that goes out long after its reading came in.
    /// - Precondition: The reading is scored.
    package func predictionPayload(isBackfill: Bool) -> [UInt8] {
        guard let scoring else { preconditionFailure("an unscored reading has no prediction") }
        var members = identityMembers + scoring.members
        members.append(JSON.Member(key: "latency_us", value: .integer(scoring.latencyMicros)))
        members.append(JSON.Member(key: "backfill", value: .bool(isBackfill)))
        return JSON.object(members).bytes
    }

    private var identityMembers: [JSON.Member] {
        [
            JSON.Member(key: "unit", value: .string(key.unit.description)),
            JSON.Member(key: "installation", value: .integer(key.installation)),
            JSON.Member(key: "cycle", value: .integer(key.cycle.cycles)),
        ]
    }

    /// The members of a log line.
    var logMembers: [JSON.Member] {
        var members = [
            JSON.Member(key: "kind", value: .string("reading")),
            JSON.Member(key: "sequence", value: .integer(sequence)),
        ]
        members += identityMembers
        members.append(JSON.Member(key: "outcome", value: .string(outcome.name)))
        members += scoring?.members ?? Scoring.absentMembers
        members += [
            JSON.Member(
                key: "latency_us", value: scoring.map { .integer($0.latencyMicros) } ?? .null),
            JSON.Member(key: "payload_hash", value: .string(payloadHash.description)),
            JSON.Member(key: "received_at", value: .integer(receivedAt)),
            JSON.Member(key: "unprotected", value: .bool(unprotected)),
            JSON.Member(key: "reading", value: .object(snapshot.members)),
        ]
        return members
    }
}

extension ReadingEntry.Scoring {
    fileprivate var members: [JSON.Member] {
        [
            JSON.Member(key: "rul", value: .float(prediction.rul)),
            JSON.Member(key: "rul_low", value: .float(prediction.rulLow)),
            JSON.Member(key: "rul_high", value: .float(prediction.rulHigh)),
            JSON.Member(key: "failure_probability", value: .float(prediction.failureProbability)),
            JSON.Member(
                key: "flags", value: .array(prediction.flags.names.map { .string($0) })),
            JSON.Member(key: "run_id", value: .string(runID)),
        ]
    }

    fileprivate static let absentMembers: [JSON.Member] = [
        "rul", "rul_low", "rul_high", "failure_probability", "flags", "run_id",
    ].map { JSON.Member(key: $0, value: .null) }
}

extension QuarantineEntry {
    /// The members of a log line; payload bytes are hexadecimal, because they may be anything.
    var logMembers: [JSON.Member] {
        let digits = Array("0123456789abcdef".utf8)
        let hex = payloadPrefix.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }
        return [
            JSON.Member(key: "kind", value: .string("quarantine")),
            JSON.Member(key: "sequence", value: .integer(sequence)),
            JSON.Member(key: "topic", value: .string(topic)),
            JSON.Member(key: "reason", value: .string(reason)),
            JSON.Member(key: "payload_size", value: .integer(payloadSize)),
            JSON.Member(key: "payload_hash", value: .string(payloadHash.description)),
            JSON.Member(
                key: "payload_prefix", value: .string(String(decoding: hex, as: UTF8.self))),
            JSON.Member(key: "received_at", value: .integer(receivedAt)),
        ]
    }
}

/// A request for one page of a device's log; it acknowledges the page before.
package struct LogRequest: Equatable, Sendable {
    /// The device log that `after` counts in; `nil` asks for whatever log there is, from its start.
    package let storeID: String?
    /// Entries up to this sequence are durable in the back office: the device may release them.
    package let after: Int64
    /// Most entries of the page, in `1...pageEntryCountMax`.
    package let limit: Int

    package init(storeID: String?, after: Int64, limit: Int = ProtocolLimits.pageEntryCountMax) {
        precondition(after >= 0 && (1...ProtocolLimits.pageEntryCountMax).contains(limit))
        self.storeID = storeID
        self.after = after
        self.limit = limit
    }

    /// The request's payload.
    package var payload: [UInt8] {
        let object: JSON = [
            "store_id": storeID.map { .string($0) } ?? .null, "after": .integer(after),
            "limit": .integer(limit),
        ]
        return object.bytes
    }

    /// Decodes a request.
    package init(payload: [UInt8]) throws(JSONError) {
        let limits = JSONLimits(sizeMax: ProtocolLimits.logRequestSizeMax, depthMax: 2)
        let reader = try JSONReader(parsing: payload, limits: limits)
        storeID = try reader.value("store_id") == .null ? nil : reader.string("store_id")
        guard storeID.map({ UnitIdentifier($0) != nil }) ?? true else {
            throw try reader.wrong("store_id", "[A-Za-z0-9._-]{1,64}")
        }
        after = try reader.integer("after", in: 0...Int64.max)
        limit = Int(
            try reader.integer("limit", in: 1...Int64(ProtocolLimits.pageEntryCountMax)))
    }
}

/// One page of a device's log: JSON lines, of which the first is the header.
///
/// The wire form is gzip of these lines; the same page always has the same bytes.
package struct LogPage: Equatable, Sendable {
    /// The page's first line.
    package struct Header: Equatable, Sendable {
        package let agent: UnitIdentifier
        package let storeID: String
        /// The sequence that the request asked to go on from.
        package let after: Int64
        /// The sequence to ask from next: no entry up to here is left out.
        package let through: Int64
        /// Entries of the page.
        package let count: Int
        /// Whether the log holds entries beyond `through`.
        package let more: Bool

        package init(
            agent: UnitIdentifier, storeID: String, after: Int64, through: Int64, count: Int,
            more: Bool
        ) {
            self.agent = agent
            self.storeID = storeID
            self.after = after
            self.through = through
            self.count = count
            self.more = more
        }

        fileprivate var line: JSON {
            [
                "kind": .string("page"), "agent": .string(agent.description),
                "store_id": .string(storeID), "after": .integer(after),
                "through": .integer(through), "count": .integer(count), "more": .bool(more),
            ]
        }

        /// Decodes a page's first line.
        package init(line: [UInt8]) throws(JSONError) {
            let reader = try JSONReader(parsing: line)
            guard try reader.string("kind") == "page" else {
                throw try reader.wrong("kind", "'page'")
            }
            guard let agent = UnitIdentifier(try reader.string("agent")) else {
                throw try reader.wrong("agent", "an agent identifier")
            }
            guard UnitIdentifier(try reader.string("store_id")) != nil else {
                throw try reader.wrong("store_id", "[A-Za-z0-9._-]{1,64}")
            }
            let after = try reader.integer("after", in: 0...Int64.max)
            self.init(
                agent: agent, storeID: try reader.string("store_id"), after: after,
                through: try reader.integer("through", in: after...Int64.max),
                count: Int(
                    try reader.integer("count", in: 0...Int64(ProtocolLimits.pageEntryCountMax))),
                more: try reader.bool("more"))
        }
    }

    /// The lines of a page, uncompressed.
    package static func lines(_ header: Header, _ entries: [LogEntry]) -> [UInt8] {
        var bytes: [UInt8] = []
        JSONWriter.write(header.line, to: &bytes)
        bytes.append(UInt8(ascii: "\n"))
        for entry in entries {
            JSONWriter.write(.object(entry.members), to: &bytes)
            bytes.append(UInt8(ascii: "\n"))
        }
        return bytes
    }

    package let header: Header
    /// The entries' lines, without line ends, in order of sequence.
    package let entryLines: [[UInt8]]

    /// Splits the lines of a received page and checks them against their header.
    package init(lines: [UInt8]) throws(JSONError) {
        let parts = lines.split(separator: UInt8(ascii: "\n")).map { Array($0) }
        header = try Header(line: parts.first ?? [])
        entryLines = Array(parts.dropFirst())
        guard entryLines.count == header.count else {
            throw .field(
                path: "count", expected: "\(header.count) lines", seen: "\(entryLines.count)")
        }
    }
}
