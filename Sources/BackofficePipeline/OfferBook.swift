import EdgeProtocol
import ModelBundle
import Prognostics
import Registry
import Sodium
import StrictJSON

/// Makes the signed offers of a fleet, whose counters never go back.
struct OfferBook {
    /// An offer is valid for 90 days, and renewed when fewer than 30 are left.
    private static let validityMillis: Int64 = 90 * 86_400_000
    private static let renewalMillis: Int64 = 30 * 86_400_000

    let workspace: Workspace
    let topics: Topics
    let nowMillis: Int64
    /// The highest counter of an offer of ours that the broker holds; 0 for none.
    let heldCounter: Int64
    private let keyID: String

    /// Reads the key, and what the broker holds retained.
    ///
    /// Counters also pass those of the broker, so that a restored registry does not offer what
    /// every device refuses as older.
    init(workspace: Workspace, topics: Topics, held: [String: [UInt8]], nowMillis: Int64) throws {
        self.workspace = workspace
        self.topics = topics
        self.nowMillis = nowMillis
        let key = try KeysStep.signingKey(at: workspace.signingKeyPath).verificationKey
        keyID = key.keyIdentifier
        heldCounter = topics.offers.map { Self.counter(of: held[$0], key: key) }.max() ?? 0
    }

    /// The newest release while its content is the same and its time is not near, else a new one.
    ///
    /// A new one is not on record yet: a counter must be, before it is on the air.
    func release(
        of bundle: StoredBundle, audience: ModelOffer.Audience, disagreementMax: Double
    ) throws -> (release: Release, isNew: Bool) {
        let content: JSON = [
            "run_id": .string(bundle.runID), "digest": .string(bundle.digest.description),
            "feature_spec": .string(bundle.featureSpec), "audience": .string(audience.text),
            "disagreement_max": .double(disagreementMax), "key_id": .string(keyID),
            "block_size": .integer(ProtocolLimits.blockSize),
        ]
        let last = try workspace.registry.newestRelease(target: topics.root)
        if let last, last.content == content.text, last.counter >= heldCounter,
            last.expiresMillis - nowMillis >= Self.renewalMillis
        {
            return (last, false)
        }
        let offer = try ModelOffer(
            fleet: topics.fleet, runID: bundle.runID, digest: bundle.digest,
            size: bundle.bytes.count, blockSize: ProtocolLimits.blockSize,
            blocks: BundleBlocks.split(bundle.bytes).map { SHA256.digest(of: $0) },
            featureSpec: bundle.featureSpec, counter: max(last?.counter ?? 0, heldCounter) + 1,
            expires: nowMillis + Self.validityMillis, audience: audience,
            disagreementMax: disagreementMax, keyID: keyID)
        let payload = offer.payload
        let key = try KeysStep.signingKey(at: workspace.signingKeyPath)
        let signed = try SignedOffer(signature: key.signature(of: payload), payload: payload)
        let release = Release(
            counter: offer.counter, content: content.text, expiresMillis: offer.expires,
            offer: signed.bytes)
        return (release, true)
    }

    /// The counter of an offer that our key signed; 0 for anything else.
    private static func counter(of bytes: [UInt8]?, key: VerificationKey) -> Int64 {
        guard let bytes, let signed = try? SignedOffer(bytes: bytes),
            key.verifies(signature: signed.signature, of: signed.payload),
            let offer = try? signed.decode()
        else { return 0 }
        return offer.counter
    }
}

extension ModelOffer.Audience {
    /// The audience as the registry keeps it; equal text, equal audience.
    fileprivate var text: String {
        switch self {
        case .all: "all"
        case .agents(let agents):
            "agents \(agents.map(\.description).joined(separator: ","))"
        case .share(let share, let salt): "share \(share) \(salt)"
        }
    }
}

extension Release {
    /// What was signed; nil if the registry's bytes are none of ours.
    var decoded: ModelOffer? { try? SignedOffer(bytes: offer).decode() }
}
