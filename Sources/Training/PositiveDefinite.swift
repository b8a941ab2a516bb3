/// Symmetric positive definite systems, by Cholesky's method.
enum PositiveDefinite {
    /// The solution of `matrix · x = right`.
    ///
    /// Of the matrix `[row, column]` only the part up to the diagonal is read.
    static func solve(_ matrix: [Double], _ right: [Double]) -> [Double] {
        let size = right.count
        var factor = matrix
        for row in 0..<size {
            for column in 0...row {
                var sum = factor[row * size + column]
                for inner in 0..<column {
                    sum -= factor[row * size + inner] * factor[column * size + inner]
                }
                factor[row * size + column] =
                    row == column ? sum.squareRoot() : sum / factor[column * size + column]
            }
        }
        var solution = right
        for row in 0..<size {
            for inner in 0..<row { solution[row] -= factor[row * size + inner] * solution[inner] }
            solution[row] /= factor[row * size + row]
        }
        for row in stride(from: size - 1, through: 0, by: -1) {
            for inner in row + 1..<size {
                solution[row] -= factor[inner * size + row] * solution[inner]
            }
            solution[row] /= factor[row * size + row]
        }
        return solution
    }
}
