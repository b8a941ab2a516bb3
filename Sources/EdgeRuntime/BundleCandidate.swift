import EdgeCore
import EdgeProtocol
import Features
import ModelBundle
import Prognostics
import Sodium

/// A complete candidate, checked on a worker so that ingest never waits for it.
struct BundleCandidate: Sendable {
    let offer: ModelOffer
    /// The blocks, joined.
    let bytes: [UInt8]

    /// Checks digest, decoding, names and golden trajectories; nothing serves before that.
    func verify() -> VerificationOutcome {
        guard bytes.count == offer.size else {
            return .failed(
                reason: "The stored blocks have \(bytes.count) bytes, the offer says "
                    + "\(offer.size). Push again.")
        }
        let digest = SHA256.digest(of: bytes)
        guard digest == offer.digest else {
            return .failed(
                reason: "The bundle's digest is \(digest), the offer says \(offer.digest). "
                    + "Push again.")
        }
        switch Self.load(bytes, digest: digest) {
        case .failed(let reason): return .failed(reason: reason)
        case .passed(let model):
            guard model.runID == offer.runID else {
                return .failed(
                    reason: "The bundle is of run \(model.runID), the offer says "
                        + "\(offer.runID). Push again.")
            }
            return .passed(model)
        }
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
