package import Datasets
package import Features
package import Prognostics

/// Chooses the snapshots that a device must reproduce before a model may serve.
///
/// Two trajectories, in this order:
/// - *worn*: the first tune or calibrate unit that is long enough, its first 60 snapshots and its
///   last 30, so that baseline, a full window, a gap and the approach of failure are all seen;
/// - *extreme*: made up, a late starter of 81 snapshots that visit every regime with sensors from
///   the mean out to values no sensor sends, a second gap, and an age beyond every train unit's.
package enum GoldenSnapshots {
    /// Snapshots from the beginning of a real unit: baseline and a full window twice over.
    package static let youthCount = 60
    /// Snapshots from the end of a real unit: a full window that reaches its failure.
    package static let oldAgeCount = 30
    /// Snapshots of the made-up trajectory before its last, which is beyond the greatest age.
    package static let madeUpCount = 80

    /// The golden trajectories for a model with these feature parameters.
    package static func choose(
        from units: [Trajectory], parameters: FeatureParameters
    ) throws(QuantizationError) -> [[Snapshot]] {
        // One snapshot between the two parts must be left out for a gap.
        let sizeMin = youthCount + oldAgeCount + 1
        guard let unit = units.first(where: { $0.snapshots.count >= sizeMin }) else {
            throw .noGoldenUnit(sizeMin: sizeMin, sizeSeen: units.map(\.snapshots.count).max() ?? 0)
        }
        let worn = unit.snapshots.prefix(youthCount) + unit.snapshots.suffix(oldAgeCount)
        return [Array(worn), extreme(parameters)]
    }

    /// Sensor values in standard deviations from their regime's mean, one for each lap.
    ///
    /// The last two saturate: `FeatureSpec.zLimit` is 1e6.
    private static let laps = [0.0, 1, -1, 3, -3, 10, -10, 1_000, 1e7, -1e7]

    private static func extreme(_ parameters: FeatureParameters) -> [Snapshot] {
        var cycle: Int32 = 2
        var snapshots: [Snapshot] = []
        for index in 0..<madeUpCount {
            // Every regime comes before the first saturated value: 64 snapshots come before lap 8.
            let lap = laps[index * laps.count / madeUpCount]
            if let next = snapshot(cycle, index: index, lap: lap, parameters: parameters) {
                snapshots.append(next)
            }
            cycle += index == madeUpCount / 4 ? 3 : 1
        }
        let oldest = min(parameters.ageMax.cycles + 1, CycleCount.limit)
        if let last = snapshot(max(oldest, cycle), index: 0, lap: 2, parameters: parameters) {
            snapshots.append(last)
        }
        return snapshots
    }

    private static func snapshot(
        _ cycle: Int32, index: Int, lap: Double, parameters: FeatureParameters
    ) -> Snapshot? {
        let regime = index % parameters.regimeCount
        var columns = InlineArray<24, Float>(repeating: 0)
        for axis in 0..<Snapshot.settingCount {
            let scaled = parameters.centroids[regime * Snapshot.settingCount + axis]
            columns[axis] = Float(scaled * FeatureSpec.settingScales[axis])
        }
        for (place, sensor) in FeatureSpec.sensors.enumerated() {
            let slot = regime * FeatureSpec.sensorCount + place
            // Sensors differ, so that exchanging two of them shows.
            let distance = lap * (1 + Double(place) / 16)
            columns[Snapshot.settingCount + sensor - 1] = Float(
                parameters.means[slot] + distance * parameters.deviations[slot])
        }
        return CycleCount(cycle).map { Snapshot(cycle: $0, columns: columns) }
    }
}
