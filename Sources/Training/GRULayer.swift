/// One GRU layer over a batch of windows, forward and back through time.
///
/// Cho et al. 2014 as PyTorch computes it: r, z = σ(W x + b + U h + c),
/// n = tanh(W x + b + r · (U h + c)), h ← (1 − z) n + z h. All activations are
/// `[time, row, unit]`, row-major; gates stand side by side as r, z, n.
struct GRULayer {
    let rowCount: Int
    let stepCount: Int
    let inputCount: Int
    let hiddenCount: Int
    /// r, z and n, `[time, row, 3 · hidden]`; backward, the gradients by what the input adds.
    private let gates: FloatBuffer
    /// What the state adds, `[time, row, 3 · hidden]`; backward, the gradients by it.
    private let stateSums: FloatBuffer
    /// Hidden states, from the zero state before the first step on: `[time + 1, row, hidden]`.
    private let states: FloatBuffer
    private let stateGradient: FloatBuffer

    init(rowCount: Int, stepCount: Int, inputCount: Int, hiddenCount: Int) {
        self.rowCount = rowCount
        self.stepCount = stepCount
        self.inputCount = inputCount
        self.hiddenCount = hiddenCount
        let stateSize = rowCount * hiddenCount
        gates = FloatBuffer(count: stepCount * stateSize * 3)
        stateSums = FloatBuffer(count: stepCount * stateSize * 3)
        states = FloatBuffer(count: (stepCount + 1) * stateSize)
        stateGradient = FloatBuffer(count: stateSize)
    }

    /// The hidden states, `[time, row, hidden]`.
    var output: UnsafeMutablePointer<Float> { states.from(rowCount * hiddenCount) }

    /// Runs the layer over `input`, `[time, row, input]`.
    func forward(_ input: UnsafePointer<Float>, _ weights: LayerPointers) {
        let width = 3 * hiddenCount
        MatrixProduct.layer(
            input, weights.input, gates.base, rows: stepCount * rowCount, columns: width,
            inner: inputCount, .replace)
        let stateSize = rowCount * hiddenCount
        for step in 0..<stepCount {
            let place = step * rowCount * width
            MatrixProduct.layer(
                states.from(step * stateSize), weights.recurrent, stateSums.from(place),
                rows: rowCount, columns: width, inner: hiddenCount, .replace)
            for row in 0..<rowCount {
                activate(
                    place + row * width, weights, place: step * stateSize + row * hiddenCount)
            }
        }
    }

