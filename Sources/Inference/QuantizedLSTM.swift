import Features

/// Two layers of LSTM cells in 8-bit integers with attention over time, then a head, in float.
///
/// The arithmetic is specified in `docs/int8-arithmetic.md`, step by step; the same weights and
/// window give the same bits on every machine.
package struct QuantizedLSTM: QuantizedRecurrent, Equatable {
    /// Of the window's channels.
    package let inputScales: ActivationScales
    package let first: QuantizedLSTMLayer
    package let second: QuantizedLSTMLayer
    /// Of a time step's hidden states, before the hyperbolic tangent.
    package let attention: DenseLayer
    /// Per unit of ``attention``: their weighted sum is the score of a time step.
    package let attentionScore: [Float]
    package let head: RecurrentHead
    package let kernel: RecurrentKernel

    /// Checks everything once, so that ``run(_:)`` cannot fail.
    /// - Throws: When sizes do not fit each other or a number is out of range.
    package init(
        inputScales: ActivationScales, first: QuantizedLSTMLayer, second: QuantizedLSTMLayer,
        attention: DenseLayer, attentionScore: [Float], head: RecurrentHead
    ) throws(InferenceError) {
        try RecurrentLimits.check(
            inputScales: inputScales, firstInputs: first.inputCount, firstUnits: first.unitCount,
            secondInputs: second.inputCount, secondUnits: second.unitCount, head: head)
        let width = second.unitCount
        for (name, count, expected) in [
            ("inputs of the attention", attention.inputCount, width),
            ("units of the attention", attention.outputCount, width),
            ("weights of the attention's score", attentionScore.count, width),
        ] {
            try FloatRange.check(name, count: count, expected: expected)
        }
        try FloatRange.weight.check("attention's score", attentionScore)
        self.inputScales = inputScales
        self.first = first
        self.second = second
        self.attention = attention
        self.attentionScore = attentionScore
        self.head = head
        kernel = RecurrentKernel(
            inputScales: inputScales, first: first, second: second, attention: attention,
            scores: attentionScore)
    }

    /// Two networks are equal when their numbers are.
    package static func == (lhs: Self, rhs: Self) -> Bool {
        lhs.inputScales == rhs.inputScales && lhs.first == rhs.first && lhs.second == rhs.second
            && lhs.attention == rhs.attention && lhs.attentionScore == rhs.attentionScore
            && lhs.head == rhs.head
    }

    package func replacing(head: RecurrentHead) throws(InferenceError) -> Self {
        try Self(
            inputScales: inputScales, first: first, second: second, attention: attention,
            attentionScore: attentionScore, head: head)
    }

    package func run(
        _ window: [Float], observe: (RecurrentLayerIndex, UnsafeBufferPointer<Float>) -> Void
    ) -> (rul: Float, margin: Float) {
        precondition(window.count == FeatureSpec.windowLength * FeatureSpec.channelCount)
        return RecurrentWorkspace.with { workspace in
            recur(window, in: workspace, observe: observe)
            attend(in: workspace)
            return head.run(workspace.context)
        }
    }

    /// Runs both layers over the window; leaves the second one's hidden states per time step.
    @inline(__always)
    private func recur(
        _ window: [Float], in workspace: RecurrentWorkspace,
        observe: (RecurrentLayerIndex, UnsafeBufferPointer<Float>) -> Void
    ) {
        for step in 0..<FeatureSpec.windowLength {
            inputScales.quantize(window, step: step, into: workspace.firstValues)
            first.step(
                values: workspace.firstValues, cells: workspace.firstCells, sums: workspace.sums,
                hidden: workspace.scratch)
            observe(.first, .init(start: workspace.scratch, count: first.unitCount))
            workspace.handUp(inputCount: first.inputCount, unitCount: first.unitCount)
            let hidden = workspace.hidden + step * second.unitCount
            second.step(
                values: workspace.secondValues, cells: workspace.secondCells,
                sums: workspace.sums, hidden: hidden)
            observe(.second, .init(start: hidden, count: second.unitCount))
        }
    }

    /// Leaves the context: hidden states weighted over time, plus the last one.
    private func attend(in workspace: RecurrentWorkspace) {
        let (width, steps) = (second.unitCount, FeatureSpec.windowLength)
        var highest = -Float.greatestFiniteMagnitude
        for step in 0..<steps {
            let hidden = workspace.hidden + step * width
            for unit in stride(from: 0, to: width, by: Lanes.scalarCount) {
                workspace.scratch.store(
                    PortableMath.tanh(attention.lanes(hidden, from: unit)), at: unit)
            }
            var score: Float = 0
            for unit in 0..<width { score += attentionScore[unit] * workspace.scratch[unit] }
            workspace.scores[step] = score
            highest = max(highest, score)
        }
        for step in stride(from: 0, to: steps, by: Lanes.scalarCount) {
            let scores = UnsafePointer(workspace.scores).lanes(at: step)
            workspace.scores.store(PortableMath.exp(scores - highest), at: step)
        }
        var total: Float = 0
        for step in 0..<steps { total += workspace.scores[step] }
        for unit in 0..<width { workspace.context[unit] = 0 }
        for step in 0..<steps {
            let share = workspace.scores[step] / total
            for unit in 0..<width {
                workspace.context[unit] += share * workspace.hidden[step * width + unit]
            }
        }
        for unit in 0..<width {
            workspace.context[unit] += workspace.hidden[(steps - 1) * width + unit]
        }
    }
}
