/// A table of flat columns, as one Parquet file holds it.
///
/// The format is Apache Parquet 2 (https://github.com/apache/parquet-format). Files written here
/// use plain values, gzip and one page per column of a row group; equal tables give equal bytes.
/// Read is what pyarrow writes with plain or dictionary pages, uncompressed or gzip; anything else
/// is refused by its name.
package struct ParquetTable: Equatable, Sendable {
    /// The most columns of a table.
    package static let columnCountMax = 1_024
    /// The most rows of a table.
    package static let rowCountMax = 100_000_000

    /// The columns, in the order of the file.
    package let columns: [ParquetColumn]
    /// Free text by key, in ascending order of keys.
    package let metadata: [String: String]
    package let rowCount: Int

    /// Combines columns.
    /// - Throws: When there is no column, a name occurs twice, or columns differ in length.
    package init(
        columns: [ParquetColumn], metadata: [String: String] = [:]
    ) throws(ParquetError) {
        guard let first = columns.first, columns.count <= Self.columnCountMax else {
            throw .columnCount(columns.count, limit: Self.columnCountMax)
        }
        var names: Set<String> = []
        for column in columns {
            guard names.insert(column.name).inserted else { throw .columnTwice(column.name) }
            guard column.rowCount == first.rowCount else {
                throw .rowCount(
                    column: column.name, seen: column.rowCount, expected: first.rowCount)
            }
        }
        guard first.rowCount <= Self.rowCountMax else {
            throw .tooLarge(what: "rows", size: first.rowCount, limit: Self.rowCountMax)
        }
        self.columns = columns
        self.metadata = metadata
        rowCount = first.rowCount
    }

    /// The column of a name.
    /// - Throws: When the table has no such column.
    package func column(_ name: String) throws(ParquetError) -> ParquetColumn {
        guard let column = columns.first(where: { $0.name == name }) else {
            throw .noColumn(name, known: columns.map(\.name))
        }
        return column
    }
}

