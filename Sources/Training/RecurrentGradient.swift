import Datasets
import Dispatch

/// The loss of a network on a batch, and its gradient by all weights.
///
/// The batch is always computed as two halves, whose gradients are added in one order: one thread
/// and two give the same bytes.
package final class RecurrentGradient {
    /// Halves of a batch.
    private static let shardCount = 2

    private let parameters: RecurrentParameters
    private let windows: LabelledWindows
    private let networks: [RecurrentNetwork]
    private let shards: [FloatBuffer]
    private let threadCount: Int

    /// Makes room for batches of `windows`.
    /// - Precondition: `windows` have the shape's channels; `threadCount` is 1 or 2.
    package init(
        _ windows: LabelledWindows, parameters: RecurrentParameters, threadCount: Int
    ) {
        precondition(windows.channelCount == parameters.shape.inputCount)
        precondition((1...Self.shardCount).contains(threadCount))
        self.parameters = parameters
        self.windows = windows
        self.threadCount = threadCount
        networks = (0..<Self.shardCount).map { _ in
            RecurrentNetwork(
                shape: parameters.shape, rowCount: parameters.batchSize / Self.shardCount,
                stepCount: windows.stepCount, dropout: parameters.dropout)
        }
        shards = (0..<Self.shardCount).map { _ in
            FloatBuffer(count: parameters.shape.weightCount)
        }
        MatrixProduct.useCallingThreadOnly()
    }

    /// The loss on the windows `rows`, and its gradient in the order of the weights.
    ///
    /// Without a seed, dropout drops nothing that it did not drop the last time.
    /// - Precondition: There are `batchSize` rows.
    package func compute(
        _ weights: RecurrentWeights, rows: [Int], dropoutSeed: UInt64?
    ) -> (loss: Double, gradient: [Float]) {
        precondition(weights.shape == parameters.shape)
        let buffer = FloatBuffer(count: weights.values.count)
        for (index, value) in weights.values.enumerated() { buffer.base[index] = value }
        let loss = compute(buffer, rows: rows, dropoutSeed: dropoutSeed)
        return (loss, Array(UnsafeBufferPointer(start: gradient.base, count: gradient.count)))
    }

    /// The gradient that the last computation left.
    var gradient: FloatBuffer { shards[0] }

    /// Computes the gradient and returns the loss.
    func compute(_ weights: FloatBuffer, rows: [Int], dropoutSeed: UInt64?) -> Double {
        precondition(rows.count == parameters.batchSize)
        var losses = [Double](repeating: 0, count: Self.shardCount)
        if threadCount == 1 {
            for shard in 0..<Self.shardCount {
                losses[shard] = compute(shard, weights, rows: rows, dropoutSeed: dropoutSeed)
            }
        } else {
            losses.withUnsafeMutableBufferPointer { losses in
                // Invariant: each iteration writes its own shard and its own loss, and all end
                // before `concurrentPerform` returns; the weights are only read.
                nonisolated(unsafe) let shared = (gradient: self, weights: weights, losses: losses)
                DispatchQueue.concurrentPerform(iterations: Self.shardCount) { shard in
                    shared.losses[shard] = shared.gradient.compute(
                        shard, shared.weights, rows: rows, dropoutSeed: dropoutSeed)
                }
            }
        }
        for shard in 1..<Self.shardCount {
            for index in 0..<gradient.count {
                gradient.base[index] += shards[shard].base[index]
            }
        }
        return losses.reduce(0, +)
    }

    private func compute(
        _ shard: Int, _ weights: FloatBuffer, rows: [Int], dropoutSeed: UInt64?
    ) -> Double {
        let size = rows.count / Self.shardCount
        let own = rows[shard * size..<(shard + 1) * size]
        if let dropoutSeed {
            var generator = SplitMix64(seed: SplitMix64.mix(dropoutSeed &+ UInt64(shard)))
            networks[shard].drawDropout(&generator)
        }
        let pointers = WeightPointers(weights, shape: parameters.shape)
        _ = networks[shard].forward(windows, rows: own, pointers)
        shards[shard].clear()
        return networks[shard].backward(
            own.map { RecurrentTarget(rul: windows.ruls[$0]) },
            failureWeight: parameters.failureWeight, batchSize: rows.count, pointers,
            gradient: WeightPointers(shards[shard], shape: parameters.shape))
    }
}
