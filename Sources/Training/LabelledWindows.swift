package import Datasets
package import Features
import Prognostics

/// Windows of channels with the true RUL of each, made by the code that the device runs.
///
/// The channels of a cycle are kept once and windows are put together when they are read: FD004's
/// would take 200 MB otherwise.
package struct LabelledWindows: Sendable {
    /// Channels of a cycle.
    package let channelCount: Int
    /// Cycles of a window.
    package let stepCount: Int
    /// The true RUL of each window, in cycles, uncapped.
    package private(set) var ruls: [Int32] = []
    /// Channels of every cycle of every unit, `[cycle, channel]`, row-major.
    private var channels: [Float] = []
    /// For each window, the cycle that ends it and the unit's first, which pads it on the left.
    private var places: [(first: Int, last: Int)] = []

    /// Windows of each trajectory from its 15th snapshot on, in their order (docs/recipe.md).
    package init(
        _ trajectories: [Trajectory], using parameters: FeatureParameters
    ) throws(TrainingError) {
        channelCount = FeatureSpec.channelCount
        stepCount = FeatureSpec.windowLength
        var window = [Float](repeating: 0, count: stepCount * channelCount)
        for trajectory in trajectories {
            guard trajectory.endsInFailure else {
                throw .censored(unit: trajectory.unit.description)
            }
            let first = channels.count / channelCount
            var state = FeatureState()
            for (snapshot, rul) in zip(trajectory.snapshots, RULLabel.labels(trajectory)) {
                state.append(snapshot, services: trajectory.services, using: parameters)
                state.window(into: &window)
                channels += window.suffix(channelCount)
                guard state.count >= FeatureSpec.trainedFrom else { continue }
                places.append((first, channels.count / channelCount - 1))
                ruls.append(rul)
            }
        }
    }

    /// The windows given, `[window, time, channel]`, row-major.
    /// - Precondition: There are as many windows as RULs, each of the same size.
    package init(windows: [Float], ruls: [Int32], stepCount: Int, channelCount: Int) {
        precondition(windows.count == ruls.count * stepCount * channelCount)
        self.channelCount = channelCount
        self.stepCount = stepCount
        self.ruls = ruls
        channels = windows
        places = ruls.indices.map { ($0 * stepCount, $0 * stepCount + stepCount - 1) }
    }

    /// Sets masked channels to 0 in every window.
    mutating func clear(_ mask: InputMask) {
        let masked = mask.channels
        for start in stride(from: 0, to: channels.count, by: channelCount) {
            for channel in masked { channels[start + channel] = 0 }
        }
    }

    /// The number of windows.
    package var count: Int { places.count }

    /// One window, `[time, channel]`, oldest cycle first.
    package func window(_ index: Int) -> [Float] {
        (0..<stepCount).flatMap { step in
            let start = cycle(step, of: index) * channelCount
            return channels[start..<start + channelCount]
        }
    }

    /// Writes windows side by side, `[time, row, channel]`.
    func gather(_ rows: some Collection<Int>, into output: UnsafeMutablePointer<Float>) {
        channels.withUnsafeBufferPointer { channels in
            guard let base = channels.baseAddress else { return }
            for (row, index) in rows.enumerated() {
                for step in 0..<stepCount {
                    (output + (step * rows.count + row) * channelCount).update(
                        from: base + cycle(step, of: index) * channelCount, count: channelCount)
                }
            }
        }
    }

    private func cycle(_ step: Int, of index: Int) -> Int {
        let place = places[index]
        return max(place.first, place.last - (stepCount - 1) + step)
    }
}
