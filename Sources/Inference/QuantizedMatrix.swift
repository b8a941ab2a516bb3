/// Sums of 8-bit values by 8-bit weights per row, `Float(Σ weight · value) · scale + bias`.
///
/// The scales of the columns are folded into the weights (`docs/int8-arithmetic.md`, "A layer").
package struct QuantizedMatrix: Equatable, Sendable {
    /// Values per row.
    package let columnCount: Int
    /// `[row, column]`, row-major.
    package let weights: [Int8]
    /// Per row what one unit of its sum stands for.
    package let rowScales: [Float]
    /// Per row.
    package let biases: [Float]

    package var rowCount: Int { rowScales.count }

    /// - Throws: When the sizes do not fit each other or a number is out of range.
    package init(
        columnCount: Int, weights: [Int8], rowScales: [Float], biases: [Float]
    ) throws(InferenceError) {
        let rows = rowScales.count
        for (name, count, expected) in [
            ("layer's weights", weights.count, rows * columnCount),
            ("layer's biases", biases.count, rows),
        ] {
            try FloatRange.check(name, count: count, expected: expected)
        }
        try FloatRange.scale.check("row scales", rowScales)
        try FloatRange.weight.check("layer's biases", biases)
        self.columnCount = columnCount
        self.weights = weights
        self.rowScales = rowScales
        self.biases = biases
    }

    /// The sum of products per row, exact: 128 · 128 · 128 < 2^22.
    /// - Parameters:
    ///   - values: As many as columns, at most 128.
    ///   - sums: Receives one number per row.
    func accumulate(_ values: UnsafePointer<Int16>, into sums: UnsafeMutablePointer<Int32>) {
        weights.withUnsafeBufferPointer { weights in
            guard var row = weights.baseAddress else { return }
            for index in 0..<rowCount {
                var sum: Int32 = 0
                for column in 0..<columnCount {
                    sum &+= Int32(row[column]) &* Int32(values[column])
                }
                sums[index] = sum
                row += columnCount
            }
        }
    }

    /// `sum · scale + bias` of eight rows from `row` on.
    @inline(__always)
    func preactivation(_ row: Int, _ sums: UnsafePointer<Int32>) -> Lanes {
        var whole = SIMD8<Int32>()
        for lane in 0..<Lanes.scalarCount { whole[lane] = sums[row + lane] }
        return rowScales.withUnsafeBufferPointer { scales in
            biases.withUnsafeBufferPointer { biases in
                guard let scales = scales.baseAddress, let biases = biases.baseAddress else {
                    return Lanes()
                }
                return PortableMath.floats(whole) * scales.lanes(at: row) + biases.lanes(at: row)
            }
        }
    }
}
