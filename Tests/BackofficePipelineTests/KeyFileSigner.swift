import EdgeProtocol
import Sodium
import TestSupport

/// Signs with a workspace's key, as another back office that holds it would.
struct KeyFileSigner {
    private let path: String

    init(_ path: String) throws { self.path = path }

    func signed(_ offer: ModelOffer) throws -> [UInt8] {
        let key = try KeyFile.signingKey(FileBytes.read(path), name: "model.key")
        let payload = offer.payload
        return try SignedOffer(signature: key.signature(of: payload), payload: payload).bytes
    }
}

extension ModelOffer {
    /// The same offer under another counter.
    func counting(_ counter: Int64) throws -> ModelOffer {
        try ModelOffer(
            fleet: fleet, runID: runID, digest: digest, size: size, blockSize: blockSize,
            blocks: blocks, featureSpec: featureSpec, counter: counter, expires: expires,
            audience: audience, disagreementMax: disagreementMax, keyID: keyID)
    }
}
