/// Thrift's compact protocol, in which Parquet writes its headers
/// (https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md).
enum ThriftCompact {
    /// Types of fields and of elements.
    enum WireType: UInt8 {
        case stop = 0
        case yes = 1
        case no = 2
        case int8 = 3
        case int16 = 4
        case int32 = 5
        case int64 = 6
        case double = 7
        case binary = 8
        case list = 9
        case set = 10
        case map = 11
        case structure = 12
    }

    /// The deepest nesting that a reader follows; Parquet's own structures nest 6 deep.
    static let depthMax = 16
}

/// Writes structures; fields come in ascending order of their numbers.
struct ThriftWriter {
    private(set) var bytes: [UInt8] = []
    private var lastField: [Int16] = [0]

    mutating func field(_ number: Int16, _ value: Int32) {
        header(number, .int32)
        zigzag(Int64(value))
    }

    mutating func field(_ number: Int16, _ value: Int) {
        header(number, .int64)
        zigzag(Int64(value))
    }

    mutating func field(_ number: Int16, _ value: String) { field(number, Array(value.utf8)) }

    mutating func field(_ number: Int16, _ value: [UInt8]) {
        header(number, .binary)
        element(value)
    }

    mutating func structure(_ number: Int16, _ body: (inout Self) -> Void) {
        header(number, .structure)
        nested(body)
    }

    mutating func list<Item>(
        _ number: Int16, of type: ThriftCompact.WireType, _ items: [Item],
        _ write: (inout Self, Item) -> Void
    ) {
        header(number, .list)
        if items.count < 15 {
            bytes.append(UInt8(items.count) << 4 | type.rawValue)
        } else {
            bytes.append(0xF0 | type.rawValue)
            varint(UInt64(items.count))
        }
        for item in items { write(&self, item) }
    }

    /// A structure as an element, or as the whole message.
    mutating func nested(_ body: (inout Self) -> Void) {
        lastField.append(0)
        body(&self)
        lastField.removeLast()
        bytes.append(ThriftCompact.WireType.stop.rawValue)
    }

    /// A number as an element.
    mutating func element(_ value: Int32) { zigzag(Int64(value)) }

    /// Bytes as an element.
    mutating func element(_ value: [UInt8]) {
        varint(UInt64(value.count))
        bytes += value
    }

    private mutating func header(_ number: Int16, _ type: ThriftCompact.WireType) {
        let step = number - lastField[lastField.count - 1]
        precondition((1...15).contains(step), "field \(number) is out of order")
        bytes.append(UInt8(step) << 4 | type.rawValue)
        lastField[lastField.count - 1] = number
    }

    private mutating func zigzag(_ value: Int64) {
        varint(UInt64(bitPattern: value << 1 ^ value >> 63))
    }

    private mutating func varint(_ value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(rest))
    }
}

/// Reads structures from bytes that may be anything.
struct ThriftReader {
    private let bytes: [UInt8]
    private let end: Int
    private(set) var offset: Int
    private var depth = 0

    init(_ bytes: [UInt8], _ range: Range<Int>) {
        self.bytes = bytes
        offset = range.lowerBound
        end = range.upperBound
    }

    /// Reads a structure; `read` must take or skip the value of every field it is given.
    mutating func structure(
        _ read: (inout Self, Int16, ThriftCompact.WireType) throws(ParquetError) -> Void
    ) throws(ParquetError) {
        guard depth < ThriftCompact.depthMax else {
            throw .damaged(detail: "its headers nest deeper than \(ThriftCompact.depthMax)")
        }
        depth += 1
        var last: Int16 = 0
        while true {
            let byte = try next()
            guard let type = ThriftCompact.WireType(rawValue: byte & 0x0F) else {
                throw .damaged(detail: "a header has a field of unknown type \(byte & 0x0F)")
            }
            if type == .stop { break }
            let step = Int16(byte >> 4)
            let number = step > 0 ? last &+ step : Int16(truncatingIfNeeded: try zigzag())
            try read(&self, number, type)
            last = number
        }
        depth -= 1
    }

    /// Reads a list, element by element.
    mutating func list(
        _ type: ThriftCompact.WireType,
        _ read: (inout Self, ThriftCompact.WireType) throws(ParquetError) -> Void
    ) throws(ParquetError) {
        guard type == .list || type == .set else {
            throw .damaged(detail: "a header has a value where a list is expected")
        }
        let byte = try next()
        guard let element = ThriftCompact.WireType(rawValue: byte & 0x0F) else {
            throw .damaged(detail: "a header has a list of unknown type \(byte & 0x0F)")
        }
        let count = byte >> 4 == 15 ? try varint() : UInt64(byte >> 4)
        // Every element has at least one byte.
        guard count <= UInt64(end - offset) else {
            throw .damaged(detail: "a header counts \(count) elements in \(end - offset) bytes")
        }
        for _ in 0..<count { try read(&self, element) }
    }

    mutating func int(_ type: ThriftCompact.WireType) throws(ParquetError) -> Int {
        switch type {
        case .int8: return Int(Int8(bitPattern: try next()))
        case .int16, .int32, .int64: return Int(try zigzag())
        default: throw .damaged(detail: "a header has another value where a number is expected")
        }
    }

    mutating func text(_ type: ThriftCompact.WireType) throws(ParquetError) -> String {
        guard let text = String(validating: try binary(type), as: UTF8.self) else {
            throw .damaged(detail: "a header has a text that is not UTF-8")
        }
        return text
    }

    private mutating func binary(
        _ type: ThriftCompact.WireType
    ) throws(ParquetError) -> ArraySlice<UInt8> {
        guard type == .binary else {
            throw .damaged(detail: "a header has another value where a text is expected")
        }
        let size = try varint()
        guard size <= UInt64(end - offset) else {
            throw .damaged(detail: "a header's text is longer than the header")
        }
        defer { offset += Int(size) }
        return bytes[offset..<offset + Int(size)]
    }

    /// Passes over a value that nobody here reads.
    mutating func skip(_ type: ThriftCompact.WireType) throws(ParquetError) {
        switch type {
        case .stop, .yes, .no: break
        case .int8, .int16, .int32, .int64: _ = try int(type)
        case .double: for _ in 0..<8 { _ = try next() }
        case .binary: _ = try binary(type)
        case .list, .set:
            try list(type) { (reader, element) throws(ParquetError) in
                // A truth value has no byte as a field, and one as an element.
                if element == .yes || element == .no {
                    _ = try reader.next()
                } else {
                    try reader.skip(element)
                }
            }
        case .structure:
            try structure { (reader, _, inner) throws(ParquetError) in try reader.skip(inner) }
        case .map:
            throw .damaged(detail: "a header has a map, which Parquet's do not")
        }
    }

    private mutating func next() throws(ParquetError) -> UInt8 {
        guard offset < end else { throw .damaged(detail: "a header ends at byte \(offset)") }
        defer { offset += 1 }
        return bytes[offset]
    }

    private mutating func zigzag() throws(ParquetError) -> Int64 {
        let value = try varint()
        return Int64(bitPattern: value >> 1) ^ -Int64(bitPattern: value & 1)
    }

    private mutating func varint() throws(ParquetError) -> UInt64 {
        var value: UInt64 = 0
        for shift in stride(from: 0, to: 70, by: 7) {
            let byte = try next()
            value |= UInt64(byte & 0x7F) << UInt64(min(shift, 63))
            if byte < 0x80 { return value }
        }
        throw .damaged(detail: "a header has a number of more than 10 bytes")
    }
}
