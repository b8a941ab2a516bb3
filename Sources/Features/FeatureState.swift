package import Prognostics

/// Everything the features of one unit remember, fed one snapshot at a time.
///
/// Streaming, replay and training all run this code, so they agree bit for bit. Snapshots are
/// `Float`; all arithmetic is `Double` in a fixed order (oldest cycle first); each feature is
/// rounded once, to the `Float` a model sees. About 8 KB per unit; ``append(_:using:)`` allocates
/// nothing while the value is uniquely referenced.
package struct FeatureState: Equatable, Sendable {
    typealias PerSensor = InlineArray<14, Double>

    /// Snapshots so far, of this installation.
    package private(set) var count: Int32 = 0
    /// The cycle of the first snapshot; `nil` before it.
    package private(set) var firstCycle: CycleCount?
    /// The cycle of the latest snapshot; `nil` before the first.
    package private(set) var lastCycle: CycleCount?
    /// Whether a cycle between the first and the latest is missing.
    package private(set) var hasGap = false
    /// The regime of the latest snapshot, numbered as the parameters' centroids are.
    package private(set) var regime: UInt8 = 0

    /// The health index since the first snapshot, or since the baseline was restarted.
    package internal(set) var history = HealthHistory()
    /// Snapshots in ``sum``: those since the first, or since the baseline was restarted.
    var ownCount: Int32 = 0
    /// Running sums of z over ``ownCount`` snapshots.
    var sum = PerSensor(repeating: 0)
    /// Running sums of z over the first snapshots of ``sum``, at most `baselineLength`.
    var baselineSum = PerSensor(repeating: 0)
    /// Running sums of t·z, with t = 0 at the first snapshot of ``sum``.
    var timedSum = PerSensor(repeating: 0)
    /// The health index so far.
    var index = HealthIndex()
    /// Numerators of the exponential means, `n ← z + 0.9 n` (docs/recipe.md, step 4).
    var numerator = PerSensor(repeating: 0)
    /// Their common denominator, `d ← 1 + 0.9 d`.
    var denominator = 0.0
    /// The z-scores of the latest snapshots, a ring `[windowLength, sensor]`.
    var scores: [Double]
    /// The channels of the latest snapshots, a ring `[windowLength, channel]`.
    var channels: [Float]

    /// The state of a unit that was never seen.
    package init() {
        scores = .init(repeating: 0, count: FeatureSpec.windowLength * FeatureSpec.sensorCount)
        channels = .init(repeating: 0, count: FeatureSpec.windowLength * FeatureSpec.channelCount)
    }

    /// Takes in the unit's next snapshot.
    /// - Precondition: Its cycle is greater than ``lastCycle``, and `parameters` are those of every
    ///   snapshot before.
    package mutating func append(_ snapshot: Snapshot, using parameters: FeatureParameters) {
        if let lastCycle {
            precondition(lastCycle < snapshot.cycle, "cycles only go up")
            if snapshot.cycle.cycles != lastCycle.cycles + 1 { hasGap = true }
        } else {
            firstCycle = snapshot.cycle
        }
        precondition(count < CycleCount.limit, "there are no more cycles than the limit")
        let slot = Int(count) % FeatureSpec.windowLength
        lastCycle = snapshot.cycle
        let time = Double(ownCount)
        count += 1
        ownCount += 1
        let regime = parameters.regime(of: snapshot)
        self.regime = UInt8(regime)
        denominator = 1 + 0.9 * denominator
        let isBaseline = ownCount <= FeatureSpec.baselineLength
        var health = parameters.healthWeights[FeatureSpec.sensorCount]
        for index in 0..<FeatureSpec.sensorCount {
            let score = parameters.score(snapshot, regime: regime, index: index)
            numerator[index] = score + 0.9 * numerator[index]
            sum[index] += score
            timedSum[index] += time * score
            health += parameters.healthWeights[index] * score
            if isBaseline { baselineSum[index] += score }
            scores[slot * FeatureSpec.sensorCount + index] = score
            let channel = slot * FeatureSpec.channelCount + index
            channels[channel] = Float(numerator[index] / denominator)
            channels[channel + FeatureSpec.sensorCount] = Float(sum[index] / Double(ownCount))
        }
        let age = Double(min(snapshot.cycle, parameters.ageMax).cycles) / 200 - 1
        channels[(slot + 1) * FeatureSpec.channelCount - 1] = Float(age)
        health = HealthIndex.bounded(health)
        index.append(health, time: time, isBaseline: isBaseline)
        history.append(health)
    }

    /// Takes in the unit's next snapshot, after a service between it and the one before.
    ///
    /// `services` are the last cycles before the unit was serviced; one before its first snapshot
    /// changes nothing. Device and training both restart here.
    package mutating func append(
        _ snapshot: Snapshot, services: [CycleCount], using parameters: FeatureParameters
    ) {
        if let lastCycle,
            services.contains(where: { $0 >= lastCycle && $0 < snapshot.cycle })
        {
            restartBaseline()
        }
        append(snapshot, using: parameters)
    }

    /// Restarts baseline, own mean and history after a service; age, smoothing and window go on.
    package mutating func restartBaseline() {
        ownCount = 0
        sum = .init(repeating: 0)
        baselineSum = .init(repeating: 0)
        timedSum = .init(repeating: 0)
        index.restart()
        history = HealthHistory()
    }

    /// Sets what a checkpoint says about the snapshots so far.
    mutating func restore(
        firstCycle: CycleCount, lastCycle: CycleCount, count: Int32, hasGap: Bool, regime: UInt8
    ) {
        self.firstCycle = firstCycle
        self.lastCycle = lastCycle
        self.count = count
        self.hasGap = hasGap
        self.regime = regime
    }

    /// What a prediction made from this state must say about itself.
    package func flags(using parameters: FeatureParameters) -> PredictionFlags {
        var flags: PredictionFlags = []
        if count < FeatureSpec.trainedFrom { flags.insert(.early) }
        if let firstCycle, firstCycle.cycles != 1 { flags.insert(.lateStarter) }
        if let lastCycle, lastCycle > parameters.ageMax { flags.insert(.ageClamped) }
        if hasGap { flags.insert(.gap) }
        return flags
    }

    /// Two states are equal when their every bit is.
    package static func == (lhs: Self, rhs: Self) -> Bool { lhs.encoded() == rhs.encoded() }
}

