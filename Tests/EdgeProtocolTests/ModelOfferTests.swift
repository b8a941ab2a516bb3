import EdgeProtocol
import Prognostics
import StrictJSON
import Testing

@Suite("Model offers")
struct ModelOfferTests {
    static func offer(
        size: Int = 40_000, blockSize: Int = 16_384, blockCount: Int = 3,
        runID: String = "xgboost-0123456789ab", counter: Int64 = 7,
        expires: Int64 = 1_800_000_000_000,
        audience: ModelOffer.Audience = .all, disagreementMax: Double = 2.5
    ) throws -> ModelOffer {
        try ModelOffer(
            fleet: try Fixture.unit("FD001"), runID: runID, digest: try Fixture.digest(),
            size: size, blockSize: blockSize,
            blocks: try (0..<blockCount).map { try Fixture.digest(UInt8($0 % 256)) },
            featureSpec: "turbofan-features/2", counter: counter, expires: expires,
            audience: audience, disagreementMax: disagreementMax, keyID: "0011223344556677")
    }

    @Test("The signed bytes are canonical JSON, member for member")
    func canonical() throws {
        let expected =
            "{\"format\":\"nacelle-offer/1\",\"fleet\":\"FD001\","
            + "\"run_id\":\"xgboost-0123456789ab\","
            + "\"digest\":\"\(try Fixture.digest())\",\"size\":40000,\"block_size\":16384,"
            + "\"blocks\":[\"\(try Fixture.digest(0))\",\"\(try Fixture.digest(1))\","
            + "\"\(try Fixture.digest(2))\"],\"feature_spec\":\"turbofan-features/2\","
            + "\"counter\":7,\"expires\":1800000000000,\"audience\":{\"type\":\"all\"},"
            + "\"disagreement_max\":2.5,\"key_id\":\"0011223344556677\"}"
        #expect(String(decoding: try Self.offer().payload, as: UTF8.self) == expected)
    }

    @Test("An offer reads its own bytes back, whatever its audience")
    func roundTrip() throws {
        let audiences: [ModelOffer.Audience] = [
            .all, .agents([try Fixture.unit("edge-1"), try Fixture.unit("edge-2")]),
            .share(0, salt: ""), .share(0.1, salt: "spring \u{1F338}"), .share(1, salt: "x"),
        ]
        for audience in audiences {
            let offer = try Self.offer(audience: audience)
            #expect(try ModelOffer(payload: offer.payload) == offer)
        }
    }

