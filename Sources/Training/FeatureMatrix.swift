/// Rows of features, `[row, feature]`, row-major, all finite.
package struct FeatureMatrix: Equatable, Sendable {
    /// Features of a row.
    package let columnCount: Int
    /// All values, one row after the other.
    package private(set) var values: [Float] = []

    /// Creates a matrix without rows.
    package init(columnCount: Int) {
        precondition(columnCount > 0, "a row has at least one feature")
        self.columnCount = columnCount
    }

    /// The number of rows.
    package var rowCount: Int { values.count / columnCount }

    /// Appends one row.
    /// - Precondition: The row has ``columnCount`` values.
    package mutating func append(_ row: some Collection<Float>) {
        precondition(row.count == columnCount, "\(row.count) values in a row of \(columnCount)")
        values.append(contentsOf: row)
    }

    /// One row's values.
    package func row(_ index: Int) -> ArraySlice<Float> {
        values[index * columnCount..<(index + 1) * columnCount]
    }

    /// Sets columns to 0 in every row.
    mutating func clear(_ columns: [Int]) {
        for start in stride(from: 0, to: values.count, by: columnCount) {
            for column in columns { values[start + column] = 0 }
        }
    }

    /// The matrix that has only `columns`, in the order given.
    package func selecting(_ columns: [Int]) -> FeatureMatrix {
        var selected = FeatureMatrix(columnCount: columns.count)
        selected.values.reserveCapacity(rowCount * columns.count)
        for start in stride(from: 0, to: values.count, by: columnCount) {
            for column in columns { selected.values.append(values[start + column]) }
        }
        return selected
    }
}
