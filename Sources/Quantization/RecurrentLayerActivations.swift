import Inference
import Training

/// One recurrent layer in double precision: what its integers are measured against.
struct FloatLayer {
    let kind: RecurrentKind
    let inputCount: Int
    let unitCount: Int
    /// `[gate · unit, input]`, row-major, in PyTorch's order of gates.
    let inputWeights: [Double]
    /// `[gate · unit, unit]`, row-major.
    let stateWeights: [Double]
    let inputBiases: [Double]
    let stateBiases: [Double]

    /// Columns of both matrices side by side: inputs, then hidden states of the step before.
    var columnCount: Int { inputCount + unitCount }

    init(_ network: RecurrentWeights, _ layer: RecurrentLayerIndex) {
        func doubles(_ tensor: RecurrentTensor) -> [Double] { network[tensor].map(Double.init) }
        let shape = network.shape
        kind = shape.kind
        switch layer {
        case .first:
            (inputCount, unitCount) = (shape.inputCount, shape.firstCount)
            (inputWeights, stateWeights) = (doubles(.firstInput), doubles(.firstRecurrent))
            inputBiases = doubles(.firstInputBias)
            stateBiases = doubles(.firstRecurrentBias)
        case .second:
            (inputCount, unitCount) = (shape.firstCount, shape.secondCount)
            (inputWeights, stateWeights) = (doubles(.secondInput), doubles(.secondRecurrent))
            inputBiases = doubles(.secondInputBias)
            stateBiases = doubles(.secondRecurrentBias)
        }
    }

    /// Runs the layer over one window, `[step][input]`, and returns the hidden states.
    ///
    /// `observe` hears of each step's columns.
    func run(_ inputs: [[Double]], observe: ([Double]) -> Void = { _ in }) -> [[Double]] {
        var hidden = [Double](repeating: 0, count: unitCount)
        var cells = hidden
        return inputs.map { input in
            observe(input + hidden)
            let fromInput = Self.products(inputWeights, input, inputBiases)
            let fromState = Self.products(stateWeights, hidden, stateBiases)
            for unit in 0..<unitCount {
                func sum(_ gate: Int) -> Double {
                    fromInput[gate * unitCount + unit] + fromState[gate * unitCount + unit]
                }
                switch kind {
                case .lstm:
                    let kept = PortableMath.sigmoid(sum(1)) * cells[unit]
                    cells[unit] = kept + PortableMath.sigmoid(sum(0)) * Self.tanh(sum(2))
                    hidden[unit] = PortableMath.sigmoid(sum(3)) * Self.tanh(cells[unit])
                case .gru:
                    let new = 2 * unitCount + unit
                    let reset = PortableMath.sigmoid(sum(0))
                    let update = PortableMath.sigmoid(sum(1))
                    let candidate = Self.tanh(fromInput[new] + reset * fromState[new])
                    hidden[unit] = (1 - update) * candidate + update * hidden[unit]
                }
            }
            return hidden
        }
    }

    private static func tanh(_ x: Double) -> Double { 2 * PortableMath.sigmoid(2 * x) - 1 }

    private static func products(
        _ weights: [Double], _ values: [Double], _ biases: [Double]
    ) -> [Double] {
        var sums = biases
        weights.withUnsafeBufferPointer { weights in
            values.withUnsafeBufferPointer { values in
                for row in sums.indices {
                    var sum = sums[row]
                    for column in values.indices {
                        sum += weights[row * values.count + column] * values[column]
                    }
                    sums[row] = sum
                }
            }
        }
        return sums
    }
}

/// What a layer's columns were on sample windows.
struct ColumnStatistics {
    /// Per column the greatest magnitude.
    private(set) var maxima: [Double]
    /// The sum of products of each two columns, `[column, column]`.
    private(set) var moments: [Double]

    init(columnCount: Int) {
        maxima = .init(repeating: 0, count: columnCount)
        moments = .init(repeating: 0, count: columnCount * columnCount)
    }

    /// Takes in one time step.
    mutating func add(_ values: [Double]) {
        let count = values.count
        for (column, value) in values.enumerated() {
            maxima[column] = max(maxima[column], value.magnitude)
        }
        moments.withUnsafeMutableBufferPointer { moments in
            values.withUnsafeBufferPointer { values in
                for row in 0..<count {
                    for column in 0..<count {
                        moments[row * count + column] += values[row] * values[column]
                    }
                }
            }
        }
    }

    /// Takes in magnitudes of the hidden states after the last time step, which no step read.
    mutating func add(lastHidden hidden: [Double]) {
        let first = maxima.count - hidden.count
        for (unit, value) in hidden.enumerated() {
            maxima[first + unit] = max(maxima[first + unit], value.magnitude)
        }
    }
}
