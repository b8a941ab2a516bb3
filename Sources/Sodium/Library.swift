import CSodium

/// libsodium, set up once per process.
enum Library {
    /// Touch before any call: `sodium_init` is thread-safe and runs at the first use.
    static let ready: Void = {
        let result = sodium_init()
        precondition(result >= 0, "libsodium found no source of randomness")
    }()
}

/// Bytes from the operating system's random number generator.
package func randomBytes(count: Int) -> [UInt8] {
    Library.ready
    return [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
        if let start = buffer.baseAddress { randombytes_buf(start, count) }
        initialized = count
    }
}

/// Lower-case hexadecimal text.
enum Hexadecimal {
    static func text(_ bytes: some Sequence<UInt8>) -> String {
        let digits = Array("0123456789abcdef".utf8)
        return String(
            decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] },
            as: UTF8.self)
    }
}
