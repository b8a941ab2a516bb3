import CInt8Kernels

/// One of the four sums per unit that the kernels compute: a block of rows of a matrix.
struct KernelSum {
    let matrix: QuantizedMatrix
    /// The row of the layer's first unit.
    let firstRow: Int
    /// What the sum is multiplied by, a power of 2 or its opposite: what the kernels take the
    /// exponential of is `-z` for a sigmoid of z, `-2z` for a hyperbolic tangent.
    let factor: Float
    /// The columns that the layer's inputs are multiplied with.
    let inputs: Range<Int>
    /// The columns that the layer's hidden states are multiplied with.
    let hidden: Range<Int>
}

/// A layer as the kernels want it in memory; `CInt8Kernels.h` draws it.
struct KernelLayer {
    private static let unitsPerBlock = INT8_BLOCK_UNITS
    private static let columnsPerGroup = INT8_GROUP_COLUMNS

    let inputCount: Int
    let unitCount: Int
    /// An LSTM's i, f, g, o; a GRU's r, k, x, y.
    let sums: [KernelSum]
    /// Integers per 1 of each hidden state.
    let rates: [Float]

    init(_ layer: QuantizedLSTMLayer) {
        inputCount = layer.inputCount
        unitCount = layer.unitCount
        rates = layer.hiddenScales.rates
        let (inputs, units) = (layer.inputCount, layer.unitCount)
        sums = [-1, -1, -2, -1].enumerated().map { gate, factor in
            KernelSum(
                matrix: layer.gates, firstRow: gate * units, factor: factor, inputs: 0..<inputs,
                hidden: inputs..<inputs + units)
        }
    }

    init(_ layer: QuantizedGRULayer) {
        inputCount = layer.inputCount
        unitCount = layer.unitCount
        rates = layer.hiddenScales.rates
        let (inputs, units) = (layer.inputCount, layer.unitCount)
        let gates = [0, units].map { row in
            KernelSum(
                matrix: layer.gates, firstRow: row, factor: -1, inputs: 0..<inputs,
                hidden: inputs..<inputs + units)
        }
        sums =
            gates + [
                KernelSum(
                    matrix: layer.inputPart, firstRow: 0, factor: -2, inputs: 0..<inputs,
                    hidden: 0..<0),
                KernelSum(
                    matrix: layer.statePart, firstRow: 0, factor: -2, inputs: 0..<0,
                    hidden: 0..<units),
            ]
    }

    private var blockCount: Int { Self.quotient(unitCount, Self.unitsPerBlock) }
    /// Groups of columns, padded to whole blocks, because quantized values are written by blocks.
    private var inputGroups: Int {
        Self.quotient(inputCount, Self.unitsPerBlock) * Self.unitsPerBlock / Self.columnsPerGroup
    }
    private var hiddenGroups: Int { blockCount * Self.unitsPerBlock / Self.columnsPerGroup }

    private static func quotient(_ dividend: Int, _ divisor: Int) -> Int {
        (dividend + divisor - 1) / divisor
    }

    /// Appends all blocks to a model's image.
    func write(to image: inout AlignedBytes) -> int8_layer {
        let place = image.bytes.count
        for block in 0..<blockCount { write(block: block, to: &image) }
        return int8_layer(
            blocks: Int32(place), block_count: Int32(blockCount),
            input_groups: Int32(inputGroups), hidden_groups: Int32(hiddenGroups),
            block_size: Int32((image.bytes.count - place) / blockCount))
    }

    private func write(block: Int, to image: inout AlignedBytes) {
        let units = (0..<Self.unitsPerBlock).map { block * Self.unitsPerBlock + $0 }
        image.append(sums.flatMap { sum in units.map { offset(sum, unit: $0) } })
        for numbers in [\QuantizedMatrix.rowScales, \.biases] {
            image.append(
                sums.flatMap { sum in
                    units.map { unit in
                        unit < unitCount
                            ? sum.factor * sum.matrix[keyPath: numbers][sum.firstRow + unit] : 0
                    }
                })
        }
        image.append(units.map { $0 < unitCount ? rates[$0] : 0 })
        var weights: [Int8] = []
        for (columns, groupCount) in [(\KernelSum.inputs, inputGroups), (\.hidden, hiddenGroups)] {
            let present = sums.filter { !$0[keyPath: columns].isEmpty }
            for group in 0..<groupCount {
                for sum in present {
                    for unit in units {
                        for column in 0..<Self.columnsPerGroup {
                            weights.append(
                                weight(
                                    sum, unit: unit, in: sum[keyPath: columns],
                                    at: group * Self.columnsPerGroup + column))
                        }
                    }
                }
            }
        }
        image.append(weights)
    }

    private func weight(
        _ sum: KernelSum, unit: Int, in columns: Range<Int>, at index: Int
    ) -> Int8 {
        guard unit < unitCount, index < columns.count else { return 0 }
        let row = (sum.firstRow + unit) * sum.matrix.columnCount
        return sum.matrix.weights[row + columns.lowerBound + index]
    }

    /// Takes back what a kernel adds that reads each value 128 too great.
    private func offset(_ sum: KernelSum, unit: Int) -> Int32 {
        guard unit < unitCount else { return 0 }
        let row = (sum.firstRow + unit) * sum.matrix.columnCount
        let weights = sum.matrix.weights[row..<row + sum.matrix.columnCount]
        return -128 * weights.reduce(0) { $0 + Int32($1) }
    }
}
