/// The text of key files: one key per line, `#` starts a comment line.
///
///     nacelle-ed25519-public <64 hexadecimal digits> <key identifier>
///     nacelle-ed25519-secret <64 hexadecimal digits of the seed> <key identifier>
///
/// The key identifier is redundant on purpose: it is what offers and log lines name, and it catches
/// a damaged line. Reading and writing files is the caller's work.
package enum KeyFile {
    /// A device trusts at most so many keys: the present one, the next, and a spare of each.
    package static let publicKeyCountMax = 4
    /// A larger file is not a key file.
    package static let sizeMax = 16_384

    private static let publicWord = "nacelle-ed25519-public"
    private static let secretWord = "nacelle-ed25519-secret"

    /// The line of a public key, with its newline.
    package static func text(of key: VerificationKey) -> String {
        "\(publicWord) \(Hexadecimal.text(key.bytes)) \(key.keyIdentifier)\n"
    }

    /// The line of a secret key, with its newline; write it to a file that only its owner reads.
    package static func secretText(of key: borrowing SigningKey) -> String {
        let identifier = key.verificationKey.keyIdentifier
        return key.withSeed { "\(secretWord) \(Hexadecimal.text($0)) \(identifier)\n" }
    }

    /// The 1 to 4 public keys in the bytes of the file that errors call `name`.
    package static func publicKeys(
        _ bytes: [UInt8], name: String
    ) throws(KeyFileError) -> [VerificationKey] {
        var keys: [VerificationKey] = []
        for line in try lines(bytes, name: name) {
            let fields = try fields(of: line, word: publicWord, name: name)
            guard let key = VerificationKey(bytes: fields.bytes) else {
                throw .badKey(name: name, line: line.number)
            }
            try check(key, against: fields.identifier, line: line, name: name)
            if !keys.contains(key) { keys.append(key) }
        }
        guard (1...publicKeyCountMax).contains(keys.count) else {
            throw .keyCount(name: name, count: keys.count, limit: publicKeyCountMax)
        }
        return keys
    }

    /// The one secret key in the bytes of the file that errors call `name`.
    package static func signingKey(
        _ bytes: [UInt8], name: String
    ) throws(KeyFileError) -> SigningKey {
        let lines = try lines(bytes, name: name)
        guard let line = lines.first, lines.count == 1 else {
            throw .keyCount(name: name, count: lines.count, limit: 1)
        }
        var fields = try fields(of: line, word: secretWord, name: name)
        defer { SigningKey.wipe(&fields.bytes) }
        guard let key = SigningKey(seed: fields.bytes) else {
            throw .badKey(name: name, line: line.number)
        }
        try check(key.verificationKey, against: fields.identifier, line: line, name: name)
        return key
    }

    private struct Line {
        let number: Int
        let bytes: ArraySlice<UInt8>
    }

    /// The lines that are neither empty nor comments, numbered from 1.
    private static func lines(
        _ bytes: [UInt8], name: String
    ) throws(KeyFileError) -> [Line] {
        guard bytes.count <= sizeMax else {
            throw .tooLarge(name: name, size: bytes.count, limit: sizeMax)
        }
        let all = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        return zip(1..., all).compactMap { number, bytes in
            guard let first = bytes.first(where: { !isBlank($0) }), first != UInt8(ascii: "#")
            else { return nil }
            return Line(number: number, bytes: bytes)
        }
    }

    private static func fields(
        of line: Line, word: String, name: String
    ) throws(KeyFileError) -> (bytes: [UInt8], identifier: String) {
        let fields = line.bytes.split(whereSeparator: isBlank)
        guard fields.count == 3, fields[0].elementsEqual(word.utf8) else {
            throw .badLine(name: name, line: line.number, expected: word)
        }
        guard let bytes = decoded(fields[1]), bytes.count == VerificationKey.size else {
            throw .badKey(name: name, line: line.number)
        }
        return (bytes, String(decoding: fields[2], as: UTF8.self))
    }

    private static func check(
        _ key: VerificationKey, against identifier: String, line: Line, name: String
    ) throws(KeyFileError) {
        guard key.keyIdentifier == identifier else {
            throw .identifierMismatch(
                name: name, line: line.number, written: identifier, computed: key.keyIdentifier)
        }
    }

    private static func isBlank(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") || byte == UInt8(ascii: "\r")
    }

    private static func decoded(_ digits: ArraySlice<UInt8>) -> [UInt8]? {
        guard digits.count.isMultiple(of: 2) else { return nil }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(digits.count / 2)
        var high: UInt8?
        for digit in digits {
            let character = Character(Unicode.Scalar(digit))
            guard let value = character.hexDigitValue.map({ UInt8($0) }) else { return nil }
            if let upper = high {
                bytes.append(upper << 4 | value)
                high = nil
            } else {
                high = value
            }
        }
        return bytes
    }
}
