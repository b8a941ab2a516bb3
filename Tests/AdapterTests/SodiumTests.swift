import Prognostics
import Sodium
import Testing

/// Bytes from hexadecimal digits, for vectors as they are printed.
private func bytes(_ hex: String) -> [UInt8] {
    var bytes: [UInt8] = []
    var rest = hex[...]
    while let value = UInt8(rest.prefix(2), radix: 16) {
        bytes.append(value)
        rest = rest.dropFirst(2)
    }
    return bytes
}

@Suite("SHA-256")
struct SHA256Tests {
    /// NIST, "SHA-256 examples" to FIPS 180-4 and "Additional test vectors"; the empty message from
    /// the NIST CAVP short-message file.
    static let vectors: [(message: [UInt8], digest: String)] = [
        ([], "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        (Array("abc".utf8), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        (
            Array("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq".utf8),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
        ),
        ([0xBD], "68325720aabd7c82f30f554b313d0570c95accbb7dc4b5aae11204c08ffe732b"),
        (
            [UInt8](repeating: 0, count: 1_000),
            "541b3e9daa09b20bf85fa273e5cbd3e80185aa4ec298e765db87742b70138a53"
        ),
        (
            [UInt8](repeating: UInt8(ascii: "a"), count: 1_000_000),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"
        ),
    ]

    @Test("NIST's examples hash to NIST's digests", arguments: vectors)
    func vector(message: [UInt8], digest: String) {
        #expect(SHA256.digest(of: message) == Digest(hex: digest))
    }

    @Test("However a message is cut, the digest is the same", arguments: [1, 63, 64, 65])
    func incremental(size: Int) {
        let message = (0..<500).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        var hasher = SHA256()
        for start in stride(from: 0, to: message.count, by: size) {
            hasher.update(Array(message[start..<min(start + size, message.count)]))
            _ = hasher.digest()
        }
        #expect(hasher.digest() == SHA256.digest(of: message))
    }
}

@Suite("Ed25519 signatures")
struct SigningKeyTests {
    /// RFC 8032 §7.1: secret key (seed), public key, message, signature.
    static let vectors: [(seed: String, key: String, message: String, signature: String)] = [
        (
            "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
            "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
                + "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"
        ),
        (
            "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
            "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
                + "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
        ),
        (
            "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
            "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
            "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
                + "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"
        ),
    ]

    @Test("RFC 8032's keys sign as printed there", arguments: vectors)
    func vector(seed: String, key: String, message: String, signature: String) {
        guard let signingKey = SigningKey(seed: bytes(seed)) else {
            Issue.record("a seed of 32 bytes was refused")
            return
        }
        let verificationKey = signingKey.verificationKey
        #expect(verificationKey.bytes == bytes(key))
        let signed = signingKey.signature(of: bytes(message))
        #expect(signed == bytes(signature))
        #expect(verificationKey.verifies(signature: signed, of: bytes(message)))
    }

    @Test("One flipped bit of message or signature is refused")
    func flippedBit() {
        let key = SigningKey.generate()
        let verificationKey = key.verificationKey
        let message = Array("an offer".utf8)
        let signature = key.signature(of: message)
        for index in message.indices {
            var changed = message
            changed[index] ^= 1
            #expect(!verificationKey.verifies(signature: signature, of: changed))
        }
        for index in signature.indices {
            var changed = signature
            changed[index] ^= 1
            #expect(!verificationKey.verifies(signature: changed, of: message))
        }
        #expect(!verificationKey.verifies(signature: Array(signature.dropLast()), of: message))
        #expect(!SigningKey.generate().verificationKey.verifies(signature: signature, of: message))
    }

    @Test("A key identifier is the start of the public key's SHA-256")
    func keyIdentifier() throws {
        let key = try #require(VerificationKey(bytes: bytes(Self.vectors[0].key)))
        #expect(SHA256.digest(of: key.bytes).description.hasPrefix(key.keyIdentifier))
        #expect(key.keyIdentifier.utf8.count == 16)
    }

