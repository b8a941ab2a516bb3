extension JSON {
    /// Parses one whole document (RFC 8259), and nothing that merely resembles one.
    ///
    /// Refused besides syntax errors: duplicate keys, invalid UTF-8, lone surrogates, a byte order
    /// mark, numbers over ``JSONNumber/sizeMax`` bytes and whatever exceeds `limits`.
    package static func parse(
        _ bytes: [UInt8], limits: JSONLimits = .standard
    ) throws(JSONError) -> JSON {
        guard bytes.count <= limits.sizeMax else {
            throw .tooLarge(size: bytes.count, limit: limits.sizeMax)
        }
        var parser = JSONParser(bytes: bytes, depthMax: limits.depthMax)
        return try parser.document()
    }
}

/// A recursive-descent reader; its recursion is bounded by `depthMax`.
struct JSONParser {
    private let bytes: [UInt8]
    private let depthMax: Int
    /// The next byte to read, in `0...bytes.count`.
    private var offset = 0

    init(bytes: [UInt8], depthMax: Int) {
        self.bytes = bytes
        self.depthMax = depthMax
    }

    /// The byte at `offset`; `nil` at the end.
    private var next: UInt8? { offset < bytes.count ? bytes[offset] : nil }

    mutating func document() throws(JSONError) -> JSON {
        let value = try value(depth: 0)
        skipSpace()
        guard next == nil else { throw .syntax(offset: offset, expected: "the end") }
        return value
    }

    private mutating func value(depth: Int) throws(JSONError) -> JSON {
        skipSpace()
        switch next {
        case UInt8(ascii: "{"): return try object(depth: depth + 1)
        case UInt8(ascii: "["): return try array(depth: depth + 1)
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try literal("true", .bool(true))
        case UInt8(ascii: "f"): return try literal("false", .bool(false))
        case UInt8(ascii: "n"): return try literal("null", .null)
        case let byte? where byte == UInt8(ascii: "-") || isDigit(byte):
            return .number(try number())
        default: throw .syntax(offset: offset, expected: "a value")
        }
    }

    private mutating func object(depth: Int) throws(JSONError) -> JSON {
        try enter(depth: depth)
        var members: [JSON.Member] = []
        var keys = KeySet()
        skipSpace()
        if accept(UInt8(ascii: "}")) { return .object(members) }
        while true {
            skipSpace()
            let keyOffset = offset
            guard next == UInt8(ascii: "\"") else {
                throw .syntax(offset: offset, expected: "a key in quotes")
            }
            let key = try string()
            guard keys.insert(key, after: members) else {
                throw .duplicateKey(offset: keyOffset, key: key)
            }
            skipSpace()
            guard accept(UInt8(ascii: ":")) else {
                throw .syntax(offset: offset, expected: "a colon")
            }
            members.append(.init(key: key, value: try value(depth: depth)))
            skipSpace()
            if accept(UInt8(ascii: "}")) { return .object(members) }
            guard accept(UInt8(ascii: ",")) else {
                throw .syntax(offset: offset, expected: "a comma or the object's end")
            }
        }
    }

    private mutating func array(depth: Int) throws(JSONError) -> JSON {
        try enter(depth: depth)
        var elements: [JSON] = []
        skipSpace()
        if accept(UInt8(ascii: "]")) { return .array(elements) }
        while true {
            elements.append(try value(depth: depth))
            skipSpace()
            if accept(UInt8(ascii: "]")) { return .array(elements) }
            guard accept(UInt8(ascii: ",")) else {
                throw .syntax(offset: offset, expected: "a comma or the array's end")
            }
        }
    }

    /// Steps over the opening bracket of a container at `depth`.
    private mutating func enter(depth: Int) throws(JSONError) {
        guard depth <= depthMax else { throw .tooDeep(offset: offset, limit: depthMax) }
        offset += 1
    }

    private mutating func literal(_ text: StaticString, _ value: JSON) throws(JSONError) -> JSON {
        let end = offset + text.utf8CodeUnitCount
        guard end <= bytes.count,
            bytes[offset..<end].elementsEqual(text.description.utf8)
        else { throw .syntax(offset: offset, expected: text.description) }
        offset = end
        return value
    }

    /// number = [ "-" ] int [ frac ] [ exp ], RFC 8259 §6.
    private mutating func number() throws(JSONError) -> JSONNumber {
        let start = offset
        _ = accept(UInt8(ascii: "-"))
        if !accept(UInt8(ascii: "0")) { try digits() }
        if accept(UInt8(ascii: ".")) { try digits() }
        if accept(UInt8(ascii: "e")) || accept(UInt8(ascii: "E")) {
            _ = accept(UInt8(ascii: "+")) || accept(UInt8(ascii: "-"))
            try digits()
        }
        guard offset - start <= JSONNumber.sizeMax else {
            throw .syntax(
                offset: start, expected: "a number of at most \(JSONNumber.sizeMax) bytes")
        }
        return JSONNumber(checkedText: String(decoding: bytes[start..<offset], as: UTF8.self))
    }

