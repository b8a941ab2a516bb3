import CSodium
import Prognostics

/// HMAC with SHA-256 (RFC 2104, FIPS 180-4), for keys of any size.
package enum HMACSHA256 {
    /// The authentication code of a message, 32 bytes.
    package static func code(of message: [UInt8], key: [UInt8]) -> [UInt8] {
        Library.ready
        var state = crypto_auth_hmacsha256_state()
        crypto_auth_hmacsha256_init(&state, key, key.count)
        crypto_auth_hmacsha256_update(&state, message, UInt64(message.count))
        var code = [UInt8](repeating: 0, count: Digest.size)
        crypto_auth_hmacsha256_final(&state, &code)
        return code
    }
}
