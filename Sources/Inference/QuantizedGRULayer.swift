/// One layer of GRU cells in 8-bit integers (`docs/int8-arithmetic.md`, "A GRU layer").
package struct QuantizedGRULayer: Equatable, Sendable {
    /// Units of the state per 1: Q0.15.
    static let stateScale: Float = 32_768

    /// Reset, then update, over inputs and hidden states.
    package let gates: QuantizedMatrix
    /// What the inputs add to the new state.
    package let inputPart: QuantizedMatrix
    /// What the hidden states add to the new state, before the reset gate.
    package let statePart: QuantizedMatrix
    /// Of the hidden states.
    package let hiddenScales: ActivationScales

    /// Values that come from below.
    package var inputCount: Int { inputPart.columnCount }
    /// Cells of the layer.
    package var unitCount: Int { hiddenScales.count }

    /// - Throws: When the sizes do not fit each other.
    package init(
        gates: QuantizedMatrix, inputPart: QuantizedMatrix, statePart: QuantizedMatrix,
        hiddenScales: ActivationScales
    ) throws(InferenceError) {
        let (inputs, units) = (inputPart.columnCount, hiddenScales.count)
        try RecurrentLimits.check(inputCount: inputs, unitCount: units)
        for (name, count, expected) in [
            ("rows of the gates", gates.rowCount, 2 * units),
            ("columns of the gates", gates.columnCount, inputs + units),
            ("rows of the input's part", inputPart.rowCount, units),
            ("rows of the state's part", statePart.rowCount, units),
            ("columns of the state's part", statePart.columnCount, units),
        ] {
            try FloatRange.check(name, count: count, expected: expected)
        }
        self.gates = gates
        self.inputPart = inputPart
        self.statePart = statePart
        self.hiddenScales = hiddenScales
    }

    /// One time step.
    /// - Parameters:
    ///   - values: Quantized inputs, then hidden states, which are replaced.
    ///   - states: Hidden states in units of 1/32768, whole numbers; replaced.
    ///   - sums: Room for four numbers per unit.
    ///   - hidden: Receives the hidden states before they become 8-bit numbers.
    func step(
        values: UnsafeMutablePointer<Int16>, states: UnsafeMutablePointer<Float>,
        sums: UnsafeMutablePointer<Int32>, hidden: UnsafeMutablePointer<Float>
    ) {
        let own = values + inputCount
        let (inputSums, stateSums) = (sums + 2 * unitCount, sums + 3 * unitCount)
        gates.accumulate(values, into: sums)
        inputPart.accumulate(values, into: inputSums)
        statePart.accumulate(own, into: stateSums)
        for unit in stride(from: 0, to: unitCount, by: Lanes.scalarCount) {
            let reset = PortableMath.sigmoid(gates.preactivation(unit, sums))
            let update = PortableMath.sigmoid(gates.preactivation(unitCount + unit, sums))
            let candidate = PortableMath.tanh(
                inputPart.preactivation(unit, inputSums)
                    + reset * statePart.preactivation(unit, stateSums))
            let previous = UnsafePointer(states).lanes(at: unit) * (1 / Self.stateScale)
            let exact = ((1 - update) * candidate + update * previous) * Self.stateScale
            let whole = PortableMath.rounded(PortableMath.clamped(exact, -32_768, 32_767))
            let state = whole * (1 / Self.stateScale)
            states.store(whole, at: unit)
            hidden.store(state, at: unit)
            hiddenScales.quantize(state, at: unit, into: own)
        }
    }
}