    @Test(
        "A bundle is cut into as many blocks as its size needs",
        arguments: [
            (1, 16_384, 1), (16_383, 16_384, 1), (16_384, 16_384, 1), (16_385, 16_384, 2),
            (1_048_576, 4_096, 256), (1_048_576, 1_048_576, 1),
        ])
    func blockCount(size: Int, blockSize: Int, count: Int) throws {
        let offer = try Self.offer(size: size, blockSize: blockSize, blockCount: count)
        #expect((0..<count).map { offer.size(ofBlock: $0) }.reduce(0, +) == size)
        let bundle = [UInt8](repeating: 9, count: size)
        let blocks = BundleBlocks.split(bundle, blockSize: blockSize)
        #expect(blocks.map(\.count) == (0..<count).map { offer.size(ofBlock: $0) })
        #expect(blocks.flatMap { $0 } == bundle)
        for wrong in [count - 1, count + 1] {
            #expect(throws: OfferError.blockCount(wrong, expected: count)) {
                try Self.offer(size: size, blockSize: blockSize, blockCount: wrong)
            }
        }
    }

    @Test("Sizes outside of the limits are refused")
    func sizes() {
        #expect(throws: OfferError.size(0)) { try Self.offer(size: 0, blockCount: 0) }
        #expect(throws: OfferError.size(1_048_577)) {
            try Self.offer(size: 1_048_577, blockCount: 65)
        }
        #expect(throws: OfferError.blockSize(4_095)) { try Self.offer(blockSize: 4_095) }
        #expect(throws: OfferError.blockSize(1_048_577)) { try Self.offer(blockSize: 1_048_577) }
    }

    @Test("Members outside of their range are refused")
    func ranges() throws {
        let agent = try Fixture.unit()
        #expect(throws: OfferError.self) { try Self.offer(counter: 0) }
        #expect(throws: OfferError.self) { try Self.offer(expires: -1) }
        for runID in ["", "a/b", "a b", String(repeating: "x", count: 65)] {
            #expect(throws: OfferError.self) { try Self.offer(runID: runID) }
        }
        for disagreement in [-0.1, .nan, .infinity] {
            #expect(throws: OfferError.self) { try Self.offer(disagreementMax: disagreement) }
        }
        for audience: ModelOffer.Audience in [
            .agents([]), .agents([UnitIdentifier](repeating: agent, count: 257)),
            .share(-0.1, salt: ""), .share(1.1, salt: ""), .share(.nan, salt: ""),
            .share(0.5, salt: String(repeating: "x", count: 65)),
        ] {
            #expect(throws: OfferError.self) { try Self.offer(audience: audience) }
        }
    }

    @Test(
        "Signed JSON that is no offer is refused",
        arguments: [
            ("\"format\":\"nacelle-offer/1\"", "\"format\":\"nacelle-offer/2\""),
            ("\"format\":\"nacelle-offer/1\",", ""), ("\"fleet\":\"FD001\",", ""),
            ("\"fleet\":\"FD001\"", "\"fleet\":\"a/b\""), ("\"counter\":7,", ""),
            ("\"counter\":7", "\"counter\":7.5"), ("\"counter\":7", "\"counter\":-7"),
            ("\"counter\":7", "\"counter\":9223372036854775808"),
            ("\"counter\":7", "\"counter\":7,\"counter\":8"),
            ("\"counter\":7", "\"counter\":7,\"priority\":1"),
            ("\"size\":40000", "\"size\":\"40000\""), ("\"size\":40000", "\"size\":400000"),
            ("\"block_size\":16384", "\"block_size\":0"), ("\"blocks\":[", "\"blocks\":[1,"),
            ("\"blocks\":[\"0", "\"blocks\":[\"x"), ("\"digest\":\"a", "\"digest\":\"A"),
            ("{\"type\":\"all\"}", "\"all\""), ("{\"type\":\"all\"}", "{\"type\":\"none\"}"),
            ("{\"type\":\"all\"}", "{\"type\":\"agents\",\"agents\":[\"#\"]}"),
            ("{\"type\":\"all\"}", "{\"type\":\"share\",\"share\":2,\"salt\":\"\"}"),
            ("\"disagreement_max\":2.5", "\"disagreement_max\":1e999"),
            ("\"key_id\"", "\"key\""), ("}", ""),
        ])
    func refusedPayload(part: String, replacement: String) throws {
        let text = String(decoding: try Self.offer().payload, as: UTF8.self)
        let changed = text.replacing(part, with: replacement)
        #expect(changed != text)
        #expect(throws: OfferError.self) { try ModelOffer(payload: Array(changed.utf8)) }
    }

    @Test("An offer that names more blocks than any bundle has is refused before they are read")
    func tooManyBlocks() throws {
        let text = String(decoding: try Self.offer().payload, as: UTF8.self)
        let digest = "\"\(try Fixture.digest(0))\""
        let many = [String](repeating: digest, count: 257).joined(separator: ",")
        let changed = text.replacing(digest, with: many)
        #expect(
            throws: OfferError.member("blocks", expected: "at most 256 digests")
        ) { try ModelOffer(payload: Array(changed.utf8)) }
    }

    @Test("An offer to named agents addresses them and nobody else")
    func namedAgents() throws {
        let offer = try Self.offer(audience: .agents([try Fixture.unit("edge-1")]))
        #expect(offer.addresses(try Fixture.unit("edge-1")))
        #expect(!offer.addresses(try Fixture.unit("edge-10")))
        #expect(!offer.addresses(try Fixture.unit("Edge-1")))
    }

    @Test("A share is decided as an independent FNV-1a with MurmurHash3's finish decides it")
    func share() throws {
        // Fractions of agents edge-1 ... edge-8 under the salt "spring", computed in Python.
        let fractions = [
            0.11574938854433203, 0.34922223330827207, 0.804075165149509, 0.9764749794396925,
            0.8910728236872809, 0.49019745611317456, 0.07028239902799571, 0.13719560402000708,
        ]
        for (index, fraction) in fractions.enumerated() {
            let agent = try Fixture.unit("edge-\(index + 1)")
            let below = try Self.offer(audience: .share(fraction, salt: "spring"))
            let above = try Self.offer(audience: .share(fraction.nextUp, salt: "spring"))
            #expect(!below.addresses(agent))
            #expect(above.addresses(agent))
        }
    }

    @Test("A share of numbered agents is about that share, and only grows", arguments: ["", "b"])
    func shareSizes(salt: String) throws {
        let agents = try (0..<1_000).map { try Fixture.unit("agent-\($0)") }
        var previous: Set<UnitIdentifier> = []
        for share in [0, 0.1, 0.25, 0.5, 0.9, 1] {
            let offer = try Self.offer(audience: .share(share, salt: salt))
            let addressed = Set(agents.filter(offer.addresses))
            #expect(addressed.isSuperset(of: previous), "share \(share)")
            // Five standard deviations of a binomial count of 1,000.
            let reach = 5 * (1_000 * share * (1 - share)).squareRoot()
            #expect(abs(Double(addressed.count) - 1_000 * share) <= reach, "share \(share)")
            previous = addressed
        }
    }
}

@Suite("Signed offers")
struct SignedOfferTests {
    static let signature = (0..<64).map { UInt8($0) }

    @Test("The first 64 bytes are the signature, the rest is what it signs, as received")
    func parts() throws {
        let signed = try SignedOffer(bytes: Self.signature + Array("{ }".utf8))
        #expect(signed.signature == Self.signature)
        #expect(signed.payload == Array("{ }".utf8))
        #expect(signed.bytes == Self.signature + Array("{ }".utf8))
        #expect(throws: OfferError.self) { try signed.decode() }
    }

    @Test("A signature alone is no offer, one byte more may be")
    func shortest() throws {
        #expect(throws: OfferError.tooShort(size: 0)) { try SignedOffer(bytes: []) }
        #expect(throws: OfferError.tooShort(size: 64)) { try SignedOffer(bytes: Self.signature) }
        #expect(try SignedOffer(bytes: Self.signature + [1]).payload == [1])
    }

    @Test("An offer of the greatest size is split, one byte more is refused")
    func largest() throws {
        let bytes = [UInt8](repeating: 32, count: ProtocolLimits.offerSizeMax)
        #expect(try SignedOffer(bytes: bytes).bytes == bytes)
        #expect(throws: OfferError.tooLarge(size: ProtocolLimits.offerSizeMax + 1)) {
            try SignedOffer(bytes: bytes + [32])
        }
    }
}