    @Test("Seeds and keys of any other size than 32 bytes are refused", arguments: [0, 31, 33])
    func sizes(count: Int) {
        let wrong = [UInt8](repeating: 1, count: count)
        let isRefused = SigningKey(seed: wrong) == nil
        #expect(isRefused)
        #expect(VerificationKey(bytes: wrong) == nil)
    }

    @Test("Random bytes have the count asked for and differ")
    func random() {
        #expect(randomBytes(count: 0) == [])
        #expect(randomBytes(count: 32) != randomBytes(count: 32))
    }
}

@Suite("Key files")
struct KeyFileTests {
    static let key = SigningKey.generate().verificationKey
    static var line: String { KeyFile.text(of: key) }

    @Test("A public key is read back, between comments, blanks and a copy of itself")
    func publicKey() throws {
        let text = "# keys of fleet north\n\n  \(Self.line)\r\n\(Self.line)# end"
        #expect(try KeyFile.publicKeys(Array(text.utf8), name: "model.pub") == [Self.key])
    }

    @Test("A secret key is read back and signs as before")
    func secretKey() throws {
        let key = SigningKey.generate()
        let text = Array(KeyFile.secretText(of: key).utf8)
        let again = try KeyFile.signingKey(text, name: "model.key")
        #expect(again.signature(of: [1, 2]) == key.signature(of: [1, 2]))
    }

    @Test("Four public keys are accepted, five and none are not", arguments: [0, 1, 4, 5])
    func count(count: Int) throws {
        let text = (0..<count).map { _ in
            KeyFile.text(of: SigningKey.generate().verificationKey)
        }
        let bytes = Array(text.joined().utf8)
        if (1...4).contains(count) {
            #expect(try KeyFile.publicKeys(bytes, name: "model.pub").count == count)
        } else {
            #expect(throws: KeyFileError.keyCount(name: "model.pub", count: count, limit: 4)) {
                try KeyFile.publicKeys(bytes, name: "model.pub")
            }
        }
    }

    /// A damaged second line, after a good first one, and the error it gives.
    struct Damage: CustomTestStringConvertible {
        let testDescription: String
        let line: String
        let message: String
    }

    @Test(
        "A damaged line is refused with file, line and what was expected",
        arguments: [
            Damage(
                testDescription: "another word", line: "ssh-ed25519 AAAA me",
                message: "model.pub, line 2: expected \"nacelle-ed25519-public"),
            Damage(
                testDescription: "no identifier", line: String(line.dropLast(18)),
                message: "model.pub, line 2: expected"),
            Damage(
                testDescription: "a short key",
                line: "nacelle-ed25519-public 00ff 0011223344556677",
                message: "model.pub, line 2: the key is not 64"),
            Damage(
                testDescription: "a foreign identifier",
                line: line.dropLast(17) + "0011223344556677",
                message: "model.pub, line 2: the key identifier says 0011223344556677"),
            Damage(
                testDescription: "a secret key", line: KeyFile.secretText(of: .generate()),
                message: "model.pub, line 2: expected"),
        ])
    func damage(_ damage: Damage) {
        let text = Self.line + damage.line
        let error = #expect(throws: KeyFileError.self) {
            try KeyFile.publicKeys(Array(text.utf8), name: "model.pub")
        }
        #expect("\(error.map { "\($0)" } ?? "")".hasPrefix(damage.message))
    }
}

@Suite("HMAC-SHA256")
struct HMACSHA256Tests {
    @Test(
        "The test cases of RFC 4231 have their codes",
        arguments: [
            (
                String(repeating: "0b", count: 20), "4869205468657265",
                "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"
            ),
            (
                "4a656665", "7768617420646f2079612077616e7420666f72206e6f7468696e673f",
                "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
            ),
            (
                // A key of more than one block.
                String(repeating: "aa", count: 131),
                "54657374205573696e67204c6172676572205468616e20426c6f636b2d53697a65204b6579202d20"
                    + "48617368204b6579204669727374",
                "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"
            ),
        ])
    func vector(key: String, message: String, code: String) {
        #expect(HMACSHA256.code(of: bytes(message), key: bytes(key)) == bytes(code))
    }
}
