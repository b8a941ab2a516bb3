import EdgeProtocol
import Mosquitto
import ModelBundle
import ObjectStore
package import Prognostics
import Registry
import Sodium
import StrictJSON

/// Makes the broker hold the promoted model: the signed offer and its blocks, retained.
///
/// A push is a repair. It reads what the broker holds, publishes what is missing or different,
/// blocks before the offer that names them, and clears blocks of other bundles after it. What the
/// broker holds already is not published again, and an unchanged offer keeps its bytes.
package struct PushStep {
    /// What one push did.
    package struct Report: Equatable, Sendable {
        package let version: Int64
        package let runID: String
        package let digest: Digest
        package let counter: Int64
        package let blockCount: Int
        package let publishedBlocks: Int
        package let clearedBlocks: Int
        package let publishedOffer: Bool
    }

    /// An offer is valid for 90 days, and renewed when fewer than 30 are left.
    private static let validityMillis: Int64 = 90 * 86_400_000
    private static let renewalMillis: Int64 = 30 * 86_400_000

    private let workspace: Workspace
    private let broker: FleetBroker
    private let nowMillis: Int64

    package init(workspace: Workspace, broker: FleetBroker, nowMillis: Int64) {
        self.workspace = workspace
        self.broker = broker
        self.nowMillis = nowMillis
    }

    /// Pushes the promoted model.
    package func run() throws -> Report {
        let promoted = try StoredBundle.promoted(in: workspace)
        let blocks = BundleBlocks.split(promoted.bytes)
        let key = try KeysStep.signingKey(at: workspace.signingKeyPath)
        let session = try broker.connect()
        let topics = broker.topics
        let held = try session.retained([topics.selectedModel, topics.blocksFilter])

        let heldOffer = held[topics.selectedModel]
        let release = try release(of: promoted, blocks: blocks, key: key, heldOffer: heldOffer)
        let wanted = blocks.enumerated().map { index, bytes in
            (topic: topics.block(index, of: promoted.digest), payload: bytes)
        }
        let missing = wanted.filter { held[$0.topic] != $0.payload }
        try session.publishRetained(missing)
        let isOfferNew = heldOffer != release.offer
        if isOfferNew {
            try session.publishRetained([(topics.selectedModel, release.offer)])
        }
        let stale = try clearStale(held: held, live: promoted.digest, session: session)
        return Report(
            version: promoted.version, runID: promoted.runID, digest: promoted.digest,
            counter: release.counter, blockCount: blocks.count, publishedBlocks: missing.count,
            clearedBlocks: stale, publishedOffer: isOfferNew)
    }

    /// Clears the blocks of bundles that the live offer does not name; returns their number.
    private func clearStale(
        held: [String: [UInt8]], live: Digest, session: FleetSession
    ) throws -> Int {
        let stale = held.keys.filter { topic in
            guard case .block(let bundle, _)? = broker.topics.route(topic) else { return false }
            return bundle != live
        }
        try session.publishRetained(stale.sorted().map { (topic: $0, payload: []) })
        return stale.count
    }

    /// The release to publish: the last one while its content is the same, else a new one.
    ///
    /// The counter also passes that of an offer of ours that the broker holds, so that a restored
    /// registry does not offer what every device refuses as older.
    private func release(
        of promoted: StoredBundle, blocks: [[UInt8]], key: borrowing SigningKey,
        heldOffer: [UInt8]?
    ) throws -> Release {
        let keyID = key.verificationKey.keyIdentifier
        let target = broker.topics.root
        let disagreementMax = try AllowedDisagreement(workspace: workspace, target: target)
            .limit(of: promoted)
        let content: JSON = [
            "run_id": .string(promoted.runID), "digest": .string(promoted.digest.description),
            "feature_spec": .string(promoted.featureSpec), "audience": .string("all"),
            "disagreement_max": .double(disagreementMax), "key_id": .string(keyID),
            "block_size": .integer(ProtocolLimits.blockSize),
        ]
        let last = try workspace.registry.newestRelease(target: target)
        let heldCounter = counter(of: heldOffer, key: key.verificationKey)
        if let last, last.content == content.text, last.counter >= heldCounter,
            last.expiresMillis - nowMillis >= Self.renewalMillis
        {
            return last
        }
        let offer = try ModelOffer(
            fleet: broker.topics.fleet, runID: promoted.runID, digest: promoted.digest,
            size: promoted.bytes.count, blockSize: ProtocolLimits.blockSize,
            blocks: blocks.map { SHA256.digest(of: $0) }, featureSpec: promoted.featureSpec,
            counter: max(last?.counter ?? 0, heldCounter) + 1,
            expires: nowMillis + Self.validityMillis, audience: .all,
            disagreementMax: disagreementMax, keyID: keyID)
        let payload = offer.payload
        let signed = try SignedOffer(signature: key.signature(of: payload), payload: payload)
        let release = Release(
            counter: offer.counter, content: content.text, expiresMillis: offer.expires,
            offer: signed.bytes)
        // On record before it is published: a counter that was ever on the air is never reused.
        try workspace.registry.append(release, target: target, timeMillis: nowMillis)
        return release
    }

    /// The counter of an offer that our key signed; 0 for anything else.
    private func counter(of bytes: [UInt8]?, key: VerificationKey) -> Int64 {
        guard let bytes, let signed = try? SignedOffer(bytes: bytes),
            key.verifies(signature: signed.signature, of: signed.payload),
            let offer = try? signed.decode()
        else { return 0 }
        return offer.counter
    }
}
