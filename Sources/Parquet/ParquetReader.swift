extension ParquetTable {
    /// Reads a file from bytes that may be anything.
    package init(decoding bytes: [UInt8]) throws(ParquetError) {
        let footer = try ParquetFooter(bytes)
        var columns: [ParquetColumn] = []
        for (index, schema) in footer.columns.enumerated() {
            var reader = ParquetColumnReader(schema)
            for group in footer.groups {
                guard index < group.chunks.count else {
                    throw .damaged(detail: "a row group lacks the column `\(schema.name)`")
                }
                try reader.read(group.chunks[index], in: bytes, rowCount: group.rowCount)
            }
            columns.append(reader.column)
        }
        try self.init(columns: columns, metadata: footer.metadata)
        guard rowCount == footer.rowCount else {
            throw .damaged(
                detail: "its columns have \(rowCount) rows, its footer says \(footer.rowCount)")
        }
    }
}

/// Where a column's part of a row group lies, and how it is written.
struct ParquetChunk {
    var codec = ParquetFormat.Codec.uncompressed
    var valueCount = 0
    var size = 0
    var dataOffset = 0
    var dictionaryOffset: Int?

    /// The first page's offset: the dictionary comes before the data.
    var start: Int { min(dataOffset, dictionaryOffset ?? dataOffset) }
}

/// A column as the footer describes it.
struct ParquetSchema {
    let name: String
    let type: ParquetFormat.PhysicalType
    let isOptional: Bool
    /// Whether a column of bytes holds UTF-8 texts.
    let isText: Bool
}

/// Everything a file says about itself, after its pages.
struct ParquetFooter {
    private(set) var columns: [ParquetSchema] = []
    private(set) var groups: [(chunks: [ParquetChunk], rowCount: Int)] = []
    private(set) var metadata: [String: String] = [:]
    private(set) var rowCount = 0

    init(_ bytes: [UInt8]) throws(ParquetError) {
        let range = try Self.range(bytes)
        var reader = ThriftReader(bytes, range)
        var fields: Set<Int16> = []
        try reader.structure { (reader, field, type) throws(ParquetError) in
            fields.insert(field)
            switch field {
            case 2:
                var isRoot = true
                try reader.list(type) { (reader, _) throws(ParquetError) in
                    let element = try SchemaElement(&reader)
                    if !isRoot { columns.append(try element.column) }
                    isRoot = false
                }
            case 3: rowCount = try reader.int(type)
            case 4:
                try reader.list(type) { (reader, _) throws(ParquetError) in
                    groups.append(try Self.group(&reader, columns))
                }
            case 5:
                try reader.list(type) { (reader, _) throws(ParquetError) in
                    try readPair(&reader)
                }
            default: try reader.skip(type)
            }
        }
        guard reader.offset == range.upperBound, fields.isSuperset(of: [2, 3, 4]) else {
            throw .damaged(detail: "its footer lacks the schema, the row count or the row groups")
        }
        guard rowCount >= 0, rowCount <= ParquetTable.rowCountMax else {
            throw .tooLarge(what: "rows", size: rowCount, limit: ParquetTable.rowCountMax)
        }
    }

    /// Where the footer lies, found from the end of the file.
    private static func range(_ bytes: [UInt8]) throws(ParquetError) -> Range<Int> {
        let (magic, tail) = (ParquetFormat.magic, ParquetFormat.tailSize)
        guard bytes.count >= magic.count + tail, bytes.starts(with: magic) else {
            throw .notParquet(detail: "it does not begin with PAR1 or has only a few bytes")
        }
        guard !bytes.suffix(magic.count).elementsEqual(ParquetFormat.encryptedMagic) else {
            throw .unsupported(column: "", feature: "encryption")
        }
        guard bytes.suffix(magic.count).elementsEqual(magic) else {
            throw .notParquet(detail: "it does not end with PAR1, so its end is missing")
        }
        let sizeBytes = bytes[(bytes.count - tail)..<(bytes.count - magic.count)]
        let size = sizeBytes.reversed().reduce(0) { $0 << 8 | Int($1) }
        let end = bytes.count - tail
        guard size <= end - magic.count else {
            throw .damaged(detail: "its footer of \(size) bytes is longer than the file")
        }
        return end - size..<end
    }

