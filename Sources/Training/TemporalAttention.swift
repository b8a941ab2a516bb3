/// Attention over time: from all hidden states of a window to one context.
///
/// With P = tanh(W y + b) per step and its score e = v·P, the share of each step is
/// a = softmax(e) over time, and the context Σ a y + the last y (docs/recipe.md; additive
/// attention after Bahdanau et al. 2015). Activations are `[time, row, unit]`, row-major.
struct TemporalAttention {
    let rowCount: Int
    let stepCount: Int
    let width: Int
    /// P, `[time, row, unit]`; backward, the gradient before tanh.
    private let projections: FloatBuffer
    /// Scores, then shares, `[time, row]`.
    private let shares: FloatBuffer

    init(rowCount: Int, stepCount: Int, width: Int) {
        self.rowCount = rowCount
        self.stepCount = stepCount
        self.width = width
        projections = FloatBuffer(count: stepCount * rowCount * width)
        shares = FloatBuffer(count: stepCount * rowCount)
    }

    /// Writes the contexts, `[row, unit]`, of the hidden states, `[time, row, unit]`.
    func forward(
        _ states: UnsafePointer<Float>, _ weights: WeightPointers,
        context: UnsafeMutablePointer<Float>
    ) {
        let count = stepCount * rowCount
        MatrixProduct.layer(
            states, weights.attention, projections.base, rows: count, columns: width,
            inner: width, .replace)
        for place in 0..<count {
            let projection = projections.from(place * width)
            var score = Lanes(repeating: 0)
            for unit in stride(from: 0, to: width, by: 8) {
                let value = Activation.tanh(
                    projection.lanes(unit) + weights.attentionBias.lanes(unit))
                projection.store(value, unit)
                score += value * weights.attentionScore.lanes(unit)
            }
            shares.base[place] = score.sum()
        }
        for row in 0..<rowCount { softmax(row) }
        for row in 0..<rowCount {
            let own = context + row * width
            let last = states + ((stepCount - 1) * rowCount + row) * width
            for unit in stride(from: 0, to: width, by: 8) {
                var sum = Lanes(repeating: 0)
                for step in 0..<stepCount {
                    let place = step * rowCount + row
                    sum += shares.base[place] * states.lanes(place * width + unit)
                }
                own.store(sum + last.lanes(unit), unit)
            }
        }
    }

    /// Turns one row's scores into shares that add up to 1.
    private func softmax(_ row: Int) {
        let places = stride(from: row, to: stepCount * rowCount, by: rowCount)
        var greatest = -Float.infinity
        for place in places { greatest = max(greatest, shares.base[place]) }
        var total: Float = 0
        for place in places {
            let share = Activation.exp(shares.base[place] - greatest)
            shares.base[place] = share
            total += share
        }
        for place in places { shares.base[place] /= total }
    }

    /// Writes the gradient by the hidden states, and adds the weights' to `gradient`.
    func backward(
        _ states: UnsafePointer<Float>, _ weights: WeightPointers,
        contextGradient: UnsafePointer<Float>, gradient: WeightPointers,
        stateGradient: UnsafeMutablePointer<Float>
    ) {
        for row in 0..<rowCount {
            differentiateShares(
                row, states, contextGradient + row * width, stateGradient: stateGradient)
        }
        let count = stepCount * rowCount
        for place in 0..<count {
            let projection = projections.from(place * width)
            let byScore = shares.base[place]
            for unit in stride(from: 0, to: width, by: 8) {
                let value = projection.lanes(unit)
                gradient.attentionScore.store(
                    gradient.attentionScore.lanes(unit) + byScore * value, unit)
                let byProjection = byScore * weights.attentionScore.lanes(unit)
                projection.store(byProjection * (1 - value * value), unit)
            }
        }
        MatrixProduct.weights(
            projections.base, states, gradient.attention, rows: width, columns: width,
            inner: count)
        MatrixProduct.addRows(
            projections.base, rows: count, columns: width, to: gradient.attentionBias)
        MatrixProduct.input(
            projections.base, weights.attention, stateGradient, rows: count, columns: width,
            inner: width, .add)
    }

    /// Replaces one row's shares by the gradient by their scores, and writes what reaches the
    /// states directly.
    private func differentiateShares(
        _ row: Int, _ states: UnsafePointer<Float>, _ contextGradient: UnsafePointer<Float>,
        stateGradient: UnsafeMutablePointer<Float>
    ) {
        var byShares = [Float](repeating: 0, count: stepCount)
        var mean: Float = 0
        for step in 0..<stepCount {
            let place = step * rowCount + row
            let share = shares.base[place]
            var byShare = Lanes(repeating: 0)
            for unit in stride(from: 0, to: width, by: 8) {
                let byContext = contextGradient.lanes(unit)
                byShare += byContext * states.lanes(place * width + unit)
                let direct = step == stepCount - 1 ? share + 1 : share
                stateGradient.store(direct * byContext, place * width + unit)
            }
            byShares[step] = byShare.sum()
            mean += share * byShares[step]
        }
        for step in 0..<stepCount {
            shares.base[step * rowCount + row] *= byShares[step] - mean
        }
    }
}
