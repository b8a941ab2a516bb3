import EdgeCore
import EdgeProtocol
import Features
import Inference
import Prognostics
import Testing

/// Units, readings and models made up from numbers: nothing here reads a file or a clock.
enum Fixture {
    static func unit(_ text: String) throws -> UnitIdentifier { try #require(UnitIdentifier(text)) }

    static func cycle(_ cycles: Int32) throws -> CycleCount { try #require(CycleCount(cycles)) }

    /// A stand-in for SHA-256, which belongs to the shell: four FNV-1a hashes of different starts.
    static func digest(of bytes: [UInt8]) -> Digest {
        var output: [UInt8] = []
        for start in UInt64(0)..<4 {
            var hash = 0xcbf2_9ce4_8422_2325 &+ start &* 0x9e37_79b9_7f4a_7c15
            for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
            for shift in stride(from: UInt64(0), to: 64, by: 8) {
                output.append(UInt8(truncatingIfNeeded: hash >> shift))
            }
        }
        guard let digest = Digest(bytes: output) else { preconditionFailure("32 bytes") }
        return digest
    }

    static func digest(_ name: String) -> Digest { digest(of: Array(name.utf8)) }

    /// A reading that unit, cycle and variant determine; another variant has other values.
    static func reading(_ unit: String, _ cycle: Int32, variant: UInt64 = 0) throws -> Reading {
        var random = SplitMix64(seed: variant &* 1_000_003 &+ UInt64(cycle) &* 7_919)
        for byte in unit.utf8 { random.state = random.state &* 31 &+ UInt64(byte) }
        var columns = InlineArray<24, Float>(repeating: 0)
        for index in 0..<24 { columns[index] = Float(random.below(4_000)) / 1_000 - 2 }
        return Reading(
            unit: try Self.unit(unit),
            snapshot: Snapshot(cycle: try Self.cycle(cycle), columns: columns))
    }

    static func delivery(_ reading: Reading, unprotected: Bool = false) -> Delivery {
        Delivery(
            content: .reading(reading), payloadHash: digest(of: reading.snapshot.canonicalBytes),
            topic: "engines/\(reading.unit)/readings", unprotected: unprotected,
            receivedAt: Instant(wallMillis: 1_000, monotonicMicros: 1_000_000))
    }

    static func delivery(_ unit: String, _ cycle: Int32, variant: UInt64 = 0) throws -> Delivery {
        delivery(try reading(unit, cycle, variant: variant))
    }

    static func refusedDelivery(_ text: String = "garbage") -> Delivery {
        let bytes = Array(text.utf8)
        return Delivery(
            content: .refused(
                .columnCount(1), payloadPrefix: bytes, payloadSize: bytes.count),
            payloadHash: digest(of: bytes), topic: "readings", unprotected: true,
            receivedAt: Instant(wallMillis: 1_000, monotonicMicros: 1_000_000))
    }

    static func event(
        _ unit: String, _ kind: EngineEvent.Kind, _ cycle: Int32
    ) throws -> Delivery {
        let event = EngineEvent(unit: try Self.unit(unit), kind: kind, cycle: try Self.cycle(cycle))
        return Delivery(
            content: .event(event), payloadHash: digest(of: event.payload),
            topic: "engines/\(unit)/events", unprotected: false,
            receivedAt: Instant(wallMillis: 1_000, monotonicMicros: 1_000_000))
    }

    static func now(seconds: Int64 = 1) -> Instant {
        Instant(wallMillis: 1_000 * seconds, monotonicMicros: 1_000_000 * seconds)
    }

    /// A model whose every prediction depends on 60 features at 16 cuts each.
    ///
    /// Names with other text have other scalers and other trees, so their predictions differ.
    static func model(_ name: String) throws -> ActiveModel {
        var random = SplitMix64(seed: digest(name).bytes.reduce(0) { $0 &* 257 &+ UInt64($1) })
        let parameters = try FeatureParameters(
            centroids: [0, 0, 0],
            means: (0..<14).map { _ in Double(random.below(1_000)) / 1_000 },
            deviations: (0..<14).map { _ in 0.5 + Double(random.below(1_000)) / 1_000 },
            healthWeights: (0..<15).map { Double($0 % 3 - 1) / 16 },
            ageMax: try cycle(300))
        let cuts = (0..<16).map { Float($0) / 4 - 2 }
        var bins: [UInt8] = []
        var leaves: [Int16] = []
        for _ in 0..<60 {
            for bin in UInt8(0)..<16 {
                bins.append(bin)
                leaves += [Int16(random.below(200)), Int16(random.below(200)) - 100]
            }
        }
        let trees = try TreeEnsemble(
            featureIndices: (0..<60).map { UInt8(2 * $0) },
            cuts: [[Float]](repeating: cuts, count: 60),
            nodeFeatures: (0..<960).flatMap { [UInt8($0 / 16), 255, 255] }, nodeBins: bins,
            leaves: leaves, leafScale: 0.001, base: 20)
        let plan = InferencePlan(
            model: .trees(trees),
            calibration: try FailureCalibration(slope: -0.2, intercept: 6),
            interval: try ConformalInterval(
                reaches: [12, 18, 12, 18, 12, 18, 12, 18, 12, 18, 12, 18], coverage: 0.9))
        return ActiveModel(
            digest: digest("bundle \(name)"), runID: "run-\(name)", plan: plan,
            parameters: parameters, parametersDigest: digest("parameters \(name)"))
    }

    static func identity() throws -> AgentIdentity {
        let fleet = try unit("FD001")
        return AgentIdentity(
            agent: try unit("edge-1"), topics: try #require(Topics(fleet: fleet)),
            featureSpec: FeatureSpec.identifier, version: "1.0", storeID: "store-1")
    }

    /// The blocks that stand for a bundle: their bytes only have to hash to what the offer says.
    static func blocks(of model: ActiveModel, count: Int) -> [[UInt8]] {
        (0..<count).map { index in
            let size = index == count - 1 ? 100 : ProtocolLimits.blockSizeMin
            return [UInt8](
                repeating: model.digest.bytes[index % 32] ^ UInt8(index % 256), count: size)
        }
    }

    static func offer(
        _ model: ActiveModel, counter: Int64, blockCount: Int = 3, fleet: String = "FD001",
        spec: String = FeatureSpec.identifier, expires: Int64 = 1_000_000_000,
        audience: ModelOffer.Audience = .all, disagreementMax: Double = 125
    ) throws -> ModelOffer {
        let blocks = blocks(of: model, count: blockCount)
        return try ModelOffer(
            fleet: try unit(fleet), runID: model.runID, digest: model.digest,
            size: blocks.map(\.count).reduce(0, +), blockSize: ProtocolLimits.blockSizeMin,
            blocks: blocks.map { digest(of: $0) }, featureSpec: spec, counter: counter,
            expires: expires, audience: audience, disagreementMax: disagreementMax,
            keyID: "0011223344556677")
    }

    static func receipt(_ offer: ModelOffer, isAuthentic: Bool = true) throws -> OfferReceipt {
        let signed = try SignedOffer(
            signature: [UInt8](repeating: 1, count: 64), payload: offer.payload)
        return OfferReceipt(bytes: signed.bytes, isAuthentic: isAuthentic)
    }
}

/// Steele, Lea, Flood 2014, "Fast splittable pseudorandom number generators": SplitMix64.
struct SplitMix64: RandomNumberGenerator {
    var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ mixed >> 30) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ mixed >> 27) &* 0x94d0_49bb_1331_11eb
        return mixed ^ mixed >> 31
    }

    /// A number in `0 ..< bound`.
    mutating func below(_ bound: Int) -> Int { Int(next() % UInt64(bound)) }
}