extension FeatureState {
    /// Writes the window `[windowLength, channel]`, oldest cycle first, row-major.
    ///
    /// Before the 30th snapshot the left is padded with the first one.
    /// - Precondition: There was a snapshot, and `output` holds 870 values from `offset` on.
    package func window(into output: inout [Float], at offset: Int = 0) {
        precondition(count > 0, "a window needs a snapshot")
        let size = FeatureSpec.windowLength * FeatureSpec.channelCount
        precondition(offset >= 0 && output.count - offset >= size, "the window does not fit")
        let filled = min(Int(count), FeatureSpec.windowLength)
        let padding = FeatureSpec.windowLength - filled
        let oldest = oldestSlot
        for row in 0..<FeatureSpec.windowLength {
            let slot = (oldest + max(0, row - padding)) % FeatureSpec.windowLength
            let source = slot * FeatureSpec.channelCount
            let target = offset + row * FeatureSpec.channelCount
            for channel in 0..<FeatureSpec.channelCount {
                output[target + channel] = channels[source + channel]
            }
        }
    }

    /// Writes the 152 engineered features in the order of ``FeatureSpec/engineeredNames``.
    /// - Precondition: There was a snapshot, since the last restart of the baseline too, and
    ///   `output` holds 152 values from `offset` on.
    package func engineered(
        into output: inout [Float], at offset: Int = 0, using parameters: FeatureParameters
    ) {
        precondition(ownCount > 0, "features need a snapshot")
        precondition(
            offset >= 0 && output.count - offset >= FeatureSpec.engineeredCount,
            "the features do not fit")
        let statistics = WindowStatistics(
            scores: scores, oldest: oldestSlot, count: min(Int(count), FeatureSpec.windowLength))
        let latest = (Int(count) - 1) % FeatureSpec.windowLength * FeatureSpec.sensorCount
        let baselineCount = Double(min(ownCount, Int32(FeatureSpec.baselineLength)))
        for index in 0..<FeatureSpec.sensorCount {
            let target = offset + index * FeatureSpec.statistics.count
            let recent = statistics.recentMean[index]
            output[target] = Float(scores[latest + index])
            output[target + 1] = Float(numerator[index] / denominator)
            output[target + 2] = Float(statistics.mean[index])
            output[target + 3] = Float(statistics.deviation[index])
            output[target + 4] = Float(statistics.slope[index])
            output[target + 5] = Float(statistics.minimum[index])
            output[target + 6] = Float(statistics.maximum[index])
            output[target + 7] = Float(recent)
            output[target + 8] = Float(recent - baselineSum[index] / baselineCount)
        }
        let cycle = lastCycle.map { min($0, parameters.ageMax).cycles } ?? 0
        var target = offset + FeatureSpec.cycleIndex
        output[target] = Float(cycle)
        output[target + 1] = Float(regime)
        target += 2
        for index in 0..<FeatureSpec.sensorCount {
            output[target + index] = Float(lifeSlope(of: timedSum[index], sum[index]))
        }
        target += FeatureSpec.sensorCount
        writeIndex(into: &output, at: target, using: parameters)
    }

