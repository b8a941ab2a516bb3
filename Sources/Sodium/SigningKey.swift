import CSodium
import Prognostics

/// An Ed25519 key pair that signs (RFC 8032); its memory is locked, and wiped when it goes.
package struct SigningKey: ~Copyable {
    /// Bytes of the seed that determines the pair.
    package static let seedSize = 32
    /// Bytes of a detached signature.
    package static let signatureSize = 64

    /// The public half.
    package let verificationKey: VerificationKey
    /// libsodium's 64 secret bytes, from `sodium_malloc`: guarded, locked, wiped by `sodium_free`.
    private let secret: UnsafeMutablePointer<UInt8>

    /// A new random key pair.
    package static func generate() -> SigningKey {
        var seed = randomBytes(count: seedSize)
        defer { wipe(&seed) }
        guard let key = SigningKey(seed: seed) else { preconditionFailure("a seed of 32 bytes") }
        return key
    }

    /// The key pair of a seed; `nil` unless there are exactly 32 bytes.
    package init?(seed: [UInt8]) {
        guard seed.count == Self.seedSize else { return nil }
        Library.ready
        guard let memory = sodium_malloc(Int(crypto_sign_secretkeybytes())) else {
            preconditionFailure("no lockable memory for a key")
        }
        let secret = memory.assumingMemoryBound(to: UInt8.self)
        var publicBytes = [UInt8](repeating: 0, count: VerificationKey.size)
        crypto_sign_seed_keypair(&publicBytes, secret, seed)
        guard let verificationKey = VerificationKey(bytes: publicBytes) else {
            preconditionFailure("a public key of 32 bytes")
        }
        self.secret = secret
        self.verificationKey = verificationKey
    }

    deinit { sodium_free(secret) }

    /// The 64-byte signature of `message`; the same every time.
    package borrowing func signature(of message: [UInt8]) -> [UInt8] {
        var signature = [UInt8](repeating: 0, count: Self.signatureSize)
        crypto_sign_detached(&signature, nil, message, UInt64(message.count), secret)
        return signature
    }

    /// Calls `body` with the seed, which is wiped afterwards; `body` must not keep it.
    package borrowing func withSeed<Result>(
        _ body: (UnsafeRawBufferPointer) -> Result
    ) -> Result {
        var seed = [UInt8](repeating: 0, count: Self.seedSize)
        defer { Self.wipe(&seed) }
        crypto_sign_ed25519_sk_to_seed(&seed, secret)
        return seed.withUnsafeBytes(body)
    }

    /// Overwrites secret bytes in a way that the compiler may not drop.
    static func wipe(_ bytes: inout [UInt8]) {
        bytes.withUnsafeMutableBytes { buffer in
            if let start = buffer.baseAddress { sodium_memzero(start, buffer.count) }
        }
    }
}

/// The public half of an Ed25519 key pair: checks signatures.
package struct VerificationKey: Hashable, Sendable {
    /// Bytes of a public key.
    package static let size = 32

    /// The public key.
    package let bytes: [UInt8]
    /// The first 8 bytes of the public key's SHA-256, as 16 hexadecimal digits.
    package let keyIdentifier: String

    /// Creates a key; `nil` unless there are exactly 32 bytes.
    package init?(bytes: [UInt8]) {
        guard bytes.count == Self.size else { return nil }
        self.bytes = bytes
        keyIdentifier = Hexadecimal.text(SHA256.digest(of: bytes).bytes.prefix(8))
    }

    /// Whether `signature` is this key's detached signature of `message`.
    package func verifies(signature: [UInt8], of message: [UInt8]) -> Bool {
        guard signature.count == SigningKey.signatureSize else { return false }
        return crypto_sign_verify_detached(signature, message, UInt64(message.count), bytes) == 0
    }
}
