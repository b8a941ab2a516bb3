/// Adam with decoupled weight decay (Loshchilov and Hutter 2019, algorithm 2), as PyTorch has it.
struct AdamW {
    /// β₁, β₂ and ε of Kingma and Ba 2015.
    private static let firstDecay = 0.9
    private static let secondDecay = 0.999
    private static let epsilon: Float = 1e-8

    private let weightDecay: Double
    private var means: [Float]
    private var squares: [Float]
    /// β₁ᵗ and β₂ᵗ after t updates.
    private var firstPower = 1.0
    private var secondPower = 1.0

    init(count: Int, weightDecay: Double) {
        self.weightDecay = weightDecay
        means = .init(repeating: 0, count: count)
        squares = .init(repeating: 0, count: count)
    }

    /// Moves the weights one step against the gradient, which is first multiplied by `scale`.
    mutating func update(_ weights: FloatBuffer, gradient: FloatBuffer, scale: Float, rate: Double)
    {
        precondition(weights.count == means.count && gradient.count == means.count)
        firstPower *= Self.firstDecay
        secondPower *= Self.secondDecay
        let kept = Float(1 - rate * weightDecay)
        let stepSize = Float(rate / (1 - firstPower))
        let correction = Float((1 - secondPower).squareRoot())
        let (firstDecay, secondDecay) = (Float(Self.firstDecay), Float(Self.secondDecay))
        for index in 0..<weights.count {
            let value = gradient.base[index] * scale
            means[index] += (value - means[index]) * (1 - firstDecay)
            squares[index] = squares[index] * secondDecay + value * value * (1 - secondDecay)
            let deviation = squares[index].squareRoot() / correction + Self.epsilon
            weights.base[index] = weights.base[index] * kept - stepSize * means[index] / deviation
        }
    }
}

/// The learning rate of each step: up in a line, then down by a cosine (docs/recipe.md).
struct RateSchedule {
    let rateMax: Double
    let warmUpStepCount: Int
    let stepCount: Int

    /// The rate of a step, counted from 0.
    func rate(_ step: Int) -> Double {
        guard step >= warmUpStepCount else {
            return rateMax * Double(step + 1) / Double(warmUpStepCount)
        }
        let way = Double(step - warmUpStepCount) / Double(stepCount - warmUpStepCount)
        return rateMax * 0.5 * (1 + cosine(.pi * way))
    }

    /// cos x for `x` in `0...π`, by its Taylor series about π/2 up to u^17, 1e-13 off at most.
    private func cosine(_ x: Double) -> Double {
        let u = .pi / 2 - x
        var term = u
        var sum = u
        for n in stride(from: 3.0, through: 17.0, by: 2.0) {
            term *= -u * u / ((n - 1) * n)
            sum += term
        }
        return sum
    }
}
