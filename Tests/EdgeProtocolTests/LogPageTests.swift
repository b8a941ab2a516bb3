import EdgeProtocol
import Prognostics
import StrictJSON
import Testing

@Suite("Log pages")
struct LogPageTests {
    static func entry(
        sequence: Int64 = 41, unit: String = "7", runID: String = "xgboost-0123456789ab",
        outcome: Outcome = .scored, values: Float? = nil, micros: Int64 = 230,
        receivedAt: Int64 = 1_770_000_000_123
    ) throws -> ReadingEntry {
        var snapshot = try Fixture.decode(Fixture.row()).snapshot
        if let values {
            snapshot = Snapshot(
                cycle: try #require(CycleCount(20_000)), columns: .init(repeating: values))
        }
        let prediction = Prediction(
            rul: 98.25, rulLow: 80.5, rulHigh: 112.75, failureProbability: 1.1754944e-38,
            flags: [.early, .lateStarter, .ageClamped, .gap])
        return ReadingEntry(
            sequence: sequence,
            key: ReadingKey(
                unit: try Fixture.unit(unit), installation: values == nil ? 2 : .max,
                cycle: snapshot.cycle),
            snapshot: snapshot, payloadHash: try Fixture.digest(), outcome: outcome,
            receivedAt: receivedAt, unprotected: false,
            scoring: outcome == .scored
                ? .init(prediction: prediction, runID: runID, latencyMicros: micros) : nil)
    }

    static func quarantined(
        topic: String = "turbofan/v1/FD001/engines/7/readings", reason: String = "Too short.",
        prefix: [UInt8] = [0x00, 0xFF, 0x22], size: Int = 3, sequence: Int64 = 42
    ) throws -> QuarantineEntry {
        QuarantineEntry(
            sequence: sequence, topic: topic, reason: reason, payloadPrefix: prefix,
            payloadSize: size, payloadHash: try Fixture.digest(), receivedAt: .max)
    }

    static func header(count: Int, after: Int64 = 40, through: Int64 = 42) throws -> LogPage.Header
    {
        LogPage.Header(
            agent: try Fixture.unit("edge-1"), storeID: "0123456789abcdef", after: after,
            through: through, count: count, more: true)
    }

    /// The first entry's line of a page.
    static func firstLine(_ lines: [UInt8]) throws -> [UInt8] {
        let page = try LogPage(lines: lines)
        return try #require(page.entryLines.first)
    }

    @Test("A page reads its own lines back")
    func roundTrip() throws {
        let header = try Self.header(count: 2)
        let entries: [LogEntry] = [
            .reading(try Self.entry()), .quarantine(try Self.quarantined()),
        ]
        let lines = LogPage.lines(header, entries)
        let page = try LogPage(lines: lines)
        #expect(page.header == header)
        #expect(page.entryLines.count == 2)
        #expect(LogPage.lines(header, entries) == lines, "the same page has the same bytes")
    }

    @Test("A page without entries is a header")
    func emptyPage() throws {
        let header = try Self.header(count: 0, through: 40)
        #expect(try LogPage(lines: LogPage.lines(header, [])).entryLines.isEmpty)
    }

    @Test("A scored reading's line has the members that a pulled log promises")
    func scoredLine() throws {
        let lines = LogPage.lines(try Self.header(count: 1), [.reading(try Self.entry())])
        let line = try Self.firstLine(lines)
        let reader = try Fixture.reader(line)
        #expect(try reader.string("kind") == "reading")
        #expect(try reader.integer("sequence") == 41)
        #expect(try reader.string("unit") == "7")
        #expect(try reader.integer("installation") == 2)
        #expect(try reader.integer("cycle") == 12)
        #expect(try reader.string("outcome") == "scored")
        #expect(try reader.float("rul") == 98.25)
        #expect(try reader.float("rul_low") == 80.5)
        #expect(try reader.float("rul_high") == 112.75)
        #expect(try reader.float("failure_probability") == 1.1754944e-38)
        #expect(
            try reader.strings("flags") == ["early", "late_starter", "age_clamped", "gap"])
        #expect(try reader.string("run_id") == "xgboost-0123456789ab")
        #expect(try reader.string("payload_hash") == Fixture.digest().description)
        #expect(try reader.integer("received_at") == 1_770_000_000_123)
        #expect(try reader.bool("unprotected") == false)
        // The raw reading decodes to the very snapshot that was logged.
        let raw = try reader.value("reading")
        #expect(try Fixture.decode(raw.bytes).snapshot == Self.entry().snapshot)
    }

    @Test("A reading without a score says null where a score would stand", arguments: [2, 3])
    func unscoredLine(outcome: Int) throws {
        let outcome = try #require(Outcome(rawValue: outcome))
        let entry = try Self.entry(outcome: outcome)
        let lines = LogPage.lines(try Self.header(count: 1), [.reading(entry)])
        let reader = try Fixture.reader(try Self.firstLine(lines))
        for name in ["rul", "rul_low", "rul_high", "failure_probability", "flags", "run_id"] {
            #expect(try reader.value(name) == .null)
        }
        #expect(try reader.string("outcome") == outcome.name)
    }

    @Test("A quarantined payload's line has topic, reason, size and hexadecimal bytes")
    func quarantineLine() throws {
        let lines = LogPage.lines(
            try Self.header(count: 1), [.quarantine(try Self.quarantined(size: 70_000))])
        let reader = try Fixture.reader(try Self.firstLine(lines))
        #expect(try reader.string("kind") == "quarantine")
        #expect(try reader.string("topic") == "turbofan/v1/FD001/engines/7/readings")
        #expect(try reader.string("reason") == "Too short.")
        #expect(try reader.string("payload_prefix") == "00ff22")
        #expect(try reader.integer("payload_size") == 70_000)
    }

