import Datasets
import Drift
import EdgeProtocol
import Features
import Inference
import ModelBundle
import Parquet
import Prognostics
import Sodium
import StrictJSON
import Zlib

/// Real payloads to begin with: whatever has an encoder comes out of that encoder.
extension DecoderCheck {
    package func seeds() throws -> [[UInt8]] {
        switch self {
        case .row: try [1, 2].map { try Seeds.row(cycle: $0) }
        case .reading: [try Seeds.row(cycle: 1), JSON.object(try Seeds.snapshot(3).members).bytes]
        case .event:
            try EngineEvent.Kind.allCases.map { kind in
                EngineEvent(
                    unit: PayloadChecks.unit, kind: kind, cycle: try Seeds.snapshot(120).cycle
                ).payload
            }
        case .topic: Seeds.topics.map { Array($0.utf8) }
        case .offer: try Seeds.offers().map(\.payload)
        case .signedOffer:
            try zip(Seeds.offers(), Seeds.signatures).map { offer, signature in
                try SignedOffer(signature: signature, payload: offer.payload).bytes
            }
        case .block: [[0, 17] + (try Seeds.bundles()[0]), [1, 2, 3]]
        case .bundle: try Seeds.bundles()
        case .container:
            [
                SafetensorsFile(
                    metadata: ["format": "x"],
                    tensors: [
                        Tensor(name: "a", type: .f32, shape: [2], bytes: [0, 0, 0, 0, 1, 2, 3, 4]),
                        Tensor(name: "b", type: .u8, shape: [1, 3], bytes: [1, 2, 3]),
                    ]
                ).encoded()
            ]
        case .logRequest:
            [
                LogRequest(storeID: nil, after: 0).payload,
                LogRequest(storeID: "0123456789abcdef", after: 4_711, limit: 12).payload,
            ]
        case .logPage: [try Seeds.logPage()]
        case .status:
            [
                StatusMessage.offline(agent: PayloadChecks.unit, version: "1"),
                Array(#"{"status":"online","agent":"edge-1","store_id":"0123456789abcdef"}"#.utf8),
            ]
        case .sketch: [try Seeds.sketch().payload]
        case .snapshot: try [1, 20_000].map { try Seeds.snapshot($0).canonicalBytes }
        case .checkpoint: try [0, 1, 31, 70].map { try Seeds.checkpoint(snapshots: $0) }
        case .environment: Seeds.environments.map { Array($0.utf8) }
        case .keyFile: Seeds.keyFiles()
        case .cmapss: try Seeds.trajectories()
        case .ruls: [Array("112 \n98 \n0 \n".utf8), Array("7\r\n".utf8)]
        case .parquet: try Seeds.tables()
        case .json: Seeds.documents.map { Array($0.utf8) }
        case .number:
            ["518.67", "-0.0003", "1e-45", "3.4028235e38", "+.5E+1"].map { Array($0.utf8) }
        case .gzip:
            [
                try Gzip.compress(try Seeds.logPage()), try Gzip.compress([], level: 0),
                try Gzip.compress([1, 2, 3]) + (try Gzip.compress([4])),
            ]
        }
    }
}

/// What the seeds are made of, the same in every process.
enum Seeds {
    static let runID = "xgboost-0123456789ab"

    /// Measurements that look like a sensor's.
    static func columns(seed: UInt32) -> InlineArray<24, Float> {
        var columns = InlineArray<24, Float>(repeating: 0)
        var bits = seed &* 2_654_435_761 &+ 99
        for index in 0..<24 {
            bits = bits &* 1_664_525 &+ 1_013_904_223
            columns[index] = index < 3 ? 0 : 100 + Float(index) + Float(bits >> 8) / 4_194_304
        }
        return columns
    }

    static func snapshot(_ cycle: Int32) throws -> Snapshot {
        guard let count = CycleCount(cycle) else { throw BrokenPromise("\(cycle) is a cycle") }
        return Snapshot(cycle: count, columns: columns(seed: UInt32(cycle)))
    }

    static func row(cycle: Int32) throws -> [UInt8] {
        let snapshot = try snapshot(cycle)
        let values = (0..<24).map { "\(snapshot.columns[$0])" }
        return Array("7 \(cycle) \(values.joined(separator: " ")) \n".utf8)
    }

    static let topics: [String] = [
        "readings", "engines/7/readings", "engines/a-1/events", "engines/7/predictions",
        "models/selected", "models/candidate",
        "models/\(String(repeating: "0a", count: 32))/blocks/12",
        "agents/edge-1/logs/request", "agents/edge-1/status", "agents/edge-1/logs/response/x",
        "agents/edge-1/sketches/3",
    ].flatMap { ["turbofan/v1/FD001/\($0)", "turbofan/v1/K/\($0)"] }

    static func offers() throws -> [ModelOffer] {
        guard let digest = Digest(bytes: .init(repeating: 0xAB, count: 32)) else { return [] }
        return try [
            .all, .agents([PayloadChecks.unit]), .share(0.25, salt: "spring"),
        ].enumerated().map { index, audience in
            try ModelOffer(
                fleet: PayloadChecks.unit, runID: runID, digest: digest, size: 40_000,
                blockSize: 16_384, blocks: [digest, digest, digest],
                featureSpec: FeatureSpec.identifier, counter: Int64(index + 1),
                expires: 1_800_000_000_000, audience: audience, disagreementMax: 2.5,
                keyID: DeliveryChecks.key.keyIdentifier)
        }
    }

