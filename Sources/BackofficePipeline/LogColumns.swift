import EdgeProtocol
import Parquet
import Prognostics

/// A log table's columns while they become entries.
struct LogColumns {
    private let kinds: [String]
    private let sequences: [Int64]
    private let units: [String?]
    private let installations: [Int32?]
    private let cycles: [Int32?]
    private let outcomes: [String?]
    private let events: [String?]
    /// `rul`, `rul_low`, `rul_high` and `failure_probability`.
    private let predictions: [[Float?]]
    private let flags: [String?]
    private let runIDs: [String?]
    private let latencies: [Int64?]
    private let topics: [String?]
    private let reasons: [String?]
    private let payloadSizes: [Int64?]
    private let payloadPrefixes: [[UInt8]?]
    private let payloadHashes: [String]
    private let times: [Int64]
    private let unprotected: [Bool?]
    private let measurements: [[Float?]]

    init(_ table: ParquetTable) throws(ParquetError) {
        func floats(_ names: [String]) throws(ParquetError) -> [[Float?]] {
            var columns: [[Float?]] = []
            for name in names { columns.append(try table.column(name).optionalFloats()) }
            return columns
        }
        kinds = try table.column("kind").strings()
        sequences = try table.column("sequence").int64s()
        units = try table.column("unit").optionalStrings()
        installations = try table.column("installation").optionalInt32s()
        cycles = try table.column("cycle").optionalInt32s()
        outcomes = try table.column("outcome").optionalStrings()
        events = try table.column("event").optionalStrings()
        predictions = try floats(["rul", "rul_low", "rul_high", "failure_probability"])
        flags = try table.column("flags").optionalStrings()
        runIDs = try table.column("run_id").optionalStrings()
        latencies = try table.column("latency_us").optionalInt64s()
        topics = try table.column("topic").optionalStrings()
        reasons = try table.column("reason").optionalStrings()
        payloadSizes = try table.column("payload_size").optionalInt64s()
        payloadPrefixes = try table.column("payload_prefix").optionalBytes()
        payloadHashes = try table.column("payload_hash").strings()
        times = try table.column("received_at").int64s()
        unprotected = try table.column("unprotected").optionalBooleans()
        measurements = try floats(ReadingDecoder.memberNames)
    }

    /// The entry of a row; nil where a value is missing or none that an entry can have.
    func entry(_ row: Int) -> LogEntry? {
        guard sequences[row] >= 1, let hash = Digest(hex: payloadHashes[row]) else { return nil }
        switch kinds[row] {
        case "reading": return reading(row, hash).map { .reading($0) }
        case "event": return event(row, hash).map { .event($0) }
        case "quarantine": return quarantine(row, hash).map { .quarantine($0) }
        default: return nil
        }
    }

    private func reading(_ row: Int, _ hash: Digest) -> ReadingEntry? {
        guard let key = key(row), let unprotected = unprotected[row],
            let outcome = Outcome.allCases.first(where: { $0.name == outcomes[row] })
        else { return nil }
        var columns = InlineArray<24, Float>(repeating: 0)
        for index in 0..<Snapshot.columnCount {
            guard let value = measurements[index][row], value.isFinite else { return nil }
            columns[index] = value
        }
        let scoring = scoring(row)
        guard (outcome == .scored) == (scoring != nil) else { return nil }
        return ReadingEntry(
            sequence: sequences[row], key: key,
            snapshot: Snapshot(cycle: key.cycle, columns: columns), payloadHash: hash,
            outcome: outcome, receivedAt: times[row], unprotected: unprotected, scoring: scoring)
    }

    private func key(_ row: Int) -> ReadingKey? {
        guard let unit = units[row].flatMap({ UnitIdentifier($0) }),
            let installation = installations[row], installation >= 1,
            let cycle = cycles[row].flatMap({ CycleCount($0) })
        else { return nil }
        return ReadingKey(unit: unit, installation: installation, cycle: cycle)
    }

    private func scoring(_ row: Int) -> ReadingEntry.Scoring? {
        let numbers = predictions.compactMap { $0[row] }
        guard numbers.count == predictions.count, let runID = runIDs[row],
            let latency = latencies[row], let names = flags[row]
        else { return nil }
        let (rul, low, high, probability) = (numbers[0], numbers[1], numbers[2], numbers[3])
        guard 0 <= low, low <= rul, rul <= high, high <= Prediction.cap,
            (0...1).contains(probability),
            let flags = PredictionFlags(names: names.split(separator: ",").map(String.init))
        else { return nil }
        return ReadingEntry.Scoring(
            prediction: Prediction(
                rul: rul, rulLow: low, rulHigh: high, failureProbability: probability,
                flags: flags),
            runID: runID, latencyMicros: latency)
    }

    private func event(_ row: Int, _ hash: Digest) -> EventEntry? {
        guard let key = key(row), let unprotected = unprotected[row],
            let kind = EngineEvent.Kind.allCases.first(where: { $0.name == events[row] })
        else { return nil }
        return EventEntry(
            sequence: sequences[row], unit: key.unit, installation: key.installation, kind: kind,
            cycle: key.cycle, payloadHash: hash, receivedAt: times[row], unprotected: unprotected)
    }

    private func quarantine(_ row: Int, _ hash: Digest) -> QuarantineEntry? {
        guard let topic = topics[row], let reason = reasons[row], let size = payloadSizes[row],
            size >= 0, let prefix = payloadPrefixes[row]
        else { return nil }
        return QuarantineEntry(
            sequence: sequences[row], topic: topic, reason: reason, payloadPrefix: prefix,
            payloadSize: Int(size), payloadHash: hash, receivedAt: times[row])
    }
}
