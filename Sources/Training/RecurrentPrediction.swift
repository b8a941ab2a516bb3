/// What a float network says about one window, not clamped.
package struct RecurrentOutput: Equatable, Sendable {
    /// The capped RUL over the cap of 125 cycles.
    package let life: Float
    /// The logit of a failure within 30 cycles.
    package let logit: Float
}

extension RecurrentWeights {
    /// Windows that are run at once.
    private static let batchSize = 128

    /// What the network says about each window, without dropout.
    package func predict(_ windows: LabelledWindows) -> [RecurrentOutput] {
        MatrixProduct.useCallingThreadOnly()
        let network = RecurrentNetwork(
            shape: shape, rowCount: Self.batchSize, stepCount: windows.stepCount, dropout: 0)
        let buffer = FloatBuffer(count: values.count)
        for (index, value) in values.enumerated() { buffer.base[index] = value }
        let pointers = WeightPointers(buffer, shape: shape)
        var outputs: [RecurrentOutput] = []
        for start in stride(from: 0, to: windows.count, by: Self.batchSize) {
            // The last batch is filled up with its last window.
            let rows = (start..<start + Self.batchSize).map { min($0, windows.count - 1) }
            let batch = network.forward(windows, rows: rows, pointers)
            for row in 0..<min(Self.batchSize, windows.count - start) {
                outputs.append(RecurrentOutput(life: batch[2 * row], logit: batch[2 * row + 1]))
            }
        }
        return outputs
    }
}
