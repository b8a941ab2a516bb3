import Datasets

/// A recurrent network over a fixed number of windows: forward, loss, and back.
///
/// layer a → dropout → layer b → attention (LSTM) or last state (GRU) → dropout → dense ReLU → two
/// outputs. Activations are `[time, row, unit]`, row-major.
struct RecurrentNetwork {
    private let shape: RecurrentShape
    private let rowCount: Int
    private let stepCount: Int
    /// The windows, `[time, row, channel]`.
    private let input: FloatBuffer
    private let first: RecurrentLayer
    private let firstDropout: Dropout
    private let second: RecurrentLayer
    private let attention: TemporalAttention
    private let context: FloatBuffer
    private let contextDropout: Dropout
    private let head: FloatBuffer
    /// `[row, 2]`: RUL / 125, and the logit of a failure within 30 cycles.
    private let output: FloatBuffer
    private let outputGradient: FloatBuffer
    private let headGradient: FloatBuffer
    private let contextGradient: FloatBuffer
    private let secondGradient: FloatBuffer
    private let firstGradient: FloatBuffer

    init(shape: RecurrentShape, rowCount: Int, stepCount: Int, dropout: Double) {
        self.shape = shape
        self.rowCount = rowCount
        self.stepCount = stepCount
        let cells = rowCount * stepCount
        let width = shape.secondCount
        input = FloatBuffer(count: cells * shape.inputCount)
        first = RecurrentLayer(
            shape.kind, rowCount: rowCount, stepCount: stepCount, inputCount: shape.inputCount,
            hiddenCount: shape.firstCount)
        firstDropout = Dropout(count: cells * shape.firstCount, share: dropout)
        second = RecurrentLayer(
            shape.kind, rowCount: rowCount, stepCount: stepCount, inputCount: shape.firstCount,
            hiddenCount: width)
        attention = TemporalAttention(rowCount: rowCount, stepCount: stepCount, width: width)
        context = FloatBuffer(count: rowCount * width)
        contextDropout = Dropout(count: rowCount * width, share: dropout)
        head = FloatBuffer(count: rowCount * width)
        output = FloatBuffer(count: rowCount * RecurrentShape.outputCount)
        outputGradient = FloatBuffer(count: rowCount * RecurrentShape.outputCount)
        headGradient = FloatBuffer(count: rowCount * width)
        contextGradient = FloatBuffer(count: rowCount * width)
        secondGradient = FloatBuffer(count: cells * width)
        firstGradient = FloatBuffer(count: cells * shape.firstCount)
    }

    /// Chooses anew what dropout drops; without a call it drops nothing.
    func drawDropout(_ generator: inout SplitMix64) {
        firstDropout.draw(&generator)
        contextDropout.draw(&generator)
    }

    /// Runs the windows of `rows`; the outputs are `[row, 2]`.
    func forward(
        _ windows: LabelledWindows, rows: some Collection<Int>, _ weights: WeightPointers
    ) -> UnsafePointer<Float> {
        precondition(rows.count == rowCount && windows.stepCount == stepCount)
        windows.gather(rows, into: input.base)
        first.forward(input.base, weights.first)
        firstDropout.forward(first.output)
        second.forward(firstDropout.output.base, weights.second)
        switch shape.kind {
        case .lstm: attention.forward(second.output, weights, context: context.base)
        case .gru: context.base.update(from: lastState, count: context.count)
        }
        contextDropout.forward(context.base)
        let width = shape.secondCount
        MatrixProduct.layer(
            contextDropout.output.base, weights.head, head.base, rows: rowCount, columns: width,
            inner: width, .replace)
        for index in 0..<head.count {
            head.base[index] = max(head.base[index] + weights.headBias[index % width], 0)
        }
        let outputCount = RecurrentShape.outputCount
        MatrixProduct.layer(
            head.base, weights.output, output.base, rows: rowCount, columns: outputCount,
            inner: width, .replace)
        for index in 0..<output.count {
            output.base[index] += weights.outputBias[index % outputCount]
        }
        return UnsafePointer(output.base)
    }

    private var lastState: UnsafeMutablePointer<Float> {
        second.output + (stepCount - 1) * context.count
    }

    /// Replaces `gradient` by that of the loss of the last ``forward(_:rows:_:)``, and returns the
    /// loss's share of these rows in a batch of `batchSize`.
    func backward(
        _ targets: [RecurrentTarget], failureWeight: Double, batchSize: Int,
        _ weights: WeightPointers, gradient: WeightPointers
    ) -> Double {
        var loss = 0.0
        for (row, target) in targets.enumerated() {
            let place = output.base + row * RecurrentShape.outputCount
            let result = target.loss(
                life: place[0], logit: place[1], failureWeight: failureWeight)
            loss += result.value / Double(batchSize)
            let byOutput = outputGradient.base + row * RecurrentShape.outputCount
            byOutput[0] = result.byLife / Float(batchSize)
            byOutput[1] = result.byLogit / Float(batchSize)
        }
        backwardHead(weights, gradient: gradient)
        switch shape.kind {
        case .lstm:
            attention.backward(
                second.output, weights, contextGradient: contextGradient.base,
                gradient: gradient, stateGradient: secondGradient.base)
        case .gru:
            secondGradient.clear()
            (secondGradient.base + (stepCount - 1) * context.count)
                .update(from: contextGradient.base, count: context.count)
        }
        second.backward(
            firstDropout.output.base, weights.second, outputGradient: secondGradient.base,
            gradient: gradient.second, inputGradient: firstGradient.base)
        firstDropout.backward(firstGradient.base)
        first.backward(
            input.base, weights.first, outputGradient: firstGradient.base,
            gradient: gradient.first, inputGradient: nil)
        return loss
    }

    /// From the gradient by the outputs to that by the context.
    private func backwardHead(_ weights: WeightPointers, gradient: WeightPointers) {
        let (width, outputCount) = (shape.secondCount, RecurrentShape.outputCount)
        MatrixProduct.weights(
            outputGradient.base, head.base, gradient.output, rows: outputCount, columns: width,
            inner: rowCount)
        MatrixProduct.addRows(
            outputGradient.base, rows: rowCount, columns: outputCount, to: gradient.outputBias)
        MatrixProduct.input(
            outputGradient.base, weights.output, headGradient.base, rows: rowCount,
            columns: width, inner: outputCount, .replace)
        for index in 0..<head.count where head.base[index] <= 0 { headGradient.base[index] = 0 }
        MatrixProduct.weights(
            headGradient.base, contextDropout.output.base, gradient.head, rows: width,
            columns: width, inner: rowCount)
        MatrixProduct.addRows(
            headGradient.base, rows: rowCount, columns: width, to: gradient.headBias)
        MatrixProduct.input(
            headGradient.base, weights.head, contextGradient.base, rows: rowCount,
            columns: width, inner: width, .replace)
        contextDropout.backward(contextGradient.base)
    }
}
