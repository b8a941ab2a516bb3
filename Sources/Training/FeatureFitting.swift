package import Datasets
package import Features
import Prognostics

/// Fits what the features need to know about a fleet: regimes, normalization, health index, the
/// oldest age.
///
/// Only train units may be passed in: a mean over a unit that later judges would leak.
package enum FeatureFitting {
    /// Fits on every snapshot of `trajectories`, in their order.
    ///
    /// Regimes come from ``RegimeClustering``; means and population deviations are per regime and
    /// sensor, in Double over the snapshots' Float values; a deviation below
    /// `FeatureParameters.deviationMin` counts as 1 (docs/recipe.md, steps 2 and 3). The health
    /// index is ``HealthIndexFit``'s.
    package static func fit(
        _ trajectories: [Trajectory]
    ) throws(TrainingError) -> FeatureParameters {
        for trajectory in trajectories where !trajectory.endsInFailure {
            throw .censored(unit: trajectory.unit.description)
        }
        let snapshots = trajectories.flatMap(\.snapshots)
        guard let ageMax = snapshots.map(\.cycle).max() else { throw .noTrainingRows }
        let points = snapshots.map(scaledSettings)
        let centroids = RegimeClustering.centroids(of: points)
        let regimes = points.map { RegimeClustering.nearest(to: $0, of: centroids).index }
        let moments = moments(snapshots, regimes: regimes, regimeCount: centroids.count)
        do {
            return try FeatureParameters(
                centroids: centroids.flatMap { point in (0..<3).map { point[$0] } },
                means: moments.means, deviations: moments.deviations,
                healthWeights: HealthIndexFit.weights(
                    snapshots, regimes: regimes, moments: moments,
                    ruls: trajectories.flatMap { RULLabel.labels($0) }),
                ageMax: ageMax)
        } catch {
            throw .featureParameters(reason: "\(error)")
        }
    }

    private static func scaledSettings(_ snapshot: Snapshot) -> RegimeClustering.Point {
        var point = RegimeClustering.Point(repeating: 0)
        for axis in 0..<Snapshot.settingCount {
            point[axis] = Double(snapshot.columns[axis]) / FeatureSpec.settingScales[axis]
        }
        return point
    }

    /// Mean and population deviation, `[regime, sensor]`; in two passes, because sensor 9 reads
    /// 9,000 rpm and moves by 20.
    private static func moments(
        _ snapshots: [Snapshot], regimes: [Int], regimeCount: Int
    ) -> (means: [Double], deviations: [Double]) {
        let width = FeatureSpec.sensorCount
        var counts = [Double](repeating: 0, count: regimeCount)
        var means = [Double](repeating: 0, count: regimeCount * width)
        for (snapshot, regime) in zip(snapshots, regimes) {
            counts[regime] += 1
            for (index, sensor) in FeatureSpec.sensors.enumerated() {
                means[regime * width + index] += Double(snapshot.sensor(sensor))
            }
        }
        for index in means.indices { means[index] /= counts[index / width] }
        var deviations = [Double](repeating: 0, count: regimeCount * width)
        for (snapshot, regime) in zip(snapshots, regimes) {
            for (index, sensor) in FeatureSpec.sensors.enumerated() {
                let slot = regime * width + index
                let difference = Double(snapshot.sensor(sensor)) - means[slot]
                deviations[slot] += difference * difference
            }
        }
        for index in deviations.indices {
            let deviation = (deviations[index] / counts[index / width]).squareRoot()
            deviations[index] = deviation < FeatureParameters.deviationMin ? 1 : deviation
        }
        return (means, deviations)
    }
}
