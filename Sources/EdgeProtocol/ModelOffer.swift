package import Prognostics

/// The back office's signed word on which bundle a fleet shall run (`model-selected`).
///
/// Counter, expiry and audience live only here, never in the bundle: going back to an older bundle
/// is a new offer with a higher counter and the old digest.
package struct ModelOffer: Equatable, Sendable {
    /// Who shall run the bundle.
    package enum Audience: Equatable, Sendable {
        case all
        /// Only these agents, at most ``ProtocolLimits/audienceCountMax``.
        case agents([UnitIdentifier])
        /// The share of agents, in `0...1`, whose hash with `salt` falls below it.
        case share(Double, salt: String)
    }

    /// The fleet that the bundle was trained for.
    package let fleet: UnitIdentifier
    /// Run that trained the bundle: names it in every log row.
    package let runID: String
    /// SHA-256 of the whole bundle.
    package let digest: Digest
    /// Bytes of the whole bundle, in `1...bundleSizeMax`.
    package let size: Int
    /// Bytes of every block but the last, in `blockSizeMin...bundleSizeMax`.
    package let blockSize: Int
    /// SHA-256 of every block, in order.
    package let blocks: [Digest]
    /// Algorithm and channels that the bundle needs; a device without them refuses it.
    package let featureSpec: String
    /// Counts the offers of a fleet; a device never goes back to a lower one.
    package let counter: Int64
    /// Milliseconds since 1970 after which the offer is stale.
    package let expires: Int64
    package let audience: Audience
    /// Cycles that the RUL may differ from the running model's on all but one in a hundred of a
    /// device's readings: what the evaluator measured, with head-room.
    package let disagreementMax: Double
    /// The key that signed: the first 8 bytes of the SHA-256 of its public half, in hexadecimal.
    package let keyID: String

    /// Creates an offer and checks that its parts fit each other.
    package init(
        fleet: UnitIdentifier, runID: String, digest: Digest, size: Int, blockSize: Int,
        blocks: [Digest], featureSpec: String, counter: Int64, expires: Int64,
        audience: Audience, disagreementMax: Double, keyID: String
    ) throws(OfferError) {
        guard (1...ProtocolLimits.bundleSizeMax).contains(size) else {
            throw .size(size)
        }
        guard
            (ProtocolLimits.blockSizeMin...ProtocolLimits.bundleSizeMax).contains(blockSize)
        else { throw .blockSize(blockSize) }
        let expected = (size + blockSize - 1) / blockSize
        guard blocks.count == expected else {
            throw .blockCount(blocks.count, expected: expected)
        }
        guard counter > 0 else { throw .member("counter", expected: "a whole number above 0") }
        guard expires >= 0 else { throw .member("expires", expected: "milliseconds since 1970") }
        guard (1...64).contains(runID.utf8.count), runID.utf8.allSatisfy(UnitIdentifier.isAllowed)
        else { throw .member("run_id", expected: "[A-Za-z0-9._-]{1,64}") }
        for (name, text) in [("feature_spec", featureSpec), ("key_id", keyID)] {
            guard (1...64).contains(text.utf8.count),
                text.utf8.allSatisfy({ UnitIdentifier.isAllowed($0) || $0 == UInt8(ascii: "/") })
            else { throw .member(name, expected: "[A-Za-z0-9._/-]{1,64}") }
        }
        guard disagreementMax >= 0, disagreementMax.isFinite else {
            throw .member("disagreement_max", expected: "cycles, at least 0")
        }
        switch audience {
        case .all: break
        case .agents(let agents):
            guard (1...ProtocolLimits.audienceCountMax).contains(agents.count) else {
                throw .member("audience", expected: "1 to 256 agents")
            }
        case .share(let share, let salt):
            guard (0...1).contains(share), salt.utf8.count <= 64 else {
                throw .member("audience", expected: "a share of 0 to 1 and a salt of 64 bytes")
            }
        }
        self.fleet = fleet
        self.runID = runID
        self.digest = digest
        self.size = size
        self.blockSize = blockSize
        self.blocks = blocks
        self.featureSpec = featureSpec
        self.counter = counter
        self.expires = expires
        self.audience = audience
        self.disagreementMax = disagreementMax
        self.keyID = keyID
    }

    /// Bytes of block `index`: `blockSize`, or what remains for the last.
    package func size(ofBlock index: Int) -> Int {
        precondition(blocks.indices.contains(index), "block \(index) of \(blocks.count)")
        return min(blockSize, size - index * blockSize)
    }

    /// Whether `agent` is addressed.
    package func addresses(_ agent: UnitIdentifier) -> Bool { audience.addresses(agent) }
}

extension ModelOffer.Audience {
    /// Whether `agent` is addressed.
    ///
    /// A share is decided by a hash of salt and agent: the same agents stay in when it grows.
    package func addresses(_ agent: UnitIdentifier) -> Bool {
        switch self {
        case .all: true
        case .agents(let agents): agents.contains(agent)
        case .share(let share, let salt): Self.place(of: agent, salt: salt) < share
        }
    }

    /// Where an agent stands in `0 ..< 1`: every share above it addresses the agent.
    package static func place(of agent: UnitIdentifier, salt: String) -> Double {
        // Fowler, Noll, Vo: 64-bit FNV-1a, offset basis and prime from draft-eastlake-fnv.
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in "\(salt)/\(agent)".utf8 {
            hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3
        }
        // FNV hardly spreads the last character, and fleets number their agents: finish with
        // Appleby's MurmurHash3 `fmix64`, then take 53 bits as a fraction below 1.
        hash = (hash ^ hash >> 33) &* 0xff51_afd7_ed55_8ccd
        hash = (hash ^ hash >> 33) &* 0xc4ce_b9fe_1a85_ec53
        hash ^= hash >> 33
        return Double(hash >> 11) / 9_007_199_254_740_992
    }
}

/// A reason to refuse an offer's bytes.
package enum OfferError: Error, Equatable {
    case tooShort(size: Int)
    case tooLarge(size: Int)
    case json(String)
    case format(String)
    case member(String, expected: String)
    case size(Int)
    case blockSize(Int)
    case blockCount(Int, expected: Int)
}

extension OfferError: CustomStringConvertible {
    /// What was seen, against what was expected, then the sender's next step.
    package var description: String {
        switch self {
        case .tooShort(let size):
            "The offer has \(size) bytes, a signature alone has \(SignedOffer.signatureSize). "
                + "Push again."
        case .tooLarge(let size):
            "The offer has \(size) bytes, the limit is \(ProtocolLimits.offerSizeMax). Push again."
        case .json(let reason): "The offer is not a JSON object: \(reason) Push again."
        case .format(let format):
            "The offer's format is '\(format)', this agent reads '\(SignedOffer.format)'. "
                + "Update the agent or push with the matching back office."
        case .member(let name, let expected):
            "The offer's '\(name)' is missing or wrong, expected \(expected). Push again."
        case .size(let size):
            "The offered bundle has \(size) bytes, 1 to \(ProtocolLimits.bundleSizeMax) are "
                + "accepted. Publish a smaller model."
        case .blockSize(let size):
            "The offered block size is \(size) bytes, \(ProtocolLimits.blockSizeMin) to "
                + "\(ProtocolLimits.bundleSizeMax) are accepted. Push again."
        case .blockCount(let count, let expected):
            "The offer names \(count) blocks, its size needs \(expected). Push again."
        }
    }
}
