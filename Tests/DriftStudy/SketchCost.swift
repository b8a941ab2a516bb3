import Datasets
import Drift
import Features
import Prognostics

extension DriftStudy {
    /// Nanoseconds that a device spends on counting one reading: the median over the pool's lives.
    ///
    /// A life takes some 0.1 ms, which is short enough to be seldom interrupted.
    package func nanosecondsPerReading() -> Double {
        var sketch = ReadingSketch(regimeCount: parameters.regimeCount)
        let prediction = Prediction(
            rul: 90, rulLow: 70, rulHigh: 110, failureProbability: 0.1, flags: [])
        let clock = ContinuousClock()
        var costs: [Double] = []
        for life in pool {
            var repeats = SensorRepeats()
            let start = clock.now
            for snapshot in life.snapshots {
                repeats.note(snapshot)
                sketch.add(
                    snapshot, of: life.unit, repeats: repeats, prediction: prediction,
                    using: parameters)
            }
            costs.append((clock.now - start) / .nanoseconds(life.snapshots.count))
        }
        return costs.sorted()[costs.count / 2]
    }
}
