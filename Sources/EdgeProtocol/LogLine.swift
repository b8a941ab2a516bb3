package import Prognostics
package import StrictJSON

/// An entry as a line of a pulled page, and back.
extension LogEntry {
    /// The members of the entry's line.
    package var members: [JSON.Member] {
        switch self {
        case .reading(let entry): entry.logMembers
        case .quarantine(let entry): entry.logMembers
        case .event(let entry): entry.logMembers
        }
    }

    /// Decodes a line; writing the entry again gives the same bytes.
    package init(line: [UInt8]) throws(JSONError) {
        let reader = try JSONReader(parsing: line)
        switch try reader.string("kind") {
        case "reading": self = .reading(try ReadingEntry(reader))
        case "quarantine": self = .quarantine(try QuarantineEntry(reader))
        case "event": self = .event(try EventEntry(reader))
        default: throw try reader.wrong("kind", "reading, quarantine or event")
        }
    }
}

extension ReadingEntry {
    fileprivate init(_ reader: JSONReader) throws(JSONError) {
        let measured = try reader.object("reading")
        let cycle = try measured.cycle("cycle")
        guard try reader.cycle("cycle") == cycle else {
            throw try reader.wrong("cycle", "the cycle of its reading, \(cycle)")
        }
        var columns = InlineArray<24, Float>(repeating: 0)
        for (index, name) in ReadingDecoder.memberNames.enumerated() {
            columns[index] = try measured.float(name)
        }
        guard let outcome = Outcome.allCases.first(where: { $0.name == reader.text("outcome") })
        else { throw try reader.wrong("outcome", "scored, unscored or late") }
        self.init(
            sequence: try reader.sequence(),
            key: ReadingKey(
                unit: try reader.unit(), installation: try reader.installation(), cycle: cycle),
            snapshot: Snapshot(cycle: cycle, columns: columns),
            payloadHash: try reader.digest("payload_hash"), outcome: outcome,
            receivedAt: try reader.integer("received_at"),
            unprotected: try reader.bool("unprotected"),
            scoring: outcome == .scored ? try Scoring(reader) : nil)
    }
}

extension ReadingEntry.Scoring {
    fileprivate init(_ reader: JSONReader) throws(JSONError) {
        self.init(
            prediction: try Prediction(reader), runID: try reader.string("run_id"),
            latencyMicros: try reader.integer("latency_us"))
    }
}

extension Prediction {
    /// Reads what a log line, or the payload of a published prediction, says.
    package init(_ reader: JSONReader) throws(JSONError) {
        let (low, rul) = (try reader.float("rul_low"), try reader.float("rul"))
        let high = try reader.float("rul_high")
        guard 0 <= low, low <= rul, rul <= high, high <= Self.cap else {
            throw try reader.wrong("rul", "0 <= rul_low <= rul <= rul_high <= 125")
        }
        let probability = try reader.float("failure_probability")
        guard (0...1).contains(probability) else {
            throw try reader.wrong("failure_probability", "0 to 1")
        }
        let names = try reader.strings("flags")
        guard let flags = PredictionFlags(names: names) else {
            throw try reader.wrong("flags", "early, late_starter, age_clamped and gap, in order")
        }
        self.init(
            rul: rul, rulLow: low, rulHigh: high, failureProbability: probability, flags: flags)
    }
}

extension QuarantineEntry {
    fileprivate init(_ reader: JSONReader) throws(JSONError) {
        let hex = Array(try reader.string("payload_prefix").utf8)
        let values = hex.map { Character(UnicodeScalar($0)).hexDigitValue.map { UInt8($0) } }
        guard hex.count.isMultiple(of: 2), !values.contains(nil) else {
            throw try reader.wrong("payload_prefix", "hexadecimal digits")
        }
        let nibbles = values.compactMap(\.self)
        self.init(
            sequence: try reader.sequence(), topic: try reader.string("topic"),
            reason: try reader.string("reason"),
            payloadPrefix: stride(from: 0, to: nibbles.count, by: 2).map {
                nibbles[$0] << 4 | nibbles[$0 + 1]
            },
            payloadSize: Int(try reader.integer("payload_size", in: 0...Int64.max)),
            payloadHash: try reader.digest("payload_hash"),
            receivedAt: try reader.integer("received_at"))
    }
}

extension EventEntry {
    fileprivate init(_ reader: JSONReader) throws(JSONError) {
        let name = try reader.string("event")
        guard let kind = EngineEvent.Kind.allCases.first(where: { $0.name == name }) else {
            throw try reader.wrong("event", "serviced, removed or failed")
        }
        self.init(
            sequence: try reader.sequence(), unit: try reader.unit(),
            installation: try reader.installation(), kind: kind, cycle: try reader.cycle("cycle"),
            payloadHash: try reader.digest("payload_hash"),
            receivedAt: try reader.integer("received_at"),
            unprotected: try reader.bool("unprotected"))
    }
}

extension JSONReader {
    fileprivate func text(_ key: String) -> String? { try? string(key) }

    fileprivate func sequence() throws(JSONError) -> Int64 {
        try integer("sequence", in: 1...Int64.max)
    }

    /// The member `unit`.
    package func unit() throws(JSONError) -> UnitIdentifier {
        guard let unit = UnitIdentifier(try string("unit")) else {
            throw try wrong("unit", "[A-Za-z0-9._-]{1,64}")
        }
        return unit
    }

    /// The member `installation`, from 1.
    package func installation() throws(JSONError) -> Int32 {
        Int32(try integer("installation", in: 1...Int64(Int32.max)))
    }

    /// A cycle, from 1.
    package func cycle(_ key: String) throws(JSONError) -> CycleCount {
        let number = try integer(key, in: 1...Int64(CycleCount.limit))
        guard let cycle = CycleCount(Int32(number)) else {
            throw try wrong(key, "1 to \(CycleCount.limit)")
        }
        return cycle
    }

    fileprivate func digest(_ key: String) throws(JSONError) -> Digest {
        guard let digest = Digest(hex: try string(key)) else {
            throw try wrong(key, "64 hexadecimal digits")
        }
        return digest
    }
}
