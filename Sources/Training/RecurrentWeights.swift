/// The recurrent cell of a network.
package enum RecurrentKind: String, Equatable, Sendable {
    /// Two LSTM layers, then attention over time.
    case lstm
    /// Two GRU layers; the last state goes on.
    case gru

    /// Blocks of rows in a layer's stacked weights.
    ///
    /// LSTM: input, forget, cell, output. GRU: reset, update, new. PyTorch's order.
    package var gateCount: Int {
        switch self {
        case .lstm: 4
        case .gru: 3
        }
    }
}

/// The widths of a recurrent network.
package struct RecurrentShape: Equatable, Sendable {
    package let kind: RecurrentKind
    /// Channels of the window.
    package let inputCount: Int
    /// Hidden units of the first layer.
    package let firstCount: Int
    /// Hidden units of the second layer, and the width of attention and head.
    package let secondCount: Int

    /// Outputs: RUL / 125 and the logit of a failure within 30 cycles.
    package static let outputCount = 2

    /// Creates a shape.
    /// - Precondition: `firstCount` and `secondCount` are positive multiples of 8.
    package init(kind: RecurrentKind, inputCount: Int, firstCount: Int, secondCount: Int) {
        precondition(inputCount > 0 && firstCount > 0 && secondCount > 0)
        precondition(firstCount.isMultiple(of: 8) && secondCount.isMultiple(of: 8))
        self.kind = kind
        self.inputCount = inputCount
        self.firstCount = firstCount
        self.secondCount = secondCount
    }

    /// What is trained every night: 29 → 64 → 32 (docs/recipe.md).
    package static func shipped(_ kind: RecurrentKind) -> Self {
        Self(kind: kind, inputCount: 29, firstCount: 64, secondCount: 32)
    }

    /// The tensors of this shape, in the order in which they lie in memory.
    package var tensors: [RecurrentTensor] {
        RecurrentTensor.allCases.filter { kind == .lstm || !$0.isAttention }
    }

    /// Rows and columns of a tensor; a bias has one column.
    package func extent(of tensor: RecurrentTensor) -> (rows: Int, columns: Int) {
        let gates = kind.gateCount
        return switch tensor {
        case .firstInput: (gates * firstCount, inputCount)
        case .firstRecurrent: (gates * firstCount, firstCount)
        case .firstInputBias, .firstRecurrentBias: (gates * firstCount, 1)
        case .secondInput: (gates * secondCount, firstCount)
        case .secondRecurrent: (gates * secondCount, secondCount)
        case .secondInputBias, .secondRecurrentBias: (gates * secondCount, 1)
        case .attention, .head: (secondCount, secondCount)
        case .attentionBias, .headBias: (secondCount, 1)
        case .attentionScore: (1, secondCount)
        case .output: (Self.outputCount, secondCount)
        case .outputBias: (Self.outputCount, 1)
        }
    }

    /// Where a tensor lies among all weights; empty for one that this kind lacks.
    package func range(of tensor: RecurrentTensor) -> Range<Int> {
        var start = 0
        for other in tensors {
            let extent = extent(of: other)
            let end = start + extent.rows * extent.columns
            if other == tensor { return start..<end }
            start = end
        }
        return start..<start
    }

    /// The number of all weights.
    package var weightCount: Int { range(of: .outputBias).upperBound }
}

/// A tensor of a recurrent network; the raw value is the name that PyTorch gives it.
///
/// Matrices are `[output, input]`, row-major; the rows of a layer's matrices and biases are
/// stacked by gate, in ``RecurrentKind``'s order.
package enum RecurrentTensor: String, CaseIterable, Sendable {
    case firstInput = "a.weight_ih_l0"
    case firstRecurrent = "a.weight_hh_l0"
    case firstInputBias = "a.bias_ih_l0"
    case firstRecurrentBias = "a.bias_hh_l0"
    case secondInput = "b.weight_ih_l0"
    case secondRecurrent = "b.weight_hh_l0"
    case secondInputBias = "b.bias_ih_l0"
    case secondRecurrentBias = "b.bias_hh_l0"
    case attention = "w.weight"
    case attentionBias = "w.bias"
    /// The score of a time step; it has no bias.
    case attentionScore = "v.weight"
    case head = "h.weight"
    case headBias = "h.bias"
    case output = "o.weight"
    case outputBias = "o.bias"

    /// Whether only a network with attention has it.
    var isAttention: Bool {
        self == .attention || self == .attentionBias || self == .attentionScore
    }
}

/// The float weights of a recurrent network.
package struct RecurrentWeights: Equatable, Sendable {
    package let shape: RecurrentShape
    /// All tensors one after the other, in the order of ``RecurrentShape/tensors``.
    package var values: [Float]

    /// - Precondition: There are as many values as the shape has weights.
    package init(shape: RecurrentShape, values: [Float]) {
        precondition(values.count == shape.weightCount, "\(values.count) weights")
        self.shape = shape
        self.values = values
    }

    /// One tensor's values, row-major; empty for one that this kind of network lacks.
    package subscript(_ tensor: RecurrentTensor) -> [Float] {
        Array(values[shape.range(of: tensor)])
    }

    /// Sets the weights of window channels to 0, so that the network ignores them.
    mutating func clearInputs(_ channels: [Int]) {
        let range = shape.range(of: .firstInput)
        for start in stride(from: range.lowerBound, to: range.upperBound, by: shape.inputCount) {
            for channel in channels { values[start + channel] = 0 }
        }
    }
}