    @Test("A prediction payload has the members that maintenance systems read")
    func predictionPayload() throws {
        let reader = try Fixture.reader(try Self.entry().predictionPayload(isBackfill: true))
        #expect(
            reader.keys == [
                "unit", "installation", "cycle", "rul", "rul_low", "rul_high",
                "failure_probability", "flags", "run_id", "latency_us", "backfill",
            ])
        #expect(try reader.value("backfill") == .bool(true))
        #expect(try reader.string("unit") == "7")
        #expect(try reader.integer("latency_us") == 230)
    }

    @Test(
        "A line is never longer than its entry says, with the longest numbers and names",
        arguments: [
            .greatestFiniteMagnitude, -Float.greatestFiniteMagnitude, -Float.leastNormalMagnitude,
            -1.2345679e-38, -1.2345679e+38, -0.000123456789, -12_345_678.9,
        ] as [Float])
    func longestReading(value: Float) throws {
        let text = String(repeating: "x", count: 64)
        let entry = LogEntry.reading(
            try Self.entry(
                sequence: .max, unit: text, runID: text, values: value, micros: .min,
                receivedAt: .min))
        let size = LogPage.lines(try Self.header(count: 1), [entry]).count
        let headerSize = LogPage.lines(try Self.header(count: 1), []).count
        #expect(size - headerSize <= entry.lineSizeMax)
    }

    @Test(
        "A quarantine line is never longer than its entry says, whatever it must escape",
        arguments: ["", "\u{1}", "\u{7F}", "é", "\u{FFFD}", "\u{1F6EB}", "\"", "a\u{301}"])
    func longestQuarantine(text: String) throws {
        let long = String(repeating: text, count: 500)
        let entry = LogEntry.quarantine(
            try Self.quarantined(
                topic: long, reason: long, prefix: [UInt8](repeating: 0xFF, count: 1_024),
                size: .max, sequence: .max))
        let size = LogPage.lines(try Self.header(count: 1), [entry]).count
        let headerSize = LogPage.lines(try Self.header(count: 1), []).count
        #expect(size - headerSize <= entry.lineSizeMax)
    }

    @Test("A page that lacks a line or has one too many is refused", arguments: [0, 1, 3])
    func mismatch(count: Int) throws {
        let entries: [LogEntry] = [
            .reading(try Self.entry()), .quarantine(try Self.quarantined()),
        ]
        let lines = LogPage.lines(try Self.header(count: count), entries)
        #expect(throws: JSONError.self) { try LogPage(lines: lines) }
    }

    @Test(
        "A header with a wrong member is refused",
        arguments: [
            ("\"kind\":\"page\"", "\"kind\":\"reading\""), ("\"agent\":\"edge-1\",", ""),
            ("\"edge-1\"", "\"../edge\""), ("\"0123456789abcdef\"", "\"\""),
            ("\"0123456789abcdef\"", "\"../../etc\""), ("\"after\":40", "\"after\":-1"),
            ("\"through\":42", "\"through\":39"), ("\"count\":0", "\"count\":1001"),
            ("\"count\":0", "\"count\":-1"), ("\"more\":true", "\"more\":1"), ("}", ""),
        ])
    func refusedHeader(part: String, replacement: String) throws {
        let text = String(decoding: LogPage.lines(try Self.header(count: 0), []), as: UTF8.self)
        let changed = text.replacing(part, with: replacement)
        #expect(changed != text)
        #expect(throws: JSONError.self) { try LogPage(lines: Array(changed.utf8)) }
    }

    @Test("Bytes that are no page are refused", arguments: ["", "\n", "{}", "[]", "\u{0}"])
    func garbage(text: String) {
        #expect(throws: JSONError.self) { try LogPage(lines: Array(text.utf8)) }
    }
}

@Suite("Log requests")
struct LogRequestTests {
    @Test("A request reads its own payload back")
    func roundTrip() throws {
        let requests = [
            LogRequest(storeID: nil, after: 0),
            LogRequest(storeID: "0123456789abcdef", after: .max, limit: 1),
            LogRequest(storeID: String(repeating: "x", count: 64), after: 5, limit: 1_000),
        ]
        for request in requests {
            #expect(try LogRequest(payload: request.payload) == request)
            #expect(request.payload.count <= ProtocolLimits.logRequestSizeMax)
        }
    }

    @Test(
        "A request with a missing or wrong member is refused",
        arguments: [
            "", "{}", "null", "{\"store_id\":null,\"after\":0}", "{\"after\":0,\"limit\":1}",
            "{\"store_id\":7,\"after\":0,\"limit\":1}",
            "{\"store_id\":null,\"after\":-1,\"limit\":1}",
            "{\"store_id\":null,\"after\":0,\"limit\":0}",
            "{\"store_id\":null,\"after\":0,\"limit\":1001}",
            "{\"store_id\":null,\"after\":0.5,\"limit\":1}",
            "{\"store_id\":null,\"after\":\"0\",\"limit\":1}",
            "{\"store_id\":null,\"after\":0,\"limit\":1}" + String(repeating: " ", count: 1_024),
        ])
    func refused(payload: String) {
        #expect(throws: JSONError.self) { try LogRequest(payload: Array(payload.utf8)) }
    }
}