    /// Writes the ten features of the health index (docs/recipe.md, "The health index").
    private func writeIndex(
        into output: inout [Float], at target: Int, using parameters: FeatureParameters
    ) {
        let fast = index.numerator / denominator
        let own = index.sum / Double(ownCount)
        let baseline =
            index.baselineSum / Double(min(ownCount, Int32(FeatureSpec.baselineLength)))
        let (mean, slope) = recentIndex(using: parameters)
        output[target] = Float(index.latest)
        output[target + 1] = Float(fast)
        output[target + 2] = Float(index.slowNumerator / index.slowDenominator)
        output[target + 3] = Float(own)
        output[target + 4] = Float(baseline)
        output[target + 5] = Float(fast - baseline)
        output[target + 6] = Float(fast - own)
        output[target + 7] = Float(lifeSlope(of: index.timedSum, index.sum))
        output[target + 8] = Float(slope)
        output[target + 9] = Float(mean)
    }

    /// The least-squares slope per snapshot of a series over the whole life; 0 for one snapshot.
    ///
    /// With t = 0 … n − 1: `(Σ t·v − (n − 1)/2 · Σ v) / (n·(n² − 1)/12)`.
    private func lifeSlope(of timedSum: Double, _ sum: Double) -> Double {
        guard ownCount > 1 else { return 0 }
        let count = Double(ownCount)
        return (timedSum - (count - 1) / 2 * sum) / (count * (count * count - 1) / 12)
    }

    /// Mean and least-squares slope of the index over the window, made anew from its z-scores.
    private func recentIndex(using parameters: FeatureParameters) -> (mean: Double, slope: Double) {
        let filled = min(Int(count), FeatureSpec.windowLength)
        let oldest = oldestSlot
        let middle = Double(filled - 1) / 2
        var (mean, slope, spread) = (0.0, 0.0, 0.0)
        for position in 0..<filled {
            let row = (oldest + position) % FeatureSpec.windowLength * FeatureSpec.sensorCount
            var health = parameters.healthWeights[FeatureSpec.sensorCount]
            for index in 0..<FeatureSpec.sensorCount {
                health += parameters.healthWeights[index] * scores[row + index]
            }
            health = HealthIndex.bounded(health)
            let step = Double(position) - middle
            mean += health
            slope += step * health
            spread += step * step
        }
        return (mean / Double(filled), filled > 1 ? slope / spread : slope)
    }

    /// The ring slot of the oldest remembered snapshot.
    private var oldestSlot: Int {
        Int(count) <= FeatureSpec.windowLength ? 0 : Int(count) % FeatureSpec.windowLength
    }
}

/// Statistics per sensor over the latest cycles of the ring.
private struct WindowStatistics {
    var mean = FeatureState.PerSensor(repeating: 0)
    /// Population standard deviation.
    var deviation = FeatureState.PerSensor(repeating: 0)
    /// Least-squares slope per cycle; 0 for a single cycle.
    var slope = FeatureState.PerSensor(repeating: 0)
    var minimum = FeatureState.PerSensor(repeating: .infinity)
    var maximum = FeatureState.PerSensor(repeating: -.infinity)
    /// Mean of the latest `recentLength` cycles.
    var recentMean = FeatureState.PerSensor(repeating: 0)

    init(scores: [Double], oldest: Int, count: Int) {
        let recentCount = min(count, FeatureSpec.recentLength)
        let middle = Double(count - 1) / 2
        var spread = 0.0
        for position in 0..<count {
            let step = Double(position) - middle
            spread += step * step
            let row = (oldest + position) % FeatureSpec.windowLength * FeatureSpec.sensorCount
            let isRecent = position >= count - recentCount
            for index in 0..<FeatureSpec.sensorCount {
                let score = scores[row + index]
                mean[index] += score
                slope[index] += step * score
                if score < minimum[index] { minimum[index] = score }
                if score > maximum[index] { maximum[index] = score }
                if isRecent { recentMean[index] += score }
            }
        }
        for index in 0..<FeatureSpec.sensorCount {
            mean[index] /= Double(count)
            recentMean[index] /= Double(recentCount)
            if count > 1 { slope[index] /= spread }
        }
        for position in 0..<count {
            let row = (oldest + position) % FeatureSpec.windowLength * FeatureSpec.sensorCount
            for index in 0..<FeatureSpec.sensorCount {
                let difference = scores[row + index] - mean[index]
                deviation[index] += difference * difference
            }
        }
        for index in 0..<FeatureSpec.sensorCount {
            deviation[index] = (deviation[index] / Double(count)).squareRoot()
        }
    }
}
