/// A layer of weighted sums in float, `bias + Σ weight · input`, inputs in ascending order.
package struct DenseLayer: Equatable, Sendable {
    package let inputCount: Int
    package let outputCount: Int
    /// `[output, input]`, row-major.
    package let weights: [Float]
    /// Per output.
    package let biases: [Float]

    /// The weights column by column, so that eight outputs are summed side by side.
    private let columns: [Float]

    /// - Throws: When there are not as many weights as both counts say, or one is out of range.
    package init(
        inputCount: Int, weights: [Float], biases: [Float]
    ) throws(InferenceError) {
        let outputs = biases.count
        try FloatRange.check(
            "weights of a dense layer", count: weights.count, expected: inputCount * outputs)
        try FloatRange.weight.check("weights of a dense layer", weights)
        try FloatRange.weight.check("biases of a dense layer", biases)
        self.inputCount = inputCount
        outputCount = outputs
        self.weights = weights
        self.biases = biases
        var columns = [Float](repeating: 0, count: weights.count)
        for output in 0..<outputs {
            for input in 0..<inputCount {
                columns[input * outputs + output] = weights[output * inputCount + input]
            }
        }
        self.columns = columns
    }

    /// The sums of eight outputs from `output` on.
    @inline(__always)
    func lanes(_ inputs: UnsafePointer<Float>, from output: Int) -> Lanes {
        columns.withUnsafeBufferPointer { columns in
            biases.withUnsafeBufferPointer { biases in
                guard var column = columns.baseAddress, let bias = biases.baseAddress else {
                    return Lanes()
                }
                column += output
                var sum = bias.lanes(at: output)
                for input in 0..<inputCount {
                    sum += column.lanes(at: 0) * inputs[input]
                    column += outputCount
                }
                return sum
            }
        }
    }
}
