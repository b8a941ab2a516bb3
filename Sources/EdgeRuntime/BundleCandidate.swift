package import EdgeCore
package import EdgeProtocol
import Features
import ModelBundle
import Prognostics
import Sodium

/// A complete candidate, checked on a worker so that ingest never waits for it.
package struct BundleCandidate: Sendable {
    let offer: ModelOffer
    /// The blocks, joined.
    let bytes: [UInt8]

    package init(offer: ModelOffer, bytes: [UInt8]) {
        self.offer = offer
        self.bytes = bytes
    }

    /// Checks digest, decoding, names and golden trajectories; nothing serves before that.
    ///
    /// Each block was checked when it arrived. One that differs now went bad on this device's
    /// disk; blocks that are right and do not join to the bundle are the sender's fault.
    package func verify() -> VerificationOutcome {
        guard bytes.count == offer.size else {
            return .damaged(
                reason: "The stored blocks have \(bytes.count) bytes, the offer says "
                    + "\(offer.size). They are fetched again.")
        }
        for (index, block) in BundleBlocks.split(bytes, blockSize: offer.blockSize).enumerated()
        where SHA256.digest(of: block) != offer.blocks[index] {
            return .damaged(
                reason: "The stored block \(index) is not the one that arrived. "
                    + "The blocks are fetched again; check this device's disk.")
        }
        let digest = SHA256.digest(of: bytes)
        guard digest == offer.digest else {
            return .failed(
                reason: "The bundle's digest is \(digest), the offer says \(offer.digest). "
                    + "Push again.")
        }
        switch Self.load(bytes, digest: digest) {
        case .failed(let reason), .damaged(let reason): return .failed(reason: reason)
        case .passed(let model):
            guard model.runID == offer.runID else {
                return .failed(
                    reason: "The bundle is of run \(model.runID), the offer says "
                        + "\(offer.runID). Push again.")
            }
            return .passed(model)
        }
    }

    /// Checks the bytes stored under a digest: those of the active bundle, or of the fallback.
    static func reload(_ bytes: [UInt8], digest: Digest) -> VerificationOutcome {
        let seen = SHA256.digest(of: bytes)
        guard seen == digest else {
            return .damaged(reason: "The stored blocks hash to \(seen), not to \(digest).")
        }
        return load(bytes, digest: digest)
    }

    /// Decodes a bundle whose digest is known to be right, and replays its golden trajectories.
    static func load(_ bytes: [UInt8], digest: Digest) -> VerificationOutcome {
        do {
            let bundle = try ModelBundle(decoding: bytes)
            let parameters = bundle.featureParameters
            let parametersDigest = SHA256.digest(of: parameters.canonicalBytes)
            guard parametersDigest == bundle.manifest.featureParametersDigest else {
                return .failed(
                    reason: "The bundle's feature parameters hash to \(parametersDigest), its "
                        + "manifest says \(bundle.manifest.featureParametersDigest). Train again.")
            }
            try bundle.checkGolden()
            return .passed(
                ActiveModel(
                    digest: digest, runID: bundle.manifest.runID, plan: bundle.plan,
                    parameters: parameters, parametersDigest: parametersDigest))
        } catch {
            return .failed(reason: "\(error)")
        }
    }
}
