import EdgeCore
import EdgeProtocol
import EdgeRuntime
import Features
import ModelBundle
import Prognostics
import Sodium

/// What the back office sends: offers, blocks and bundles.
enum DeliveryChecks {
    static func offer(_ bytes: [UInt8]) throws(BrokenPromise) {
        guard
            let offer = try BrokenPromise.unlessRefused(
                OfferError.self, { try ModelOffer(payload: bytes) })
        else { return }
        let sizes = offer.blocks.indices.map { offer.size(ofBlock: $0) }
        try BrokenPromise.unless(
            sizes.reduce(0, +) == offer.size && sizes.allSatisfy { $0 > 0 },
            "an offer's blocks make up its bundle")
        try BrokenPromise.unless(
            offer.counter > 0 && offer.expires >= 0 && offer.disagreementMax >= 0
                && offer.disagreementMax.isFinite, "an offer's numbers are in range")
        _ = offer.addresses(PayloadChecks.unit)
        var again: ModelOffer?
        do throws(OfferError) { again = try ModelOffer(payload: offer.payload) } catch {
            throw BrokenPromise("an offer that is written again is accepted: \(error)")
        }
        try BrokenPromise.unless(
            again == offer && again?.payload == offer.payload,
            "an offer that is written again is itself")
    }

    static func signedOffer(_ bytes: [UInt8]) throws(BrokenPromise) {
        guard
            let signed = try BrokenPromise.unlessRefused(
                OfferError.self, { try SignedOffer(bytes: bytes) })
        else { return }
        try BrokenPromise.unless(
            signed.signature.count == SignedOffer.signatureSize
                && signed.signature + signed.payload == bytes, "an offer is kept as it came")
        if key.verifies(signature: signed.signature, of: signed.payload) {
            try BrokenPromise.unless(
                Seeds.signatures.contains(signed.signature), "nobody forges a signature")
        }
        try offer(signed.payload)
    }

    /// The key that signed the seeds.
    static let key: VerificationKey = Seeds.withSigningKey { $0.verificationKey }

    /// Two bytes choose block size and damage, the others are the bundle.
    static func block(_ bytes: [UInt8]) throws(BrokenPromise) {
        guard bytes.count > 2 else { return }
        let bundle = Array(bytes.dropFirst(2))
        let blockSize = ProtocolLimits.blockSizeMin + Int(bytes[0])
        let blocks = BundleBlocks.split(bundle, blockSize: blockSize)
        let offer = try offer(bundle, runID: Seeds.runID, blockSize: blockSize)
        try BrokenPromise.unless(
            blocks.flatMap { $0 } == bundle
                && blocks.indices.allSatisfy { offer.size(ofBlock: $0) == blocks[$0].count },
            "blocks join to what was split")
        if case .damaged = BundleCandidate(offer: offer, bytes: bundle).verify() {
            throw BrokenPromise("blocks that arrived as offered are not called damaged")
        }
        var changed = bundle
        changed[Int(bytes[1]) % changed.count] ^= 1
        for other in [changed, Array(bundle.dropLast()), bundle + [0]] {
            guard case .damaged = BundleCandidate(offer: offer, bytes: other).verify() else {
                throw BrokenPromise("blocks other than the offered ones are called damaged")
            }
        }
    }

    static func bundle(_ bytes: [UInt8]) throws(BrokenPromise) {
        guard
            let bundle = try BrokenPromise.unlessRefused(
                ModelBundleError.self, { try ModelBundle(decoding: bytes) })
        else { return }
        try BrokenPromise.unless(
            bundle.encoded() == bytes, "a bundle decodes only from the bytes it is written as")
        var computes = true
        do throws(ModelBundleError) { try bundle.checkGolden() } catch {
            guard case .goldenDiffers = error else {
                throw BrokenPromise("a golden trajectory is computed or differs: \(error)")
            }
            computes = false
        }
        let parameters = SHA256.digest(of: bundle.featureParameters.canonicalBytes)
        let mayServe = computes && parameters == bundle.manifest.featureParametersDigest
        let offer = try offer(bytes, runID: bundle.manifest.runID, blockSize: 4_096)
        let verified = BundleCandidate(offer: offer, bytes: bytes).verify()
        var serves = false
        if case .passed = verified { serves = true }
        try BrokenPromise.unless(
            serves == mayServe, "a bundle serves if this machine computes what it says, only then")
    }

    /// An offer of just these bytes.
    private static func offer(
        _ bundle: [UInt8], runID: String, blockSize: Int
    ) throws(BrokenPromise) -> ModelOffer {
        do throws(OfferError) {
            return try ModelOffer(
                fleet: PayloadChecks.unit, runID: runID, digest: SHA256.digest(of: bundle),
                size: bundle.count, blockSize: blockSize,
                blocks: BundleBlocks.split(bundle, blockSize: blockSize).map {
                    SHA256.digest(of: $0)
                }, featureSpec: "turbofan-features/2", counter: 1, expires: 0, audience: .all,
                disagreementMax: 1, keyID: "0")
        } catch {
            throw BrokenPromise("blocks of a split bundle make an offer: \(error)")
        }
    }

    static func container(_ bytes: [UInt8]) throws(BrokenPromise) {
        guard
            let file = try BrokenPromise.unlessRefused(
                ModelBundleError.self, { try SafetensorsFile(decoding: bytes) })
        else { return }
        let size = file.tensors.reduce(0) { $0 + $1.bytes.count }
        try BrokenPromise.unless(size <= bytes.count, "tensors have bytes of the file only")
        let again = try? SafetensorsFile(
            decoding: SafetensorsFile(metadata: file.metadata, tensors: file.tensors).encoded())
        try BrokenPromise.unless(
            again?.metadata == file.metadata
                && again?.tensors.map(\.name).sorted() == file.tensors.map(\.name).sorted(),
            "a container that is written again is itself")
    }
}
