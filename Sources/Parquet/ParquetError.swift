package import Zlib

/// A reason why bytes or columns are no table.
package enum ParquetError: Error, Equatable {
    /// The file does not begin and end as a Parquet file does, or is cut off.
    case notParquet(detail: String)
    /// The file ends inside something, or counts something that is not there.
    case damaged(detail: String)
    /// The file uses a part of the format that is not read here.
    case unsupported(column: String, feature: String)
    case tooLarge(what: String, size: Int, limit: Int)
    case columnCount(Int, limit: Int)
    case columnTwice(String)
    case rowCount(column: String, seen: Int, expected: Int)
    case noColumn(String, known: [String])
    case columnType(column: String, seen: String, expected: String)
    case missingValue(column: String, row: Int)
    /// A page's compressed bytes are damaged.
    case compression(column: String, ZlibError)
}

extension ParquetError: CustomStringConvertible {
    /// What was seen, against what was expected, then the next step.
    package var description: String {
        switch self {
        case .notParquet(let detail):
            "This is no whole Parquet file: \(detail). Fetch or write the file again."
        case .damaged(let detail):
            "The Parquet file is damaged: \(detail). Fetch or write the file again."
        case .unsupported(let column, let feature):
            "The Parquet file uses \(feature)\(column.isEmpty ? "" : " in column `\(column)`"), "
                + "which is not read here. Write flat columns with plain or dictionary pages, "
                + "uncompressed or gzip."
        case .tooLarge(let what, let size, let limit):
            "There are \(size) \(what), the limit is \(limit). Split the file."
        case .columnCount(let count, let limit):
            "The table has \(count) columns, expected 1 to \(limit)."
        case .columnTwice(let name):
            "The column `\(name)` occurs twice. Rename one."
        case .rowCount(let column, let seen, let expected):
            "The column `\(column)` has \(seen) rows, the first column \(expected). "
                + "Write the file again."
        case .noColumn(let name, let known):
            "There is no column `\(name)`; there are \(known.joined(separator: ", ")). "
                + "Check where the file comes from."
        case .columnType(let column, let seen, let expected):
            "The column `\(column)` holds \(seen) values, expected \(expected). "
                + "Write the file again with that type."
        case .missingValue(let column, let row):
            "The column `\(column)` has no value in row \(row + 1). Fill it in or drop the row."
        case .compression(let column, let error):
            "The column `\(column)` cannot be decompressed. \(error)"
        }
    }
}