    private mutating func digits() throws(JSONError) {
        let start = offset
        while let byte = next, isDigit(byte) { offset += 1 }
        guard offset > start else { throw .syntax(offset: offset, expected: "a digit") }
    }

    /// Reads a string from its opening to its closing quote.
    private mutating func string() throws(JSONError) -> String {
        let start = offset
        offset += 1
        if let plain = plainString() { return plain }
        var text: [UInt8] = []
        while true {
            guard let byte = next else {
                throw .syntax(offset: offset, expected: "the string's closing quote")
            }
            offset += 1
            switch byte {
            case UInt8(ascii: "\""):
                guard let valid = String(validating: text, as: UTF8.self) else {
                    throw .syntax(offset: start, expected: "a string in UTF-8")
                }
                return valid
            case UInt8(ascii: "\\"):
                text.append(contentsOf: String(try escape()).utf8)
            case 0..<0x20:
                throw .syntax(offset: offset - 1, expected: "an escaped control character")
            default:
                text.append(byte)
            }
        }
    }

    /// Reads to the closing quote if nothing before it is escaped or beyond ASCII: the usual case.
    private mutating func plainString() -> String? {
        var end = offset
        while end < bytes.count, (0x20...0x7F).contains(bytes[end]),
            bytes[end] != UInt8(ascii: "\"")
        {
            guard bytes[end] != UInt8(ascii: "\\") else { return nil }
            end += 1
        }
        guard end < bytes.count, bytes[end] == UInt8(ascii: "\"") else { return nil }
        defer { offset = end + 1 }
        return String(decoding: bytes[offset..<end], as: UTF8.self)
    }

    /// Reads what follows a backslash.
    private mutating func escape() throws(JSONError) -> Unicode.Scalar {
        let start = offset
        guard let byte = next else { throw .syntax(offset: start, expected: "an escape") }
        offset += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return Unicode.Scalar(byte)
        case UInt8(ascii: "b"): return "\u{8}"
        case UInt8(ascii: "f"): return "\u{C}"
        case UInt8(ascii: "n"): return "\n"
        case UInt8(ascii: "r"): return "\r"
        case UInt8(ascii: "t"): return "\t"
        case UInt8(ascii: "u"): return try unicodeEscape()
        default: throw .syntax(offset: start, expected: "one of the escapes \"\\/bfnrtu")
        }
    }

    /// Reads the digits of `\u`, and a second escape when they are a high surrogate.
    private mutating func unicodeEscape() throws(JSONError) -> Unicode.Scalar {
        let start = offset - 2
        let first = try fourHexadecimalDigits()
        if let scalar = Unicode.Scalar(first) { return scalar }
        guard (0xD800...0xDBFF).contains(first), accept(UInt8(ascii: "\\")),
            accept(UInt8(ascii: "u"))
        else { throw .syntax(offset: start, expected: "a pair of surrogates") }
        let second = try fourHexadecimalDigits()
        guard (0xDC00...0xDFFF).contains(second),
            let scalar = Unicode.Scalar(0x10000 + (first - 0xD800) << 10 + (second - 0xDC00))
        else { throw .syntax(offset: start, expected: "a pair of surrogates") }
        return scalar
    }

    private mutating func fourHexadecimalDigits() throws(JSONError) -> UInt32 {
        var value: UInt32 = 0
        for _ in 0..<4 {
            guard let byte = next, let digit = hexadecimal(byte) else {
                throw .syntax(offset: offset, expected: "a hexadecimal digit")
            }
            value = value << 4 | digit
            offset += 1
        }
        return value
    }

    private mutating func skipSpace() {
        while let byte = next, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 {
            offset += 1
        }
    }

    private mutating func accept(_ byte: UInt8) -> Bool {
        guard next == byte else { return false }
        offset += 1
        return true
    }
}

/// The keys of one object: compared one by one while few, hashed when many.
private struct KeySet {
    private static let fewMax = 32
    private var many: Set<String> = []

    /// Adds a key to those of `members`; false if it is one of them.
    mutating func insert(_ key: String, after members: [JSON.Member]) -> Bool {
        guard members.count >= Self.fewMax else { return !members.contains { $0.key == key } }
        if many.isEmpty { many = Set(members.map(\.key)) }
        return many.insert(key).inserted
    }
}

private func isDigit(_ byte: UInt8) -> Bool {
    (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
}

private func hexadecimal(_ byte: UInt8) -> UInt32? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(byte - UInt8(ascii: "0"))
    case UInt8(ascii: "a")...UInt8(ascii: "f"): UInt32(byte - UInt8(ascii: "a") + 10)
    case UInt8(ascii: "A")...UInt8(ascii: "F"): UInt32(byte - UInt8(ascii: "A") + 10)
    default: nil
    }
}
