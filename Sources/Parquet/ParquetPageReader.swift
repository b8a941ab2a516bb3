/// Reads the contents of one decompressed page.
struct ParquetPageReader {
    private let bytes: [UInt8]
    private let schema: ParquetSchema
    private var offset = 0

    init(_ bytes: [UInt8], _ schema: ParquetSchema) {
        self.bytes = bytes
        self.schema = schema
    }

    static func empty(_ schema: ParquetSchema) -> ParquetValues {
        switch schema.type {
        case .boolean: .boolean([])
        case .int32: .int32([])
        case .int64: .int64([])
        case .float: .float([])
        case .double: .double([])
        case .byteArray: schema.isText ? .string([]) : .bytes([])
        case .int96, .fixedByteArray: preconditionFailure("the schema refused the type")
        }
    }

    /// Per row whether it has a value; their size in four bytes stands before the levels.
    mutating func levels(_ count: Int) throws(ParquetError) -> [Bool] {
        let size = Int(try word(UInt32.self))
        guard size <= bytes.count - offset else { throw short() }
        let end = offset + size
        let levels = try hybrid(count, width: 1, end: end)
        offset = end
        return levels.map { $0 == 1 }
    }

    /// Plain values.
    mutating func plain(_ count: Int) throws(ParquetError) -> ParquetValues {
        switch schema.type {
        case .boolean:
            guard (count + 7) / 8 <= bytes.count - offset else { throw short() }
            let start = offset
            return .boolean((0..<count).map { bytes[start + $0 / 8] >> UInt8($0 % 8) & 1 == 1 })
        case .int32: return .int32(try words(count) { Int32(bitPattern: $0) })
        case .int64: return .int64(try words(count) { Int64(bitPattern: $0) })
        case .float: return .float(try words(count) { Float(bitPattern: $0) })
        case .double: return .double(try words(count) { Double(bitPattern: $0) })
        case .byteArray:
            return schema.isText ? .string(try strings(count)) : .bytes(try byteArrays(count))
        case .int96, .fixedByteArray: preconditionFailure("the schema refused the type")
        }
    }

    /// Values as places in a dictionary; the width of a place stands in the first byte.
    mutating func lookUp(
        _ count: Int, in dictionary: ParquetValues
    ) throws(ParquetError) -> ParquetValues {
        // A page in which no row has a value may be empty.
        guard count > 0 else { return Self.empty(schema) }
        let width = Int(try word(UInt8.self))
        guard width <= 32 else { throw damaged("has places of \(width) bits") }
        let places = try hybrid(count, width: width, end: bytes.count)
        guard places.allSatisfy({ $0 < dictionary.count }) else {
            throw damaged("names a place outside of its dictionary of \(dictionary.count)")
        }
        switch dictionary {
        case .boolean(let values): return .boolean(places.map { values[$0] })
        case .int32(let values): return .int32(places.map { values[$0] })
        case .int64(let values): return .int64(places.map { values[$0] })
        case .float(let values): return .float(places.map { values[$0] })
        case .double(let values): return .double(places.map { values[$0] })
        case .string(let values): return .string(places.map { values[$0] })
        case .bytes(let values): return .bytes(places.map { values[$0] })
        }
    }

    /// Numbers in runs of one value and groups of eight packed ones
    /// (https://github.com/apache/parquet-format/blob/master/Encodings.md, RLE = 3).
    private mutating func hybrid(
        _ count: Int, width: Int, end: Int
    ) throws(ParquetError) -> [Int] {
        var numbers: [Int] = []
        while numbers.count < count {
            let header = try varint(end)
            let left = count - numbers.count
            if header & 1 == 0 {
                let byteCount = (width + 7) / 8
                guard byteCount <= end - offset else { throw short() }
                var value = 0
                for index in 0..<byteCount { value |= Int(bytes[offset + index]) << (8 * index) }
                offset += byteCount
                guard header > 1 else { throw damaged("has an empty run") }
                let run = Int(min(header >> 1, UInt64(left)))
                numbers += repeatElement(value, count: run)
            } else {
                // A group of eight takes `width` bytes; with no bits at all only its count bounds.
                let groups = Int(min(header >> 1, UInt64((left + 7) / 8)))
                guard groups > 0, groups * width <= end - offset else { throw short() }
                for place in 0..<min(groups * 8, left) {
                    numbers.append(unpack(place * width, width))
                }
                offset += groups * width
            }
        }
        return numbers
    }

    /// `width` bits from `bit` on, counted from the reader's offset and the lowest bit of a byte.
    private func unpack(_ bit: Int, _ width: Int) -> Int {
        var value = 0
        for index in 0..<width {
            let place = bit + index
            value |= Int(bytes[offset + place / 8] >> UInt8(place % 8) & 1) << index
        }
        return value
    }

    private mutating func varint(_ end: Int) throws(ParquetError) -> UInt64 {
        var value: UInt64 = 0
        for shift in stride(from: UInt64(0), to: 35, by: 7) {
            guard offset < end else { throw short() }
            let byte = bytes[offset]
            offset += 1
            value |= UInt64(byte & 0x7F) << shift
            if byte < 0x80 { return value }
        }
        throw damaged("has a run of more than 2^35 values")
    }

    private mutating func words<Word: FixedWidthInteger & UnsignedInteger, Value>(
        _ count: Int, _ convert: (Word) -> Value
    ) throws(ParquetError) -> [Value] {
        let size = MemoryLayout<Word>.size
        guard count <= (bytes.count - offset) / size else { throw short() }
        var values: [Value] = []
        values.reserveCapacity(count)
        for _ in 0..<count { values.append(convert(try word(Word.self))) }
        return values
    }

    private mutating func word<Word: FixedWidthInteger & UnsignedInteger>(
        _: Word.Type
    ) throws(ParquetError) -> Word {
        let size = MemoryLayout<Word>.size
        guard size <= bytes.count - offset else { throw short() }
        let value = bytes.withUnsafeBytes {
            Word(littleEndian: $0.loadUnaligned(fromByteOffset: offset, as: Word.self))
        }
        offset += size
        return value
    }

    private mutating func strings(_ count: Int) throws(ParquetError) -> [String] {
        var values: [String] = []
        for _ in 0..<count {
            guard let value = String(validating: try byteArray(), as: UTF8.self) else {
                throw damaged("has a text that is not UTF-8")
            }
            values.append(value)
        }
        return values
    }

    private mutating func byteArrays(_ count: Int) throws(ParquetError) -> [[UInt8]] {
        var values: [[UInt8]] = []
        for _ in 0..<count { values.append(Array(try byteArray())) }
        return values
    }

    private mutating func byteArray() throws(ParquetError) -> ArraySlice<UInt8> {
        let size = Int(try word(UInt32.self))
        guard size <= bytes.count - offset else { throw short() }
        defer { offset += size }
        return bytes[offset..<offset + size]
    }

    private func short() -> ParquetError { damaged("has a page that ends too early") }

    private func damaged(_ detail: String) -> ParquetError {
        .damaged(detail: "the column `\(schema.name)` \(detail)")
    }
}
