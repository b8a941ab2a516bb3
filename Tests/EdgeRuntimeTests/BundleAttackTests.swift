import EdgeCore
import EdgeProtocol
import EdgeRuntime
import Prognostics
import Sodium
import Testing

/// Bytes that claim to be a bundle or an offer, with real digests and signatures.
@Suite("Attacks with bytes")
struct BundleAttackTests {
    /// Bytes without meaning; digests are checked before anything is decoded.
    static let bytes = (0..<20_000).map { UInt8(truncatingIfNeeded: $0 &* $0 &* 31 >> 3) }

    static func offer(_ bytes: [UInt8], blocks: [[UInt8]]? = nil) throws -> ModelOffer {
        let blocks = blocks ?? BundleBlocks.split(bytes, blockSize: 4_096)
        return try ModelOffer(
            fleet: try EdgeStoreTests.unit("fleet"), runID: "run",
            digest: SHA256.digest(of: bytes), size: bytes.count, blockSize: 4_096,
            blocks: blocks.map { SHA256.digest(of: $0) }, featureSpec: "spec", counter: 1,
            expires: 1, audience: .all, disagreementMax: 125, keyID: "test")
    }

    private static func verify(_ bytes: [UInt8], _ offer: ModelOffer) -> String {
        switch BundleCandidate(offer: offer, bytes: bytes).verify() {
        case .passed: "passed"
        case .failed(let reason): "failed: " + reason
        case .damaged(let reason): "damaged: " + reason
        }
    }

    @Test("Arbitrary bundle: what a trusted key signed and is no bundle is refused, not run")
    func arbitrary() throws {
        for bytes in [[0], [UInt8](repeating: 0xFF, count: 9), Array("{}".utf8), Self.bytes] {
            let seen = Self.verify(bytes, try Self.offer(bytes))
            #expect(seen.hasPrefix("failed: "), "\(seen)")
        }
    }

    @Test("One flipped bit at any byte is found, whichever it is")
    func flipped() throws {
        let offer = try Self.offer(Self.bytes)
        for index in Self.bytes.indices {
            var bytes = Self.bytes
            bytes[index] ^= 1 << UInt8(index % 8)
            let seen = Self.verify(bytes, offer)
            if !seen.hasPrefix("damaged: The stored block \(index / 4_096) ") {
                Issue.record("byte \(index): \(seen)")
            }
        }
    }

    @Test("Truncated at any length, or with a byte more, it is found")
    func truncated() throws {
        let offer = try Self.offer(Self.bytes)
        for count in [0, 1, 4_095, 4_096, 4_097, 16_384, 19_999] {
            let seen = Self.verify(Array(Self.bytes.prefix(count)), offer)
            #expect(seen.hasPrefix("damaged: The stored blocks have \(count) bytes"))
        }
        #expect(Self.verify(Self.bytes + [0], offer).hasPrefix("damaged: The stored blocks have"))
    }

    @Test("Mix and match: blocks as signed that do not join to the signed bundle are refused")
    func mixed() throws {
        var other = Self.bytes
        other[5_000] ^= 1
        let offer = try Self.offer(
            Self.bytes, blocks: BundleBlocks.split(other, blockSize: 4_096))
        let seen = Self.verify(other, offer)
        #expect(seen.hasPrefix("failed: The bundle's digest is"), "\(seen)")
    }

    @Test("Foreign key: an offer with one flipped bit at any byte is authentic to nobody")
    func flippedOffer() throws {
        let key = SigningKey.generate()
        let stranger = SigningKey.generate()
        let payload = try Self.offer([1, 2, 3]).payload
        let signed = try SignedOffer(signature: key.signature(of: payload), payload: payload)
        let trusted = key.verificationKey
        #expect(trusted.verifies(signature: signed.signature, of: signed.payload))
        #expect(
            !stranger.verificationKey.verifies(signature: signed.signature, of: signed.payload))
        for index in signed.bytes.indices {
            for bit in UInt8(0)..<8 {
                var bytes = signed.bytes
                bytes[index] ^= 1 << bit
                let forged = try SignedOffer(bytes: bytes)
                if trusted.verifies(signature: forged.signature, of: forged.payload) {
                    Issue.record("byte \(index), bit \(bit)")
                }
            }
        }
    }
}
