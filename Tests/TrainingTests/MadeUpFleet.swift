import Datasets
import Prognostics

/// Engines that wear out smoothly: enough for a model to learn from, small enough for a test.
enum MadeUpFleet {
    /// Run-to-failure trajectories of 60 to 140 cycles; sensors drift as failure comes nearer.
    static func trajectories(
        count: Int, seed: UInt64, operatingPoints: [(Float, Float, Float)] = [(0, 0, 100)]
    ) -> [Trajectory] {
        var generator = SplitMix64(seed: seed)
        return (1...count).compactMap { number in
            let life = 60 + Int(generator.uniform() * 80)
            let snapshots = (1...life).compactMap { cycle in
                snapshot(
                    cycle, wear: Double(cycle * cycle) / Double(life * life),
                    operatingPoints: operatingPoints, generator: &generator)
            }
            guard let unit = UnitIdentifier("\(number)") else { return nil }
            return Trajectory(unit: unit, snapshots: snapshots, endsInFailure: true)
        }
    }

    private static func snapshot(
        _ cycle: Int, wear: Double, operatingPoints: [(Float, Float, Float)],
        generator: inout SplitMix64
    ) -> Snapshot? {
        let regime = Int(generator.uniform() * Double(operatingPoints.count))
        var columns = InlineArray<24, Float>(repeating: 0)
        (columns[0], columns[1], columns[2]) = operatingPoints[regime]
        for sensor in 1...21 {
            let direction = sensor.isMultiple(of: 3) ? -1.0 : 1.0
            let level = 100 * Double(sensor) + 50 * Double(regime)
            let drift = direction * wear * Double(1 + sensor % 5)
            let noise = generator.uniform() + generator.uniform() - 1
            columns[2 + sensor] = Float(level + 2 * drift + noise)
        }
        return CycleCount(Int32(cycle)).map { Snapshot(cycle: $0, columns: columns) }
    }
}
