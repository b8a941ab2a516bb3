import Prognostics
import StrictJSON

extension ModelOffer {
    /// The canonical JSON bytes, which the back office signs.
    package var payload: [UInt8] {
        let audience: JSON =
            switch self.audience {
            case .all: ["type": .string("all")]
            case .agents(let agents):
                [
                    "type": .string("agents"),
                    "agents": .array(agents.map { .string($0.description) }),
                ]
            case .share(let share, let salt):
                ["type": .string("share"), "share": .double(share), "salt": .string(salt)]
            }
        let object: JSON = [
            "format": .string(SignedOffer.format),
            "fleet": .string(fleet.description),
            "run_id": .string(runID),
            "digest": .string(digest.description),
            "size": .integer(size),
            "block_size": .integer(blockSize),
            "blocks": .array(blocks.map { .string($0.description) }),
            "feature_spec": .string(featureSpec),
            "counter": .integer(counter),
            "expires": .integer(expires),
            "audience": audience,
            "disagreement_max": .double(disagreementMax),
            "key_id": .string(keyID),
        ]
        return object.bytes
    }

    private static let members = [
        "format", "fleet", "run_id", "digest", "size", "block_size", "blocks", "feature_spec",
        "counter", "expires", "audience", "disagreement_max", "key_id",
    ]

    /// Decodes the signed bytes; members of other names are refused, because a signer meant them.
    package init(payload: [UInt8]) throws(OfferError) {
        do {
            let limits = JSONLimits(sizeMax: ProtocolLimits.offerSizeMax, depthMax: 4)
            let reader = try JSONReader(parsing: payload, limits: limits)
            let format = try reader.string("format")
            guard format == SignedOffer.format else { throw OfferError.format(format) }
            try reader.allowOnly(Self.members)
            let fleet = try Self.identifier(reader.string("fleet"), member: "fleet")
            let digest = try Self.digest(reader.string("digest"), member: "digest")
            let names = try reader.strings("blocks")
            guard names.count <= ProtocolLimits.blockCountMax else {
                throw OfferError.member(
                    "blocks", expected: "at most \(ProtocolLimits.blockCountMax) digests")
            }
            var blocks: [Digest] = []
            for name in names { blocks.append(try Self.digest(name, member: "blocks")) }
            let sizes = 1...Int64(ProtocolLimits.bundleSizeMax)
            try self.init(
                fleet: fleet, runID: reader.string("run_id"), digest: digest,
                size: Int(reader.integer("size", in: sizes)),
                blockSize: Int(reader.integer("block_size", in: sizes)), blocks: blocks,
                featureSpec: reader.string("feature_spec"),
                counter: reader.integer("counter"), expires: reader.integer("expires"),
                audience: Self.audience(reader.object("audience")),
                disagreementMax: reader.double("disagreement_max"),
                keyID: reader.string("key_id"))
        } catch let error as OfferError {
            throw error
        } catch let error as JSONError {
            throw .json(error.description)
        } catch {
            preconditionFailure("only offers and JSON can fail here")
        }
    }

    private static func audience(_ reader: JSONReader) throws -> Audience {
        switch try reader.string("type") {
        case "all": return .all
        case "share":
            return .share(try reader.double("share"), salt: try reader.string("salt"))
        case "agents":
            var agents: [UnitIdentifier] = []
            for name in try reader.strings("agents") {
                agents.append(try identifier(name, member: "audience"))
            }
            return .agents(agents)
        default:
            throw OfferError.member("audience", expected: "type all, agents or share")
        }
    }

    private static func identifier(
        _ text: String, member: String
    ) throws(OfferError) -> UnitIdentifier {
        guard let identifier = UnitIdentifier(text) else {
            throw .member(member, expected: "[A-Za-z0-9._-]{1,64}")
        }
        return identifier
    }

    private static func digest(_ text: String, member: String) throws(OfferError) -> Digest {
        guard let digest = Digest(hex: text) else {
            throw .member(member, expected: "64 lower-case hexadecimal digits")
        }
        return digest
    }
}

/// Cuts a bundle into the blocks that travel.
package enum BundleBlocks {
    /// The blocks of a bundle, in order: all of `blockSize` bytes but the last.
    package static func split(
        _ bundle: [UInt8], blockSize: Int = ProtocolLimits.blockSize
    ) -> [[UInt8]] {
        stride(from: 0, to: bundle.count, by: blockSize).map { start in
            Array(bundle[start..<min(start + blockSize, bundle.count)])
        }
    }
}