    private mutating func readPair(_ reader: inout ThriftReader) throws(ParquetError) {
        var (key, value) = ("", "")
        try reader.structure { (reader, field, type) throws(ParquetError) in
            switch field {
            case 1: key = try reader.text(type)
            case 2: value = try reader.text(type)
            default: try reader.skip(type)
            }
        }
        metadata[key] = value
    }

    private static func group(
        _ reader: inout ThriftReader, _ columns: [ParquetSchema]
    ) throws(ParquetError) -> (chunks: [ParquetChunk], rowCount: Int) {
        var chunks: [ParquetChunk] = []
        var rowCount = 0
        try reader.structure { (reader, field, type) throws(ParquetError) in
            switch field {
            case 1:
                try reader.list(type) { (reader, _) throws(ParquetError) in
                    guard chunks.count < columns.count else {
                        throw .damaged(detail: "a row group has more columns than the schema")
                    }
                    chunks.append(try chunk(&reader, columns[chunks.count]))
                }
            case 3: rowCount = try reader.int(type)
            default: try reader.skip(type)
            }
        }
        return (chunks, rowCount)
    }

    private static func chunk(
        _ reader: inout ThriftReader, _ column: ParquetSchema
    ) throws(ParquetError) -> ParquetChunk {
        var chunk = ParquetChunk()
        try reader.structure { (reader, field, type) throws(ParquetError) in
            guard field == 3 else { return try reader.skip(type) }
            try reader.structure { (reader, field, type) throws(ParquetError) in
                switch field {
                case 4:
                    let number = try reader.int(type)
                    guard let codec = ParquetFormat.Codec(rawValue: Int32(clamping: number)) else {
                        throw .unsupported(column: column.name, feature: "codec \(number)")
                    }
                    chunk.codec = codec
                case 5: chunk.valueCount = try reader.int(type)
                case 7: chunk.size = try reader.int(type)
                case 9: chunk.dataOffset = try reader.int(type)
                case 11: chunk.dictionaryOffset = try reader.int(type)
                default: try reader.skip(type)
                }
            }
        }
        return chunk
    }
}

/// A node of the schema: the root, or a column.
private struct SchemaElement {
    private var name = ""
    private var type: Int?
    private var repetition: Int?
    private var childCount = 0
    private var meaning: Int?

    init(_ reader: inout ThriftReader) throws(ParquetError) {
        try reader.structure { (reader, field, type) throws(ParquetError) in
            switch field {
            case 1: self.type = try reader.int(type)
            case 3: repetition = try reader.int(type)
            case 4: name = try reader.text(type)
            case 5: childCount = try reader.int(type)
            case 6: meaning = try reader.int(type)
            default: try reader.skip(type)
            }
        }
    }

    /// The column that the node describes.
    var column: ParquetSchema {
        get throws(ParquetError) {
            guard childCount == 0 else {
                throw .unsupported(column: name, feature: "nested columns")
            }
            let number = Int32(clamping: type ?? -1)
            guard let physical = ParquetFormat.PhysicalType(rawValue: number) else {
                throw .damaged(detail: "the column `\(name)` has no type")
            }
            let repeats = ParquetFormat.Repetition(rawValue: Int32(clamping: repetition ?? 0))
            guard let repeats, repeats != .repeated else {
                throw .unsupported(column: name, feature: "repeated values")
            }
            switch physical {
            case .int96, .fixedByteArray:
                throw .unsupported(column: name, feature: "values of type \(physical)")
            case .byteArray:
                guard meaning == nil || isText else {
                    throw .unsupported(
                        column: name, feature: "bytes of converted type \(meaning ?? 0)")
                }
            case .int32, .int64:
                guard let meaning else { break }
                let known = ParquetFormat.Meaning(rawValue: Int32(clamping: meaning))
                guard let known, known != .utf8 else {
                    throw .unsupported(
                        column: name, feature: "numbers of converted type \(meaning)")
                }
            case .boolean, .float, .double: break
            }
            return ParquetSchema(
                name: name, type: physical, isOptional: repeats == .optional, isText: isText)
        }
    }

    private var isText: Bool { meaning == Int(ParquetFormat.Meaning.utf8.rawValue) }
}
