import CSodium
package import Prognostics

/// SHA-256 (FIPS 180-4), of bytes at hand or piece by piece.
package struct SHA256 {
    private var state = crypto_hash_sha256_state()

    /// Creates a hasher that has seen no bytes.
    package init() {
        Library.ready
        crypto_hash_sha256_init(&state)
    }

    /// Adds bytes.
    package mutating func update(_ bytes: UnsafeRawBufferPointer) {
        guard let start = bytes.baseAddress else { return }
        crypto_hash_sha256_update(
            &state, start.assumingMemoryBound(to: UInt8.self), UInt64(bytes.count))
    }

    /// Adds bytes.
    package mutating func update(_ bytes: [UInt8]) { bytes.withUnsafeBytes { update($0) } }

    /// The digest of all bytes added so far; the hasher can go on.
    package func digest() -> Digest {
        var copy = state
        var bytes = [UInt8](repeating: 0, count: Digest.size)
        crypto_hash_sha256_final(&copy, &bytes)
        guard let digest = Digest(bytes: bytes) else {
            preconditionFailure("SHA-256 gives \(Digest.size) bytes")
        }
        return digest
    }

    /// The digest of `bytes`.
    package static func digest(of bytes: [UInt8]) -> Digest {
        bytes.withUnsafeBytes { digest(of: $0) }
    }

    /// The digest of `bytes`.
    package static func digest(of bytes: UnsafeRawBufferPointer) -> Digest {
        var hasher = SHA256()
        hasher.update(bytes)
        return hasher.digest()
    }
}