    /// Calls `body` with a key that exists for this only.
    static func withSigningKey<Result>(_ body: (borrowing SigningKey) -> Result) -> Result {
        guard let key = SigningKey(seed: .init(repeating: 7, count: SigningKey.seedSize)) else {
            preconditionFailure("any 32 bytes are a seed")
        }
        return body(key)
    }

    /// The signatures of ``offers()``.
    static let signatures: [[UInt8]] = ((try? offers()) ?? []).map { offer in
        withSigningKey { $0.signature(of: offer.payload) }
    }

    static func keyFiles() -> [[UInt8]] {
        let text = KeyFile.text(of: DeliveryChecks.key)
        let secret = withSigningKey { KeyFile.secretText(of: $0) }
        return ["# keys\n\n" + text, text + text, secret].map { Array($0.utf8) }
    }

    static func logPage() throws -> [UInt8] {
        let snapshot = try snapshot(12)
        guard let hash = Digest(bytes: .init(repeating: 1, count: 32)) else { return [] }
        let reading = ReadingEntry(
            sequence: 41,
            key: ReadingKey(unit: PayloadChecks.unit, installation: 1, cycle: snapshot.cycle),
            snapshot: snapshot, payloadHash: hash, outcome: .scored,
            receivedAt: 1_770_000_000_123, unprotected: false,
            scoring: .init(
                prediction: Prediction(
                    rul: 98.25, rulLow: 80.5, rulHigh: 112.75, failureProbability: 0.25,
                    flags: [.early, .gap]), runID: runID, latencyMicros: 230))
        let refused = QuarantineEntry(
            sequence: 42, topic: "turbofan/v1/FD001/readings", reason: "Too short.",
            payloadPrefix: [0, 0xFF], payloadSize: 2, payloadHash: hash, receivedAt: 7)
        let header = LogPage.Header(
            agent: PayloadChecks.unit, storeID: "0123456789abcdef", after: 40, through: 42,
            count: 2, more: true)
        return LogPage.lines(header, [.reading(reading), .quarantine(refused)])
    }

    static func sketch() throws -> SketchMessage {
        var windows = SketchWindows()
        var repeats = SensorRepeats()
        for cycle in 1...200 {
            let snapshot = try snapshot(Int32(cycle))
            repeats.note(snapshot)
            let rul = Float(cycle % 126)
            windows.add(
                snapshot, of: PayloadChecks.unit, sequence: Int64(1_024 + cycle), repeats: repeats,
                prediction: Prediction(
                    rul: rul, rulLow: rul / 2, rulHigh: rul, failureProbability: 1 - rul / 125,
                    flags: cycle < 15 ? [.early, .lateStarter] : []),
                runID: runID, parameters: parameters)
        }
        return SketchMessage(
            agent: PayloadChecks.unit, storeID: "0123456789abcdef", window: windows.windows[0])
    }

    static func checkpoint(snapshots count: Int32) throws -> [UInt8] {
        var state = FeatureState()
        for cycle in 0..<count { state.append(try snapshot(2 * cycle + 1), using: parameters) }
        return state.encoded()
    }

    static let environments = [
        "FLEET=FD001\nAGENT_ID=edge-1\nDATA=/d\nPUBLIC_KEY=/k\n",
        "FLEET=f\nAGENT_ID=e\nDATA=d\n--public-key=k\n--readings-filter=engines/7/readings,readings"
            + "\nBROKER_PASSWORD=correct horse\nBROKER_USER=u\nLOG_FULL=release-oldest-counted\n",
    ]

    static func trajectories() throws -> [[UInt8]] {
        let text = try (1...3).flatMap { try row(cycle: $0) }
        return [text, try Gzip.compress(text)]
    }

    static func tables() throws -> [[UInt8]] {
        let table = try ParquetTable(
            columns: [
                ParquetColumn("flag", .boolean([true, false, true])),
                ParquetColumn("cycle", .int32([1, -2, .max])),
                ParquetColumn("time", .int64([1, .min, 3])),
                ParquetColumn("s1", .float([0.1, -0, .pi])),
                ParquetColumn("mean", .double([0.1, 1e300, 2])),
                ParquetColumn("unit", .string(["a", "", "é"])),
                ParquetColumn("low", optional: [nil, 0.25, nil] as [Float?]),
                ParquetColumn("note", optional: ["x", nil, ""] as [String?]),
            ], metadata: ["a": "1"])
        let small = try ParquetTable(columns: [ParquetColumn("n", .int32([1, 2]))])
        return [try table.encoded(), try small.encoded()]
    }

    static let documents = [
        #"{"a":[1,-0.5,1e3,true,false,null],"b":{"c":"é\n\u00e9\ud83c\udf38"}}"#,
        #"[[],{},"",0]"#, #" "x\\/\"" "#,
    ]
}
