import Inference
import Training

/// What one layer of a float LSTM sees and says on sample windows.
struct LSTMLayerActivations {
    let inputCount: Int
    let unitCount: Int
    /// `[gate · unit, input then unit]`, row-major.
    let weights: [Double]
    /// Both biases, added.
    let biases: [Double]
    /// Per unit the greatest magnitude of its hidden state.
    private(set) var hiddenMax: [Double]
    /// The sum of products of each two columns, `[column, column]`: inputs, then hidden states of
    /// the time step before.
    private(set) var moments: [Double]

    var columnCount: Int { inputCount + unitCount }

    /// - Parameters:
    ///   - network: The float weights.
    ///   - layer: 0 for the first, 1 for the second.
    init(_ network: RecurrentWeights, layer: Int) {
        let shape = network.shape
        let isFirst = layer == 0
        let columns = (
            input: isFirst ? shape.inputCount : shape.firstCount,
            unit: isFirst ? shape.firstCount : shape.secondCount
        )
        let input = network[isFirst ? .firstInput : .secondInput]
        let recurrent = network[isFirst ? .firstRecurrent : .secondRecurrent]
        let rows = QuantizedLSTMLayer.gateCount * columns.unit
        weights = (0..<rows).flatMap { row -> [Double] in
            let own =
                input[row * columns.input..<(row + 1) * columns.input]
                + recurrent[row * columns.unit..<(row + 1) * columns.unit]
            return own.map(Double.init)
        }
        biases = zip(
            network[isFirst ? .firstInputBias : .secondInputBias],
            network[isFirst ? .firstRecurrentBias : .secondRecurrentBias]
        ).map { Double($0) + Double($1) }
        inputCount = columns.input
        unitCount = columns.unit
        hiddenMax = .init(repeating: 0, count: columns.unit)
        let width = columns.input + columns.unit
        moments = .init(repeating: 0, count: width * width)
    }

    /// Runs the layer over one window, `[step][input]`, and returns the hidden states.
    mutating func run(_ inputs: [[Double]]) -> [[Double]] {
        var hidden = [Double](repeating: 0, count: unitCount)
        var cells = hidden
        return inputs.map { input in
            let values = input + hidden
            addMoments(of: values)
            let sums = products(values)
            for unit in 0..<unitCount {
                let gate = PortableMath.sigmoid(sums[unit])
                let forget = PortableMath.sigmoid(sums[unitCount + unit])
                let candidate = 2 * PortableMath.sigmoid(2 * sums[2 * unitCount + unit]) - 1
                let output = PortableMath.sigmoid(sums[3 * unitCount + unit])
                cells[unit] = forget * cells[unit] + gate * candidate
                hidden[unit] = output * (2 * PortableMath.sigmoid(2 * cells[unit]) - 1)
                hiddenMax[unit] = max(hiddenMax[unit], hidden[unit].magnitude)
            }
            return hidden
        }
    }

    private func products(_ values: [Double]) -> [Double] {
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

    private mutating func addMoments(of values: [Double]) {
        let count = values.count
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
}
