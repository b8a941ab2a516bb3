import EdgeCore
import EdgeProtocol
import Features
import Inference
import Prognostics
import Simulation
import Testing

/// Units, readings and models made up from numbers: nothing here reads a file or a clock.
enum Fixture {
    static func unit(_ text: String) throws -> UnitIdentifier { try #require(UnitIdentifier(text)) }

    static func cycle(_ cycles: Int32) throws -> CycleCount { try #require(CycleCount(cycles)) }

    /// A stand-in for SHA-256, which belongs to the shell.
    static func digest(of bytes: [UInt8]) -> Digest { StandInHash.digest(of: bytes) }

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
        return try SampleModels.trees(
            digest: digest("bundle \(name)"), runID: "run-\(name)",
            parametersDigest: digest("parameters \(name)"), random: &random)
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
