/// One layer of LSTM cells in 8-bit integers (`docs/int8-arithmetic.md`, "An LSTM layer").
package struct QuantizedLSTMLayer: Equatable, Sendable {
    /// Blocks of rows: input, forget, cell, output.
    package static let gateCount = 4
    /// Units of the cell state per 1: Q4.11.
    static let cellScale: Float = 2_048

    /// The gates, one block of rows after the other, over inputs and hidden states.
    package let gates: QuantizedMatrix
    /// Of the hidden states.
    package let hiddenScales: ActivationScales

    /// Values that come from below.
    package var inputCount: Int { gates.columnCount - unitCount }
    /// Cells of the layer.
    package var unitCount: Int { hiddenScales.count }

    /// - Throws: When the sizes do not fit each other.
    package init(
        gates: QuantizedMatrix, hiddenScales: ActivationScales
    ) throws(InferenceError) {
        let units = hiddenScales.count
        try RecurrentLimits.check(inputCount: gates.columnCount - units, unitCount: units)
        try FloatRange.check(
            "rows of the gates", count: gates.rowCount, expected: Self.gateCount * units)
        self.gates = gates
        self.hiddenScales = hiddenScales
    }

    /// One time step.
    /// - Parameters:
    ///   - values: Quantized inputs, then hidden states, which are replaced.
    ///   - cells: Cell states in units of 1/2048, whole numbers; replaced.
    ///   - sums: Room for one number per row.
    ///   - hidden: Receives the hidden states before their quantization.
    func step(
        values: UnsafeMutablePointer<Int16>, cells: UnsafeMutablePointer<Float>,
        sums: UnsafeMutablePointer<Int32>, hidden: UnsafeMutablePointer<Float>
    ) {
        gates.accumulate(values, into: sums)
        for unit in stride(from: 0, to: unitCount, by: Lanes.scalarCount) {
            let input = PortableMath.sigmoid(gates.preactivation(unit, sums))
            let forget = PortableMath.sigmoid(gates.preactivation(unitCount + unit, sums))
            let candidate = PortableMath.tanh(gates.preactivation(2 * unitCount + unit, sums))
            let output = PortableMath.sigmoid(gates.preactivation(3 * unitCount + unit, sums))
            let previous = UnsafePointer(cells).lanes(at: unit) * (1 / Self.cellScale)
            let exact = (forget * previous + input * candidate) * Self.cellScale
            let cell = PortableMath.rounded(PortableMath.clamped(exact, -32_768, 32_767))
            let state = output * PortableMath.tanh(cell * (1 / Self.cellScale))
            cells.store(cell, at: unit)
            hidden.store(state, at: unit)
            hiddenScales.quantize(state, at: unit, into: values + inputCount)
        }
    }
}
