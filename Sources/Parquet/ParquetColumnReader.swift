import Zlib

/// Collects a column's values, page by page.
struct ParquetColumnReader {
    private let schema: ParquetSchema
    private var values: ParquetValues
    private var presence: [Bool] = []
    private var dictionary: ParquetValues?

    init(_ schema: ParquetSchema) {
        self.schema = schema
        values = ParquetPageReader.empty(schema)
    }

    /// What was read so far.
    var column: ParquetColumn {
        ParquetColumn(schema.name, values, presence: schema.isOptional ? presence : nil)
    }

    /// Reads one row group's part.
    mutating func read(
        _ chunk: ParquetChunk, in bytes: [UInt8], rowCount: Int
    ) throws(ParquetError) {
        guard chunk.valueCount == rowCount, rowCount >= 0 else {
            throw damaged("says \(chunk.valueCount) values in a group of \(rowCount) rows")
        }
        guard chunk.start >= 0, chunk.size >= 0, chunk.start <= bytes.count,
            chunk.size <= bytes.count - chunk.start
        else { throw damaged("lies outside of the file") }
        dictionary = nil
        var offset = chunk.start
        let end = chunk.start + chunk.size
        var left = rowCount
        while left > 0 {
            var reader = ThriftReader(bytes, offset..<end)
            let header = try ParquetPageHeader(&reader, schema.name)
            guard header.size <= end - reader.offset else { throw damaged("ends inside a page") }
            let pageEnd = reader.offset + header.size
            let page = try decompress(
                Array(bytes[reader.offset..<pageEnd]), chunk.codec, plainSize: header.plainSize)
            switch header.type {
            case .index: break
            case .dataV2:
                throw .unsupported(column: schema.name, feature: "data pages of version 2")
            case .dictionary:
                try check(header.encoding, among: [.plain, .plainDictionary])
                var pageReader = ParquetPageReader(page, schema)
                dictionary = try pageReader.plain(header.valueCount)
            case .data:
                guard header.valueCount <= left else { throw damaged("has a page too many") }
                try append(page, header)
                left -= header.valueCount
            }
            offset = pageEnd
        }
    }

    private mutating func append(
        _ page: [UInt8], _ header: ParquetPageHeader
    ) throws(ParquetError) {
        var reader = ParquetPageReader(page, schema)
        var levels: [Bool]?
        if schema.isOptional {
            try check(header.levelEncoding, among: [.rle])
            levels = try reader.levels(header.valueCount)
        }
        let count = levels.map { $0.count { $0 } } ?? header.valueCount
        let present: ParquetValues
        switch header.encoding {
        case .plain: present = try reader.plain(count)
        case .plainDictionary, .rleDictionary:
            guard let dictionary else { throw damaged("has no dictionary before its data") }
            present = try reader.lookUp(count, in: dictionary)
        default: throw .unsupported(column: schema.name, feature: "encoding \(header.encoding)")
        }
        values = values.appending(present, levels: levels)
        if let levels { presence += levels }
    }

    private func decompress(
        _ bytes: [UInt8], _ codec: ParquetFormat.Codec, plainSize: Int
    ) throws(ParquetError) -> [UInt8] {
        let page: [UInt8]
        switch codec {
        case .uncompressed: page = bytes
        case .gzip:
            do {
                page = try Gzip.decompress(bytes, limit: plainSize)
            } catch {
                throw .compression(column: schema.name, error)
            }
        default: throw .unsupported(column: schema.name, feature: "codec \(codec)")
        }
        guard page.count == plainSize else {
            throw damaged("has a page of \(page.count) bytes, its header says \(plainSize)")
        }
        return page
    }

    private func check(
        _ encoding: ParquetFormat.Encoding, among known: [ParquetFormat.Encoding]
    ) throws(ParquetError) {
        guard known.contains(encoding) else {
            throw .unsupported(column: schema.name, feature: "encoding \(encoding)")
        }
    }

    private func damaged(_ detail: String) -> ParquetError {
        .damaged(detail: "the column `\(schema.name)` \(detail)")
    }
}

/// What stands before a page.
private struct ParquetPageHeader {
    private(set) var type = ParquetFormat.PageType.data
    /// Bytes once decompressed.
    private(set) var plainSize = 0
    /// Bytes in the file.
    private(set) var size = 0
    private(set) var valueCount = 0
    private(set) var encoding = ParquetFormat.Encoding.plain
    private(set) var levelEncoding = ParquetFormat.Encoding.rle

    init(_ reader: inout ThriftReader, _ column: String) throws(ParquetError) {
        try reader.structure { (reader, field, type) throws(ParquetError) in
            switch field {
            case 1:
                let number = try reader.int(type)
                guard let known = ParquetFormat.PageType(rawValue: Int32(clamping: number)) else {
                    throw .unsupported(column: column, feature: "pages of type \(number)")
                }
                self.type = known
            case 2: plainSize = try reader.int(type)
            case 3: size = try reader.int(type)
            case 5, 7:
                try reader.structure { (reader, inner, type) throws(ParquetError) in
                    switch inner {
                    case 1: valueCount = try reader.int(type)
                    case 2: encoding = try Self.encoding(try reader.int(type), column)
                    case 3 where field == 5:
                        levelEncoding = try Self.encoding(try reader.int(type), column)
                    default: try reader.skip(type)
                    }
                }
            default: try reader.skip(type)
            }
        }
        guard size >= 0, valueCount >= 0, (0...ParquetFormat.pageSizeMax).contains(plainSize) else {
            throw .damaged(detail: "the column `\(column)` has a page of impossible size")
        }
    }

    private static func encoding(
        _ number: Int, _ column: String
    ) throws(ParquetError) -> ParquetFormat.Encoding {
        guard let encoding = ParquetFormat.Encoding(rawValue: Int32(clamping: number)) else {
            throw .unsupported(column: column, feature: "encoding \(number)")
        }
        return encoding
    }
}

extension ParquetValues {
    /// These values and those of a page, its rows without one filled with 0 or the empty text.
    fileprivate consuming func appending(_ page: Self, levels: [Bool]?) -> Self {
        func spread<Value>(_ all: [Value], _ present: [Value], _ filler: Value) -> [Value] {
            var all = all
            guard let levels else { return all + present }
            var next = present.startIndex
            for isPresent in levels {
                all.append(isPresent ? present[next] : filler)
                if isPresent { next += 1 }
            }
            return all
        }
        switch (self, page) {
        case (.boolean(let all), .boolean(let new)): return .boolean(spread(all, new, false))
        case (.int32(let all), .int32(let new)): return .int32(spread(all, new, 0))
        case (.int64(let all), .int64(let new)): return .int64(spread(all, new, 0))
        case (.float(let all), .float(let new)): return .float(spread(all, new, 0))
        case (.double(let all), .double(let new)): return .double(spread(all, new, 0))
        case (.string(let all), .string(let new)): return .string(spread(all, new, ""))
        case (.bytes(let all), .bytes(let new)): return .bytes(spread(all, new, []))
        default: preconditionFailure("a column's pages are read as one type")
        }
    }
}
