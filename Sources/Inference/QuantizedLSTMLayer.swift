/// One layer of LSTM cells in 8-bit integers (`docs/int8-arithmetic.md`, "A layer").
package struct QuantizedLSTMLayer: Equatable, Sendable {
    /// Units of a layer are a multiple of this many.
    package static let laneCount = 8
    /// The most units of a layer.
    package static let unitCountMax = 64
    /// Blocks of rows: input, forget, cell, output.
    package static let gateCount = 4
    /// The greatest magnitude of a quantized value.
    package static let valueMax: Float = 127
    /// Units of the cell state per 1: Q4.11.
    static let cellScale: Float = 2_048

    /// Values that come from below.
    package let inputCount: Int
    /// Cells of the layer.
    package let unitCount: Int
    /// `[gate · unit, input then unit]`, row-major; the scales of columns are folded in.
    package let weights: [Int8]
    /// Per row what one unit of its accumulator stands for.
    package let rowScales: [Float]
    /// Per row.
    package let biases: [Float]
    /// Per unit what one unit of its quantized hidden state stands for.
    package let hiddenScales: [Float]

    /// The weights as 16-bit numbers, rows padded by zeros to ``stride``.
    private let wideWeights: [Int16]
    /// Quantized hidden states per 1: the reciprocals of ``hiddenScales``.
    private let hiddenRates: [Float]

    /// Values in a row as they lie in memory.
    var stride: Int { (inputCount + unitCount + 7) / 8 * 8 }

    /// - Throws: When the sizes do not fit each other or a number is out of range.
    package init(
        inputCount: Int, weights: [Int8], rowScales: [Float], biases: [Float],
        hiddenScales: [Float]
    ) throws(InferenceError) {
        let unitCount = hiddenScales.count
        guard (1...Self.unitCountMax).contains(inputCount),
            (1...Self.unitCountMax).contains(unitCount),
            unitCount.isMultiple(of: Self.laneCount)
        else {
            throw .layerSize(inputs: inputCount, units: unitCount)
        }
        let rows = Self.gateCount * unitCount
        let columns = inputCount + unitCount
        for (name, count, expected) in [
            ("layer's weights", weights.count, rows * columns),
            ("row scales", rowScales.count, rows), ("layer's biases", biases.count, rows),
        ] {
            try FloatRange.check(name, count: count, expected: expected)
        }
        try FloatRange.scale.check("row scales", rowScales)
        try FloatRange.scale.check("hidden scales", hiddenScales)
        try FloatRange.weight.check("layer's biases", biases)
        self.inputCount = inputCount
        self.unitCount = unitCount
        self.weights = weights
        self.rowScales = rowScales
        self.biases = biases
        self.hiddenScales = hiddenScales
        hiddenRates = hiddenScales.map { 1 / $0 }
        let stride = (columns + 7) / 8 * 8
        var wide = [Int16](repeating: 0, count: rows * stride)
        for row in 0..<rows {
            for column in 0..<columns {
                wide[row * stride + column] = Int16(weights[row * columns + column])
            }
        }
        wideWeights = wide
    }

    /// One time step.
    /// - Parameters:
    ///   - values: Quantized inputs, then hidden states, which are replaced; padded by zeros.
    ///   - cells: Cell states in units of 1/2048, whole numbers; replaced.
    ///   - sums: Room for one number per row.
    ///   - hidden: Receives the hidden states before their quantization.
    func step(
        values: UnsafeMutablePointer<Int16>, cells: UnsafeMutablePointer<Float>,
        sums: UnsafeMutablePointer<Int32>, hidden: UnsafeMutablePointer<Float>
    ) {
        accumulate(values, into: sums)
        for unit in Swift.stride(from: 0, to: unitCount, by: Self.laneCount) {
            let input = PortableMath.sigmoid(preactivation(0, unit, sums))
            let forget = PortableMath.sigmoid(preactivation(1, unit, sums))
            let candidate = PortableMath.tanh(preactivation(2, unit, sums))
            let output = PortableMath.sigmoid(preactivation(3, unit, sums))
            let previous = Self.lanes(UnsafePointer(cells), at: unit) * (1 / Self.cellScale)
            let exact = (forget * previous + input * candidate) * Self.cellScale
            let cell = PortableMath.rounded(PortableMath.clamped(exact, -32_768, 32_767))
            let state = output * PortableMath.tanh(cell * (1 / Self.cellScale))
            let rates = hiddenRates.withUnsafeBufferPointer { rates in
                rates.baseAddress.map { Self.lanes($0, at: unit) } ?? Lanes()
            }
            let quantized = PortableMath.rounded(
                PortableMath.clamped(state * rates, -Self.valueMax, Self.valueMax))
            for lane in 0..<Self.laneCount {
                cells[unit + lane] = cell[lane]
                hidden[unit + lane] = state[lane]
                values[inputCount + unit + lane] = Int16(truncatingIfNeeded: Int32(quantized[lane]))
            }
        }
    }

    /// The sum of products per row, exact: 128 · 128 · 128 < 2^22.
    private func accumulate(
        _ values: UnsafeMutablePointer<Int16>, into sums: UnsafeMutablePointer<Int32>
    ) {
        let stride = stride
        wideWeights.withUnsafeBufferPointer { weights in
            guard var row = weights.baseAddress else { return }
            for index in 0..<Self.gateCount * unitCount {
                var sum: Int32 = 0
                for column in 0..<stride {
                    sum &+= Int32(row[column]) &* Int32(values[column])
                }
                sums[index] = sum
                row += stride
            }
        }
    }

    /// `sum · scale + bias` of eight units' rows of a gate.
    @inline(__always)
    private func preactivation(
        _ gate: Int, _ unit: Int, _ sums: UnsafeMutablePointer<Int32>
    ) -> Lanes {
        let row = gate * unitCount + unit
        var whole = SIMD8<Int32>()
        for lane in 0..<Self.laneCount { whole[lane] = sums[row + lane] }
        return rowScales.withUnsafeBufferPointer { scales in
            biases.withUnsafeBufferPointer { biases in
                guard let scales = scales.baseAddress, let biases = biases.baseAddress else {
                    return Lanes()
                }
                return PortableMath.floats(whole) * Self.lanes(scales, at: row)
                    + Self.lanes(biases, at: row)
            }
        }
    }

    /// Eight neighbours.
    @inline(__always)
    static func lanes(_ pointer: UnsafePointer<Float>, at index: Int) -> Lanes {
        UnsafeRawPointer(pointer + index).loadUnaligned(as: Lanes.self)
    }
}
