import COpenBLAS

/// Products of row-major matrices by OpenBLAS, on the calling thread.
///
/// OpenBLAS picks its kernels by the processor, so results are the same bits on one machine, and
/// may differ in the last bits on another.
enum MatrixProduct {
    /// Keeps OpenBLAS to the calling thread: training splits its batches itself, in a fixed order.
    static func useCallingThreadOnly() { openblas_set_num_threads(1) }

    /// What happens to the values that the result already holds.
    enum Target {
        case replace, add
    }

    /// C ← A·Bᵀ, for A `[rows, inner]`, B `[columns, inner]`, C `[rows, columns]`: a layer.
    static func layer(
        _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, _ c: UnsafeMutablePointer<Float>,
        rows: Int, columns: Int, inner: Int, _ target: Target
    ) {
        cblas_sgemm(
            CblasRowMajor, CblasNoTrans, CblasTrans, blasint(rows), blasint(columns),
            blasint(inner), 1, a, blasint(inner), b, blasint(inner), target == .add ? 1 : 0, c,
            blasint(columns))
    }

    /// C ← A·B, for A `[rows, inner]`, B `[inner, columns]`: a gradient back to a layer's input.
    static func input(
        _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, _ c: UnsafeMutablePointer<Float>,
        rows: Int, columns: Int, inner: Int, _ target: Target
    ) {
        cblas_sgemm(
            CblasRowMajor, CblasNoTrans, CblasNoTrans, blasint(rows), blasint(columns),
            blasint(inner), 1, a, blasint(inner), b, blasint(columns), target == .add ? 1 : 0, c,
            blasint(columns))
    }

    /// C ← C + Aᵀ·B, for A `[inner, rows]`, B `[inner, columns]`: a gradient of a layer's weights.
    static func weights(
        _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, _ c: UnsafeMutablePointer<Float>,
        rows: Int, columns: Int, inner: Int
    ) {
        cblas_sgemm(
            CblasRowMajor, CblasTrans, CblasNoTrans, blasint(rows), blasint(columns),
            blasint(inner), 1, a, blasint(rows), b, blasint(columns), 1, c, blasint(columns))
    }

    /// sums ← sums + the sum of the rows of A `[rows, columns]`, row after row.
    static func addRows(
        _ a: UnsafePointer<Float>, rows: Int, columns: Int, to sums: UnsafeMutablePointer<Float>
    ) {
        for row in 0..<rows {
            let values = a + row * columns
            for column in 0..<columns { sums[column] += values[column] }
        }
    }
}
