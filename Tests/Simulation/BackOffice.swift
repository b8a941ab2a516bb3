import EdgeCore
import EdgeProtocol
import Features
import Prognostics

/// What the workers of a device find when they run a bundle.
enum BundleNature: Sendable {
    case good
    /// Golden trajectories disagree.
    case broken
    /// Ends the process during its verification.
    case crashing
    /// Takes too much processor time.
    case slow
}

/// Whoever signs and pushes models, and whoever tries without the key.
struct BackOffice {
    private static let agent = UnitIdentifier("edge-1")

    private(set) var natures: [Digest: BundleNature] = [:]
    private var counter: Int64 = 0
    /// Everything that was ever signed, for those who replay it.
    private(set) var signed: [[UInt8]] = []
    private(set) var latest: (offer: ModelOffer, blocks: [[UInt8]])?

    init(plan: FaultPlan, random: inout SplitMix64) {
        for (index, bundle) in SampleBundle.all.enumerated() {
            natures[bundle.digest] =
                plan.attacks && index > 1
                ? random.pick([.good, .broken, .crashing, .slow]) : .good
        }
    }

    /// Signs an offer with the next counter.
    mutating func offer(
        _ bundle: SampleBundle, now: Int64, plan: FaultPlan, isPlain: Bool,
        _ random: inout SplitMix64
    ) -> (bytes: [UInt8], rule: ModelRules.Offered, blocks: [[UInt8]])? {
        counter += 1
        let isLax = isPlain || !random.oneIn(5)
        let blockSize = isPlain || random.oneIn(2) ? SampleBundle.blockSize : 8_192
        let lifetime: Int64 =
            isPlain || random.oneIn(3) ? 86_400_000 : Int64(random.below(3_600_000))
        let blocks = BundleBlocks.split(bundle.bytes, blockSize: blockSize)
        guard
            let offer = Self.offer(
                bundle, blocks: blocks, blockSize: blockSize, counter: counter,
                expires: now + lifetime, disagreementMax: isLax ? 125 : 0),
            let bytes = Self.sign(offer)
        else { return nil }
        signed.append(bytes)
        latest = (offer, blocks)
        let isSound = natures[bundle.digest].map { $0 == .good || $0 == .slow } ?? false
        return (
            bytes,
            ModelRules.Offered(
                digest: bundle.digest, counter: counter, runID: bundle.model.runID,
                isSound: isSound), blocks
        )
    }

    /// An offer that a device must refuse for what it says.
    func offerElsewhere(
        _ bundle: SampleBundle, now: Int64, _ random: inout SplitMix64
    ) -> [UInt8]? {
        let isOtherFleet = random.oneIn(2)
        return Self.offer(
            bundle, blocks: bundle.blocks, blockSize: SampleBundle.blockSize,
            counter: counter + 100, expires: now + 86_400_000, disagreementMax: 125,
            fleet: isOtherFleet ? "other" : "FD001",
            spec: isOtherFleet ? FeatureSpec.identifier : "nacelle-features/99"
        ).flatMap { Self.sign($0) }
    }

    /// An offer of a high counter that no key has signed.
    func forgedOffer(
        _ bundle: SampleBundle, now: Int64, _ random: inout SplitMix64
    ) -> [UInt8]? {
        let offer = Self.offer(
            bundle, blocks: bundle.blocks, blockSize: SampleBundle.blockSize,
            counter: counter + 1_000, expires: now + 86_400_000, disagreementMax: 125)
        guard let offer, var bytes = Self.sign(offer) else { return nil }
        bytes[random.below(SignedOffer.signatureSize)] ^= 1 << UInt8(random.below(8))
        return bytes
    }

    private static func offer(
        _ bundle: SampleBundle, blocks: [[UInt8]], blockSize: Int, counter: Int64, expires: Int64,
        disagreementMax: Double, fleet: String = "FD001",
        spec: String = FeatureSpec.identifier
    ) -> ModelOffer? {
        guard let fleet = UnitIdentifier(fleet) else { return nil }
        return try? ModelOffer(
            fleet: fleet, runID: bundle.model.runID, digest: bundle.digest,
            size: bundle.bytes.count, blockSize: blockSize,
            blocks: blocks.map { StandInHash.digest(of: $0) }, featureSpec: spec,
            counter: counter, expires: expires, audience: .all,
            disagreementMax: disagreementMax, keyID: "0011223344556677")
    }

    // MARK: Signatures

    /// A stand-in for Ed25519: only who knows the secret makes it.
    private static func signature(of payload: [UInt8]) -> [UInt8] {
        let half = StandInHash.digest(of: payload + Array("the secret".utf8)).bytes
        return half + half
    }

    private static func sign(_ offer: ModelOffer) -> [UInt8]? {
        let payload = offer.payload
        return (try? SignedOffer(signature: signature(of: payload), payload: payload))?.bytes
    }

    /// Whether the trusted key signed these bytes.
    static func isAuthentic(_ bytes: [UInt8]) -> Bool {
        guard let offer = try? SignedOffer(bytes: bytes) else { return false }
        return offer.signature == signature(of: offer.payload)
    }
}

/// The back office's puller: asks for pages, and keeps what it has by sequence.
struct Puller {
    private(set) var storeID: String?
    private(set) var after: Int64 = 0
    /// A request whose answer has not come.
    var isWaiting = false
    /// The log held more than the last page.
    private(set) var hasMore = true
    private(set) var count = 0

    /// Takes a page that is durable from now on.
    mutating func take(storeID: String, after: Int64, through: Int64, count: Int, more: Bool) {
        isWaiting = false
        if storeID != self.storeID {
            self.storeID = storeID
            self.after = 0
        }
        self.count += count
        // The answer to an earlier request moves nothing back.
        guard after <= self.after else { return }
        self.after = max(self.after, through)
        hasMore = more
    }

    /// The answer was lost before it was durable.
    mutating func lose() { isWaiting = false }
}
