/// A reason why a data set cannot be used as it lies there.
package enum DatasetError: Error, Equatable {
    /// A value of a row is not what its column holds; line and column count from 1.
    case badValue(file: String, line: Int, column: Int, seen: String, expected: String)
    /// A row does not have 26 columns.
    case columnCount(file: String, line: Int, seen: Int)
    /// A row does not continue its unit and does not start the next one.
    case badOrder(file: String, line: Int, seen: String, expected: String)
    /// The file has no rows.
    case empty(file: String)
    /// The file ends in the middle of a line.
    case truncated(file: String, line: Int)
    /// More units are not whole than may be left out.
    case tooManyLeftOut(file: String, units: Int, of: Int, first: String)
    /// There is not one true RUL for each test unit.
    case rulCount(file: String, seen: Int, units: Int)
    /// None of the names that the file may have exists.
    case notFound(folder: String, tried: [String])
    /// The file is compressed and cannot be decompressed.
    case badGzip(file: String, reason: String)
    /// The system refused to read the file.
    case unreadable(path: String, reason: String)
    /// The file is larger than any data set; sizes are in bytes.
    case tooLarge(path: String, sizeMax: Int)
    /// The system refused to write the file.
    case unwritable(path: String, reason: String)
    /// The units at hand leave a role without any.
    case emptyRole(UnitRole, units: Int, seed: UInt64)
}

extension DatasetError: CustomStringConvertible {
    /// What was seen, against what was expected, then the next step.
    package var description: String {
        switch self {
        case .badValue(let file, let line, let column, let seen, let expected):
            "\(file), line \(line), column \(column): expected \(expected), saw '\(seen)'. "
                + "Mend the row."
        case .columnCount(let file, let line, let seen):
            "\(file), line \(line): expected 26 columns, saw \(seen). Mend the row."
        case .badOrder(let file, let line, let seen, let expected):
            "\(file), line \(line): expected \(expected), saw \(seen). "
                + "Sort the file by unit and cycle, and complete it."
        case .empty(let file):
            "\(file) has no rows. Fetch the file again."
        case .truncated(let file, let line):
            "\(file) ends in the middle of line \(line). Fetch the file again."
        case .tooManyLeftOut(let file, let units, let total, let first):
            "\(units) of \(total) units of \(file) are not whole, more than "
                + "\(Int(ValidatedRuns.leftOutShareMax * 100)) %. The first: \(first) Mend the "
                + "file, or take them out."
        case .rulCount(let file, let seen, let units):
            "\(file) has \(seen) true RULs for \(units) test units. "
                + "Take both files from one data set."
        case .notFound(let folder, let tried):
            "\(folder) has none of: \(tried.joined(separator: ", ")). "
                + "Name the folder that holds the data set, and its subset."
        case .badGzip(let file, let reason):
            "\(file) cannot be decompressed. \(reason)"
        case .unreadable(let path, let reason):
            "\(path) cannot be read (\(reason)). Check the path and its permissions."
        case .tooLarge(let path, let sizeMax):
            "\(path) has more than \(sizeMax) bytes. Check that it is the data set's file, or "
                + "split the fleet."
        case .unwritable(let path, let reason):
            "\(path) cannot be written (\(reason)). Check the folder and the space on its disk."
        case .emptyRole(let role, let units, let seed):
            "No unit of \(units) has the role \(role.rawValue) under seed \(seed). "
                + "Add units or choose another seed."
        }
    }
}
