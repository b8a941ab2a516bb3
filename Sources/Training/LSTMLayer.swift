/// One LSTM layer over a batch of windows, forward and back through time.
///
/// Hochreiter and Schmidhuber 1997 with the forget gate of Gers et al. 2000, as PyTorch computes
/// it: i, f, o = σ(W x + U h + b), g = tanh(…), c ← f c + i g, h ← o tanh c. All activations are
/// `[time, row, unit]`, row-major; gates stand side by side as i, f, g, o.
struct LSTMLayer {
    let rowCount: Int
    let stepCount: Int
    let inputCount: Int
    let hiddenCount: Int
    /// Gates after their activation, `[time, row, 4 · hidden]`; backward, the gradients before it.
    private let gates: FloatBuffer
    /// Cell states, from the zero state before the first step on: `[time + 1, row, hidden]`.
    private let cells: FloatBuffer
    /// tanh of the cell states, `[time, row, hidden]`.
    private let cellOutputs: FloatBuffer
    /// Hidden states, from the zero state before the first step on: `[time + 1, row, hidden]`.
    private let states: FloatBuffer
    private let stateGradient: FloatBuffer
    private let cellGradient: FloatBuffer

    init(rowCount: Int, stepCount: Int, inputCount: Int, hiddenCount: Int) {
        self.rowCount = rowCount
        self.stepCount = stepCount
        self.inputCount = inputCount
        self.hiddenCount = hiddenCount
        let stateSize = rowCount * hiddenCount
        gates = FloatBuffer(count: stepCount * stateSize * 4)
        cells = FloatBuffer(count: (stepCount + 1) * stateSize)
        cellOutputs = FloatBuffer(count: stepCount * stateSize)
        states = FloatBuffer(count: (stepCount + 1) * stateSize)
        stateGradient = FloatBuffer(count: stateSize)
        cellGradient = FloatBuffer(count: stateSize)
    }

    /// The hidden states, `[time, row, hidden]`.
    var output: UnsafeMutablePointer<Float> { states.from(rowCount * hiddenCount) }

    /// Runs the layer over `input`, `[time, row, input]`.
    func forward(_ input: UnsafePointer<Float>, _ weights: LayerPointers) {
        let width = 4 * hiddenCount
        MatrixProduct.layer(
            input, weights.input, gates.base, rows: stepCount * rowCount, columns: width,
            inner: inputCount, .replace)
        let stateSize = rowCount * hiddenCount
        for step in 0..<stepCount {
            let gates = gates.from(step * rowCount * width)
            MatrixProduct.layer(
                states.from(step * stateSize), weights.recurrent, gates, rows: rowCount,
                columns: width, inner: hiddenCount, .add)
            for row in 0..<rowCount {
                let place = step * stateSize + row * hiddenCount
                activate(gates + row * width, weights, place: place)
            }
        }
    }

    /// Turns one row's sums into gates, cell and hidden state; `place` is its offset at this step.
    @inline(__always)
    private func activate(
        _ gates: UnsafeMutablePointer<Float>, _ weights: LayerPointers, place: Int
    ) {
        let next = place + rowCount * hiddenCount
        let bias = weights.inputBias
        let other = weights.recurrentBias
        for unit in stride(from: 0, to: hiddenCount, by: 8) {
            let (i, f) = (unit, hiddenCount + unit)
            let (g, o) = (2 * hiddenCount + unit, 3 * hiddenCount + unit)
            let inGate = Activation.sigmoid(gates.lanes(i) + (bias.lanes(i) + other.lanes(i)))
            let forget = Activation.sigmoid(gates.lanes(f) + (bias.lanes(f) + other.lanes(f)))
            let new = Activation.tanh(gates.lanes(g) + (bias.lanes(g) + other.lanes(g)))
            let outGate = Activation.sigmoid(gates.lanes(o) + (bias.lanes(o) + other.lanes(o)))
            let cell = forget * cells.base.lanes(place + unit) + inGate * new
            let cellOutput = Activation.tanh(cell)
            gates.store(inGate, i)
            gates.store(forget, f)
            gates.store(new, g)
            gates.store(outGate, o)
            cells.base.store(cell, next + unit)
            cellOutputs.base.store(cellOutput, place + unit)
            states.base.store(outGate * cellOutput, next + unit)
        }
    }

    /// Adds the weights' gradient to `gradient`, and writes the input's unless that is `nil`.
    ///
    /// `outputGradient` is the loss's gradient by ``output``; the last ``forward(_:_:)`` had the
    /// same input and weights. It can be called once after it.
    func backward(
        _ input: UnsafePointer<Float>, _ weights: LayerPointers,
        outputGradient: UnsafePointer<Float>, gradient: LayerPointers,
        inputGradient: UnsafeMutablePointer<Float>?
    ) {
        let width = 4 * hiddenCount
        let stateSize = rowCount * hiddenCount
        stateGradient.clear()
        cellGradient.clear()
        for step in (0..<stepCount).reversed() {
            let gates = gates.from(step * rowCount * width)
            for row in 0..<rowCount {
                differentiate(
                    gates + row * width, outputGradient, row: row,
                    place: step * stateSize + row * hiddenCount)
            }
            MatrixProduct.input(
                gates, weights.recurrent, stateGradient.base, rows: rowCount,
                columns: hiddenCount, inner: width, .replace)
        }
        let rows = stepCount * rowCount
        MatrixProduct.weights(
            gates.base, input, gradient.input, rows: width, columns: inputCount, inner: rows)
        MatrixProduct.weights(
            gates.base, states.base, gradient.recurrent, rows: width, columns: hiddenCount,
            inner: rows)
        MatrixProduct.addRows(gates.base, rows: rows, columns: width, to: gradient.inputBias)
        // Both biases are added to the same sums.
        MatrixProduct.addRows(gates.base, rows: rows, columns: width, to: gradient.recurrentBias)
        guard let inputGradient else { return }
        MatrixProduct.input(
            gates.base, weights.input, inputGradient, rows: rows, columns: inputCount,
            inner: width, .replace)
    }

    /// Turns one row's gates into the gradient by their sums, and hands the cell's to the step
    /// before.
    @inline(__always)
    private func differentiate(
        _ gates: UnsafeMutablePointer<Float>, _ outputGradient: UnsafePointer<Float>, row: Int,
        place: Int
    ) {
        for unit in stride(from: 0, to: hiddenCount, by: 8) {
            let (i, f) = (unit, hiddenCount + unit)
            let (g, o) = (2 * hiddenCount + unit, 3 * hiddenCount + unit)
            let (inGate, forget) = (gates.lanes(i), gates.lanes(f))
            let (new, outGate) = (gates.lanes(g), gates.lanes(o))
            let own = row * hiddenCount + unit
            let cellOutput = cellOutputs.base.lanes(place + unit)
            let state = outputGradient.lanes(place + unit) + stateGradient.base.lanes(own)
            let cell =
                cellGradient.base.lanes(own) + state * outGate * (1 - cellOutput * cellOutput)
            gates.store(cell * new * inGate * (1 - inGate), i)
            gates.store(cell * cells.base.lanes(place + unit) * forget * (1 - forget), f)
            gates.store(cell * inGate * (1 - new * new), g)
            gates.store(state * cellOutput * outGate * (1 - outGate), o)
            cellGradient.base.store(cell * forget, own)
        }
    }
}
