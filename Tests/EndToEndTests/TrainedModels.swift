import EdgeProtocol
import Features
import Mosquitto
import Prognostics
import Sodium
import StrictJSON
import TestSupport

/// Bundles that the real back office trained on a simulated fleet, and readings new to it.
struct TrainedModels {
    struct Bundle {
        let runID: String
        let bytes: [UInt8]

        /// Where a tensor's bytes start, from the file's own header.
        func offset(of tensor: String) throws -> Int {
            let headerSize = (0..<8).reduce(0) { $0 | Int(bytes[$1]) << (8 * $1) }
            let header = try JSONReader(parsing: Array(bytes[8..<8 + headerSize]))
            guard case .number(let start)? = try header.object(tensor).array("data_offsets").first,
                let offset = start.integer
            else { throw TestSupportError("\(tensor) has no offset") }
            return 8 + headerSize + Int(offset)
        }
    }

    let folder: TemporaryFolder
    /// Trees of the same data and other seeds: they predict differently.
    let first: Bundle
    let second: Bundle
    /// An LSTM of the same data.
    let recurrent: Bundle
    /// A trend of the same data, which reads a unit's whole life.
    let trend: Bundle
    /// C-MAPSS rows of test units, in the order of the file.
    let rows: [[UInt8]]

    /// Trained once for all tests of the process.
    static let shared = Result { try TrainedModels() }

    private init() throws {
        folder = try TemporaryFolder("trained")
        let office = try BuiltProduct.path("backoffice")
        func run(_ arguments: [String]) throws -> String {
            let finished = try Subprocess.run(office, arguments)
            guard finished.status == 0 else { throw TestSupportError(finished.errors) }
            return finished.output
        }
        let (data, workspace) = (folder.path("data"), folder.path("workspace"))
        _ = try run(["simulate", "--out", data, "--units", "60", "--seed", "11"])
        _ = try run(["preprocess", "--workspace", workspace, "--data", data, "--subset", "SIM"])
        var bundles: [Bundle] = []
        let runs = [("xgboost", "1"), ("xgboost", "2"), ("lstm", "1"), ("trend", "1")]
        for (type, seed) in runs {
            let said = try run([
                "train", "--workspace", workspace, "--type", type, "--seed", seed,
            ])
            let words = said.split(separator: " ").map(String.init)
            guard let index = words.firstIndex(of: "run"), index + 1 < words.count else {
                throw TestSupportError("train said: \(said)")
            }
            let runID = words[index + 1]
            bundles.append(
                Bundle(
                    runID: runID,
                    bytes: try FileBytes.read(
                        "\(workspace)/objects/models/\(runID)/bundle.safetensors")))
        }
        first = bundles[0]
        second = bundles[1]
        recurrent = bundles[2]
        trend = bundles[3]
        rows = try FileBytes.read("\(data)/test_SIM.txt").split(separator: 10).map { Array($0) }
    }

    /// The rows of one unit.
    func rows(of unit: String) -> [[UInt8]] {
        rows.filter { $0.starts(with: Array("\(unit) ".utf8)) }
    }
}

/// The sender's half of the model delivery, which can also cheat.
struct Publisher {
    let agent: RunningAgent
    let key: SigningKeyBox

    /// An offer of a bundle; `change` may falsify any of its parts.
    func offer(
        _ bundle: TrainedModels.Bundle, counter: Int64, fleet: String = RunningAgent.fleet,
        featureSpec: String = FeatureSpec.identifier, expires: Int64 = 4_102_444_800_000,
        key other: SigningKeyBox? = nil, disagreementMax: Double = 125
    ) throws -> SignedOffer {
        guard let fleet = UnitIdentifier(fleet) else { throw TestSupportError("no fleet") }
        let offer = try ModelOffer(
            fleet: fleet, runID: bundle.runID, digest: SHA256.digest(of: bundle.bytes),
            size: bundle.bytes.count, blockSize: ProtocolLimits.blockSize,
            blocks: BundleBlocks.split(bundle.bytes).map { SHA256.digest(of: $0) },
            featureSpec: featureSpec, counter: counter, expires: expires, audience: .all,
            disagreementMax: disagreementMax, keyID: "test")
        let payload = offer.payload
        return try SignedOffer(
            signature: (other ?? key).signature(of: payload), payload: payload)
    }

    /// Publishes an offer, retained.
    func publish(_ offer: SignedOffer) throws {
        try send(offer.bytes, to: agent.topics.selectedModel)
    }

    /// Publishes blocks, retained; all of them unless `indices` says which.
    func publishBlocks(_ bundle: TrainedModels.Bundle, _ indices: Range<Int>? = nil) throws {
        let digest = SHA256.digest(of: bundle.bytes)
        let blocks = BundleBlocks.split(bundle.bytes)
        for index in indices ?? blocks.indices {
            try send(blocks[index], to: agent.topics.block(index, of: digest))
        }
    }

    /// Publishes one retained message.
    func send(_ bytes: [UInt8], to topic: String) throws {
        let session = try agent.session("publisher")
        try session.publish(topic: topic, payload: bytes, retain: true, timeoutSeconds: 10)
        session.disconnect()
    }
}

/// A signing key that can be passed around; the key itself cannot be copied.
final class SigningKeyBox {
    private let key = SigningKey.generate()
    var verificationKey: VerificationKey { key.verificationKey }
    func signature(of message: [UInt8]) -> [UInt8] { key.signature(of: message) }
}
