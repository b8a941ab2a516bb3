package import Datasets

/// How far training has come, after each step.
package struct RecurrentProgress: Equatable, Sendable {
    /// Finished steps, from 1.
    package let step: Int
    /// Steps of this training.
    package let stepCount: Int
    /// The loss on the step's batch, before the step.
    package let loss: Double
    /// The learning rate of the step.
    package let rate: Double
}

/// Trains recurrent networks on run-to-failure trajectories.
package enum RecurrentTrainer {
    /// Fits scaler and regimes, makes the windows, and trains on them.
    ///
    /// `trajectories` are the train units, each ending in its failure. The same ones in the same
    /// order, parameters and seed give the same bytes on one machine, with one thread or two.
    /// `progress` hears of each step and may cancel.
    package static func train(
        _ trajectories: [Trajectory], parameters: RecurrentParameters, seed: UInt32,
        threadCount: Int = 2,
        progress: (RecurrentProgress) -> TrainingDecision = { _ in .goOn }
    ) throws(TrainingError) -> TrainedRecurrent {
        let featureParameters = try FeatureFitting.fit(trajectories)
        let lateStarters = LateStart.sample(
            trajectories, share: parameters.lateStarterShare, seed: UInt64(seed))
        var windows = try LabelledWindows(trajectories + lateStarters, using: featureParameters)
        windows.clear(parameters.without)
        var weights = try fit(
            RecurrentWeights(shape: parameters.shape, seed: seed), on: windows,
            parameters: parameters, seed: seed, threadCount: threadCount, progress: progress)
        weights.clearInputs(parameters.without.channels)
        return TrainedRecurrent(
            parameters: parameters, seed: seed, featureParameters: featureParameters,
            weights: weights, windowCount: windows.count)
    }

    /// Trains `weights` on `windows`; they come in an order drawn anew for each pass.
    package static func fit(
        _ weights: RecurrentWeights, on windows: LabelledWindows,
        parameters: RecurrentParameters, seed: UInt32, threadCount: Int = 2,
        progress: (RecurrentProgress) -> TrainingDecision = { _ in .goOn }
    ) throws(TrainingError) -> RecurrentWeights {
        guard windows.count > 0 else { throw .noTrainingRows }
        var order = WindowOrder(count: windows.count, seed: seed)
        let gradient = RecurrentGradient(
            windows, parameters: parameters, threadCount: threadCount)
        let schedule = RateSchedule(
            rateMax: parameters.rateMax, warmUpStepCount: parameters.warmUpStepCount,
            stepCount: parameters.stepCount)
        var optimizer = AdamW(
            count: weights.values.count, weightDecay: parameters.weightDecay)
        let current = FloatBuffer(count: weights.values.count)
        for (index, value) in weights.values.enumerated() { current.base[index] = value }
        for step in 0..<parameters.stepCount {
            let rate = schedule.rate(step)
            let loss = gradient.compute(
                current, rows: order.next(parameters.batchSize),
                dropoutSeed: SplitMix64.mix(UInt64(seed) << 32 | UInt64(step)))
            let norm = norm(gradient.gradient)
            guard loss.isFinite && norm.isFinite else {
                throw .diverged(step: step + 1, loss: text(loss), gradientNorm: text(norm))
            }
            // PyTorch's clip_grad_norm_, with its 1e-6.
            let scale = min(1, parameters.gradientNormMax / (norm + 1e-6))
            optimizer.update(
                current, gradient: gradient.gradient, scale: Float(scale), rate: rate)
            let report = RecurrentProgress(
                step: step + 1, stepCount: parameters.stepCount, loss: loss, rate: rate)
            guard case .goOn = progress(report) else { throw .cancelled(afterRound: step + 1) }
        }
        return RecurrentWeights(
            shape: weights.shape,
            values: Array(UnsafeBufferPointer(start: current.base, count: current.count)))
    }

    /// A number for a message; no reader gains from the sign of a NaN.
    private static func text(_ value: Double) -> String { value.isNaN ? "nan" : "\(value)" }

    /// The Euclidean norm, summed in Double in one order.
    private static func norm(_ gradient: FloatBuffer) -> Double {
        var sum = 0.0
        for index in 0..<gradient.count {
            let value = Double(gradient.base[index])
            sum += value * value
        }
        return sum.squareRoot()
    }
}

/// The order in which windows are trained on: one permutation after the other.
private struct WindowOrder {
    private let count: Int
    private var generator: SplitMix64
    private var waiting: [Int] = []

    init(count: Int, seed: UInt32) {
        self.count = count
        generator = SplitMix64(seed: SplitMix64.mix(UInt64(seed) ^ 0x6F72_6465_7200_0000))
    }

    /// The next windows; a pass that ends within a batch is followed by the next.
    mutating func next(_ size: Int) -> [Int] {
        while waiting.count < size { waiting += permutation() }
        let rows = Array(waiting.prefix(size))
        waiting.removeFirst(size)
        return rows
    }

    /// Fisher and Yates's shuffle, written out because the library's may change.
    private mutating func permutation() -> [Int] {
        var rows = Array(0..<count)
        for last in stride(from: count - 1, to: 0, by: -1) {
            let drawn = generator.next().multipliedFullWidth(by: UInt64(last + 1)).high
            rows.swapAt(last, Int(drawn))
        }
        return rows
    }
}

extension RecurrentWeights {
    /// Weights as PyTorch draws them at first: evenly within ±1/√n.
    ///
    /// n is the layer's hidden units for a recurrent layer, and the inputs for a dense one.
    package init(shape: RecurrentShape, seed: UInt32) {
        var generator = SplitMix64(seed: UInt64(seed))
        var values: [Float] = []
        for tensor in shape.tensors {
            let size = shape.range(of: tensor).count
            let isFirst = tensor.rawValue.hasPrefix("a.")
            let reach = 1 / Double(isFirst ? shape.firstCount : shape.secondCount).squareRoot()
            for _ in 0..<size { values.append(Float(generator.uniform(in: -reach...reach))) }
        }
        self.init(shape: shape, values: values)
    }
}