    /// Turns one row's sums, from `sums` on, into gates and hidden state.
    @inline(__always)
    private func activate(_ sums: Int, _ weights: LayerPointers, place: Int) {
        let gates = gates.from(sums)
        let stateSums = stateSums.from(sums)
        let (bias, stateBias) = (weights.inputBias, weights.recurrentBias)
        for unit in stride(from: 0, to: hiddenCount, by: 8) {
            let (r, z, n) = (unit, hiddenCount + unit, 2 * hiddenCount + unit)
            let reset = Activation.sigmoid(
                (gates.lanes(r) + bias.lanes(r)) + (stateSums.lanes(r) + stateBias.lanes(r)))
            let update = Activation.sigmoid(
                (gates.lanes(z) + bias.lanes(z)) + (stateSums.lanes(z) + stateBias.lanes(z)))
            let stateSum = stateSums.lanes(n) + stateBias.lanes(n)
            let new = Activation.tanh((gates.lanes(n) + bias.lanes(n)) + reset * stateSum)
            gates.store(reset, r)
            gates.store(update, z)
            gates.store(new, n)
            stateSums.store(stateSum, n)
            let before = states.base.lanes(place + unit)
            states.base.store(
                (1 - update) * new + update * before, place + rowCount * hiddenCount + unit)
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
        let width = 3 * hiddenCount
        let stateSize = rowCount * hiddenCount
        stateGradient.clear()
        for step in (0..<stepCount).reversed() {
            let place = step * rowCount * width
            for row in 0..<rowCount {
                differentiate(
                    place + row * width, outputGradient, row: row,
                    place: step * stateSize + row * hiddenCount)
            }
            MatrixProduct.input(
                stateSums.from(place), weights.recurrent, stateGradient.base, rows: rowCount,
                columns: hiddenCount, inner: width, .add)
        }
        let rows = stepCount * rowCount
        MatrixProduct.weights(
            gates.base, input, gradient.input, rows: width, columns: inputCount, inner: rows)
        MatrixProduct.weights(
            stateSums.base, states.base, gradient.recurrent, rows: width, columns: hiddenCount,
            inner: rows)
        MatrixProduct.addRows(gates.base, rows: rows, columns: width, to: gradient.inputBias)
        MatrixProduct.addRows(
            stateSums.base, rows: rows, columns: width, to: gradient.recurrentBias)
        guard let inputGradient else { return }
        MatrixProduct.input(
            gates.base, weights.input, inputGradient, rows: rows, columns: inputCount,
            inner: width, .replace)
    }

    /// Turns one row's gates into the gradients by their sums, and leaves what goes straight to
    /// the state before.
    @inline(__always)
    private func differentiate(
        _ sums: Int, _ outputGradient: UnsafePointer<Float>, row: Int, place: Int
    ) {
        let gates = gates.from(sums)
        let stateSums = stateSums.from(sums)
        for unit in stride(from: 0, to: hiddenCount, by: 8) {
            let (r, z, n) = (unit, hiddenCount + unit, 2 * hiddenCount + unit)
            let own = row * hiddenCount + unit
            let (reset, update, new) = (gates.lanes(r), gates.lanes(z), gates.lanes(n))
            let before = states.base.lanes(place + unit)
            let state = outputGradient.lanes(place + unit) + stateGradient.base.lanes(own)
            let byNew = state * (1 - update) * (1 - new * new)
            let byUpdate = state * (before - new) * update * (1 - update)
            let byReset = byNew * stateSums.lanes(n) * reset * (1 - reset)
            gates.store(byReset, r)
            gates.store(byUpdate, z)
            gates.store(byNew, n)
            stateSums.store(byReset, r)
            stateSums.store(byUpdate, z)
            stateSums.store(byNew * reset, n)
            stateGradient.base.store(state * update, own)
        }
    }
}

/// A recurrent layer of either kind.
enum RecurrentLayer {
    case lstm(LSTMLayer)
    case gru(GRULayer)

    init(
        _ kind: RecurrentKind, rowCount: Int, stepCount: Int, inputCount: Int, hiddenCount: Int
    ) {
        self =
            switch kind {
            case .lstm:
                .lstm(
                    LSTMLayer(
                        rowCount: rowCount, stepCount: stepCount, inputCount: inputCount,
                        hiddenCount: hiddenCount))
            case .gru:
                .gru(
                    GRULayer(
                        rowCount: rowCount, stepCount: stepCount, inputCount: inputCount,
                        hiddenCount: hiddenCount))
            }
    }

    /// The hidden states of the last run, `[time, row, hidden]`.
    var output: UnsafeMutablePointer<Float> {
        switch self {
        case .lstm(let layer): layer.output
        case .gru(let layer): layer.output
        }
    }

    /// See ``LSTMLayer/forward(_:_:)``.
    func forward(_ input: UnsafePointer<Float>, _ weights: LayerPointers) {
        switch self {
        case .lstm(let layer): layer.forward(input, weights)
        case .gru(let layer): layer.forward(input, weights)
        }
    }

    /// See ``LSTMLayer/backward(_:_:outputGradient:gradient:inputGradient:)``.
    func backward(
        _ input: UnsafePointer<Float>, _ weights: LayerPointers,
        outputGradient: UnsafePointer<Float>, gradient: LayerPointers,
        inputGradient: UnsafeMutablePointer<Float>?
    ) {
        switch self {
        case .lstm(let layer):
            layer.backward(
                input, weights, outputGradient: outputGradient, gradient: gradient,
                inputGradient: inputGradient)
        case .gru(let layer):
            layer.backward(
                input, weights, outputGradient: outputGradient, gradient: gradient,
                inputGradient: inputGradient)
        }
    }
}
