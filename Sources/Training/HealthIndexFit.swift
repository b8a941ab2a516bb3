import Datasets
import Features
import Prognostics

/// Fits the weights that fuse the 14 sensors into one health index.
///
/// Ridge regression of the capped RUL, as a share of the cap, on a snapshot's z-scores: 1 for a
/// healthy unit, 0 at its failure. One snapshot's index is noisy; a trend over a life is not.
enum HealthIndexFit {
    /// Added to the mean square of each z-score, which is 1: some sensors say the same.
    static let ridge = 0.01

    /// 14 weights, then the intercept.
    ///
    /// `moments` are means and deviations, `[regime, sensor]`; `ruls` is the true RUL of each
    /// snapshot, in cycles.
    static func weights(
        _ snapshots: [Snapshot], regimes: [Int], moments: (means: [Double], deviations: [Double]),
        ruls: [Int32]
    ) -> [Double] {
        let width = FeatureSpec.sensorCount
        let size = width + 1
        var products = [Double](repeating: 0, count: size * size)
        var target = [Double](repeating: 0, count: size)
        var row = [Double](repeating: 1, count: size)
        for index in snapshots.indices {
            for (sensor, number) in FeatureSpec.sensors.enumerated() {
                let slot = regimes[index] * width + sensor
                let value = Double(snapshots[index].sensor(number))
                row[sensor] = (value - moments.means[slot]) / moments.deviations[slot]
            }
            let health = Double(RULLabel.capped(ruls[index])) / Double(Prediction.cap)
            for left in 0..<size {
                target[left] += row[left] * health
                for right in 0...left { products[left * size + right] += row[left] * row[right] }
            }
        }
        for sensor in 0..<width {
            products[sensor * size + sensor] += ridge * Double(snapshots.count)
        }
        return PositiveDefinite.solve(products, target)
    }
}
