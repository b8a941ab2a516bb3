import Features

/// Two layers of GRU cells in 8-bit integers, then a head over the last state, in float.
///
/// The arithmetic is specified in `docs/int8-arithmetic.md`, step by step; the same weights and
/// window give the same bits on every machine.
package struct QuantizedGRU: QuantizedRecurrent, Equatable {
    /// Of the window's channels.
    package let inputScales: ActivationScales
    package let first: QuantizedGRULayer
    package let second: QuantizedGRULayer
    package let head: RecurrentHead
    package let kernel: RecurrentKernel

    /// Checks everything once, so that ``run(_:)`` cannot fail.
    /// - Throws: When sizes do not fit each other.
    package init(
        inputScales: ActivationScales, first: QuantizedGRULayer, second: QuantizedGRULayer,
        head: RecurrentHead
    ) throws(InferenceError) {
        try RecurrentLimits.check(
            inputScales: inputScales, firstInputs: first.inputCount, firstUnits: first.unitCount,
            secondInputs: second.inputCount, secondUnits: second.unitCount, head: head)
        self.inputScales = inputScales
        self.first = first
        self.second = second
        self.head = head
        kernel = RecurrentKernel(inputScales: inputScales, first: first, second: second)
    }

    /// Two networks are equal when their numbers are.
    package static func == (lhs: Self, rhs: Self) -> Bool {
        lhs.inputScales == rhs.inputScales && lhs.first == rhs.first && lhs.second == rhs.second
            && lhs.head == rhs.head
    }

    package func replacing(head: RecurrentHead) throws(InferenceError) -> Self {
        try Self(inputScales: inputScales, first: first, second: second, head: head)
    }

    package func run(
        _ window: [Float], observe: (RecurrentLayerIndex, UnsafeBufferPointer<Float>) -> Void
    ) -> (rul: Float, margin: Float) {
        precondition(window.count == FeatureSpec.windowLength * FeatureSpec.channelCount)
        return RecurrentWorkspace.with { workspace in
            for step in 0..<FeatureSpec.windowLength {
                inputScales.quantize(window, step: step, into: workspace.firstValues)
                first.step(
                    values: workspace.firstValues, states: workspace.firstCells,
                    sums: workspace.sums, hidden: workspace.scratch)
                observe(.first, .init(start: workspace.scratch, count: first.unitCount))
                workspace.handUp(inputCount: first.inputCount, unitCount: first.unitCount)
                second.step(
                    values: workspace.secondValues, states: workspace.secondCells,
                    sums: workspace.sums, hidden: workspace.context)
                observe(.second, .init(start: workspace.context, count: second.unitCount))
            }
            return head.run(workspace.context)
        }
    }
}