/// A named column: one value per row, of one type.
package struct ParquetColumn: Equatable, Sendable {
    package let name: String
    /// Per row; where ``presence`` says that there is none, 0 or the empty text.
    package let values: ParquetValues
    /// Per row whether it has a value; nil for a column that may not lack any.
    package let presence: [Bool]?

    /// Creates a column in which every row has a value.
    package init(_ name: String, _ values: ParquetValues) {
        self.name = name
        self.values = values
        presence = nil
    }

    /// Creates a column in which rows may lack a value.
    package init(_ name: String, optional values: [Int32?]) {
        self.init(name, .int32(values.map { $0 ?? 0 }), presence: values.map { $0 != nil })
    }

    /// Creates a column in which rows may lack a value.
    package init(_ name: String, optional values: [Int64?]) {
        self.init(name, .int64(values.map { $0 ?? 0 }), presence: values.map { $0 != nil })
    }

    /// Creates a column in which rows may lack a value.
    package init(_ name: String, optional values: [Float?]) {
        self.init(name, .float(values.map { $0 ?? 0 }), presence: values.map { $0 != nil })
    }

    /// Creates a column in which rows may lack a value.
    package init(_ name: String, optional values: [Double?]) {
        self.init(name, .double(values.map { $0 ?? 0 }), presence: values.map { $0 != nil })
    }

    /// Creates a column in which rows may lack a value.
    package init(_ name: String, optional values: [String?]) {
        self.init(name, .string(values.map { $0 ?? "" }), presence: values.map { $0 != nil })
    }

    /// Creates a column in which rows may lack a value.
    package init(_ name: String, optional values: [Bool?]) {
        self.init(name, .boolean(values.map { $0 ?? false }), presence: values.map { $0 != nil })
    }

    /// Creates a column in which rows may lack a value.
    package init(_ name: String, optional values: [[UInt8]?]) {
        self.init(name, .bytes(values.map { $0 ?? [] }), presence: values.map { $0 != nil })
    }

    /// - Precondition: There are as many marks of presence as values.
    init(_ name: String, _ values: ParquetValues, presence: [Bool]?) {
        precondition(presence.map { $0.count == values.count } ?? true)
        self.name = name
        self.values = values
        self.presence = presence
    }

    package var rowCount: Int { values.count }

    /// The values of a column of whole numbers below 2^31 in which no row lacks one.
    package func int32s() throws(ParquetError) -> [Int32] {
        guard case .int32(let values) = values else { throw wrongType("int32") }
        try checkComplete()
        return values
    }

    /// The values of a column of truths in which no row lacks one.
    package func booleans() throws(ParquetError) -> [Bool] {
        guard case .boolean(let values) = values else { throw wrongType("boolean") }
        try checkComplete()
        return values
    }

    /// The values of a column of whole numbers below 2^31, nil where a row lacks one.
    package func optionalInt32s() throws(ParquetError) -> [Int32?] {
        guard case .int32(let values) = values else { throw wrongType("int32") }
        return present(values)
    }

    /// The values of a column of whole numbers, nil where a row lacks one.
    package func optionalInt64s() throws(ParquetError) -> [Int64?] {
        guard case .int64(let values) = values else { throw wrongType("int64") }
        return present(values)
    }

    /// The values of a column of single-precision numbers, nil where a row lacks one.
    package func optionalFloats() throws(ParquetError) -> [Float?] {
        guard case .float(let values) = values else { throw wrongType("float") }
        return present(values)
    }

    /// The values of a column of truths, nil where a row lacks one.
    package func optionalBooleans() throws(ParquetError) -> [Bool?] {
        guard case .boolean(let values) = values else { throw wrongType("boolean") }
        return present(values)
    }

    /// The values of a column of texts, nil where a row lacks one.
    package func optionalStrings() throws(ParquetError) -> [String?] {
        guard case .string(let values) = values else { throw wrongType("string") }
        return present(values)
    }

    /// The values of a column of bytes, nil where a row lacks them.
    package func optionalBytes() throws(ParquetError) -> [[UInt8]?] {
        guard case .bytes(let values) = values else { throw wrongType("bytes") }
        return present(values)
    }

    private func present<Value>(_ values: [Value]) -> [Value?] {
        guard let presence else { return values }
        return zip(values, presence).map { $1 ? $0 : nil }
    }

    /// The values of a column of whole numbers in which no row lacks one.
    package func int64s() throws(ParquetError) -> [Int64] {
        guard case .int64(let values) = values else { throw wrongType("int64") }
        try checkComplete()
        return values
    }

    /// The values of a column of single-precision numbers in which no row lacks one.
    package func floats() throws(ParquetError) -> [Float] {
        guard case .float(let values) = values else { throw wrongType("float") }
        try checkComplete()
        return values
    }

    /// The values of a column of texts in which no row lacks one.
    package func strings() throws(ParquetError) -> [String] {
        guard case .string(let values) = values else { throw wrongType("string") }
        try checkComplete()
        return values
    }

    private func wrongType(_ expected: String) -> ParquetError {
        .columnType(column: name, seen: values.typeName, expected: expected)
    }

    private func checkComplete() throws(ParquetError) {
        guard let row = presence?.firstIndex(of: false) else { return }
        throw .missingValue(column: name, row: row)
    }
}

/// The values of a column, all of one type.
package enum ParquetValues: Equatable, Sendable {
    case boolean([Bool])
    case int32([Int32])
    case int64([Int64])
    case float([Float])
    case double([Double])
    /// UTF-8 texts.
    case string([String])
    /// Bytes that may be anything.
    case bytes([[UInt8]])

    package var count: Int {
        switch self {
        case .boolean(let values): values.count
        case .int32(let values): values.count
        case .int64(let values): values.count
        case .float(let values): values.count
        case .double(let values): values.count
        case .string(let values): values.count
        case .bytes(let values): values.count
        }
    }

    /// The type as a message names it.
    var typeName: String {
        switch self {
        case .boolean: "boolean"
        case .int32: "int32"
        case .int64: "int64"
        case .float: "float"
        case .double: "double"
        case .string: "string"
        case .bytes: "bytes"
        }
    }
}
