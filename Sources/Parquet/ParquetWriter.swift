import Zlib

extension ParquetTable {
    /// The bytes of the file; equal tables give equal bytes.
    package func encoded() throws(ParquetError) -> [UInt8] {
        var writer = ParquetWriter()
        var start = 0
        repeat {
            let rows = start..<min(rowCount, start + ParquetFormat.rowGroupSize)
            try writer.append(columns, rows)
            start = rows.upperBound
        } while start < rowCount
        return writer.finish(self)
    }
}

/// A file while its row groups are written.
private struct ParquetWriter {
    /// Where a column's part of a row group lies.
    private struct Chunk {
        let column: ParquetColumn
        let offset: Int
        let rowCount: Int
        /// Page headers and values before compression, in bytes.
        let plainSize: Int
        let size: Int
        let statistics: ParquetStatistics
    }

    private var bytes = ParquetFormat.magic
    private var groups: [(chunks: [Chunk], rowCount: Int)] = []

    mutating func append(_ columns: [ParquetColumn], _ rows: Range<Int>) throws(ParquetError) {
        var chunks: [Chunk] = []
        for column in columns {
            let page = ParquetPage.plain(column, rows)
            let compressed: [UInt8]
            do {
                compressed = try Gzip.compress(page)
            } catch {
                throw .compression(column: column.name, error)
            }
            let offset = bytes.count
            let header = Self.pageHeader(
                plainSize: page.count, size: compressed.count, rowCount: rows.count)
            bytes += header
            bytes += compressed
            chunks.append(
                Chunk(
                    column: column, offset: offset, rowCount: rows.count,
                    plainSize: header.count + page.count, size: bytes.count - offset,
                    statistics: ParquetStatistics(column, rows)))
        }
        groups.append((chunks, rows.count))
    }

    /// A page of plain values, its presence in run lengths.
    private static func pageHeader(plainSize: Int, size: Int, rowCount: Int) -> [UInt8] {
        var writer = ThriftWriter()
        writer.nested {
            $0.field(1, ParquetFormat.PageType.data.rawValue)
            // A row group bounds a page's values; texts are bounded by the memory they lie in.
            $0.field(2, Int32(clamping: plainSize))
            $0.field(3, Int32(clamping: size))
            $0.structure(5) {
                $0.field(1, Int32(rowCount))
                $0.field(2, ParquetFormat.Encoding.plain.rawValue)
                $0.field(3, ParquetFormat.Encoding.rle.rawValue)
                $0.field(4, ParquetFormat.Encoding.rle.rawValue)
            }
        }
        return writer.bytes
    }

    /// The whole file: the footer, its size and the magic follow the pages.
    func finish(_ table: ParquetTable) -> [UInt8] {
        var writer = ThriftWriter()
        writer.nested { writer in
            writer.field(1, Int32(2))
            writer.list(2, of: .structure, [nil] + table.columns.map { $0 }) { writer, column in
                writer.nested { Self.schemaElement(&$0, column, among: table.columns.count) }
            }
            writer.field(3, table.rowCount)
            writer.list(4, of: .structure, groups) { writer, group in
                writer.nested {
                    $0.list(1, of: .structure, group.chunks) { writer, chunk in
                        writer.nested { Self.columnChunk(&$0, chunk) }
                    }
                    $0.field(2, group.chunks.reduce(0) { $0 + $1.plainSize })
                    $0.field(3, group.rowCount)
                }
            }
            if !table.metadata.isEmpty {
                let pairs = table.metadata.sorted { $0.key < $1.key }
                writer.list(5, of: .structure, pairs) { writer, pair in
                    writer.nested {
                        $0.field(1, pair.key)
                        $0.field(2, pair.value)
                    }
                }
            }
            writer.field(6, ParquetFormat.creator)
            // Readers ignore statistics unless each column says that it is ordered by its type.
            writer.list(7, of: .structure, table.columns) { writer, _ in
                writer.nested { $0.structure(1) { _ in } }
            }
        }
        let size = UInt32(writer.bytes.count)
        return bytes + writer.bytes + ParquetPage.bytes(size) + ParquetFormat.magic
    }

    /// The root for nil, otherwise a column.
    private static func schemaElement(
        _ writer: inout ThriftWriter, _ column: ParquetColumn?, among count: Int
    ) {
        guard let column else {
            writer.field(4, "schema")
            writer.field(5, Int32(count))
            return
        }
        let repetition: ParquetFormat.Repetition = column.presence == nil ? .required : .optional
        writer.field(1, column.values.physicalType.rawValue)
        writer.field(3, repetition.rawValue)
        writer.field(4, column.name)
        guard case .string = column.values else { return }
        writer.field(6, ParquetFormat.Meaning.utf8.rawValue)
        writer.structure(10) { $0.structure(1) { _ in } }
    }

    private static func columnChunk(_ writer: inout ThriftWriter, _ chunk: Chunk) {
        writer.field(2, chunk.offset)
        writer.structure(3) {
            $0.field(1, chunk.column.values.physicalType.rawValue)
            let encodings: [ParquetFormat.Encoding] = [.plain, .rle]
            $0.list(2, of: .int32, encodings) { $0.element($1.rawValue) }
            $0.list(3, of: .binary, [chunk.column.name]) { $0.element(Array($1.utf8)) }
            $0.field(4, ParquetFormat.Codec.gzip.rawValue)
            $0.field(5, chunk.rowCount)
            $0.field(6, chunk.plainSize)
            $0.field(7, chunk.size)
            $0.field(9, chunk.offset)
            $0.structure(12) { writer in
                writer.field(3, chunk.statistics.missingCount)
                guard let range = chunk.statistics.range else { return }
                writer.field(5, range.greatest)
                writer.field(6, range.least)
            }
        }
    }
}

extension ParquetValues {
    fileprivate var physicalType: ParquetFormat.PhysicalType {
        switch self {
        case .boolean: .boolean
        case .int32: .int32
        case .int64: .int64
        case .float: .float
        case .double: .double
        case .string, .bytes: .byteArray
        }
    }
}
