import Datasets
import Inference
import ModelBundle
import Prognostics
import Quantization
import Testing
import Training

/// Asks what a recurrent bundle learns from units that only set its interval.
@Suite("Leakage into recurrent nets")
struct RecurrentLeakageTests {
    /// The unit with every sensor 1.3 times as high.
    static func falsified(_ unit: Trajectory) -> Trajectory {
        let snapshots = unit.snapshots.map { snapshot in
            var columns = InlineArray<24, Float>(repeating: 0)
            for index in 0..<24 {
                let isSensor = index >= Snapshot.settingCount
                columns[index] = snapshot.columns[index] * (isSensor ? 1.3 : 1)
            }
            return Snapshot(cycle: snapshot.cycle, columns: columns)
        }
        return Trajectory(unit: unit.unit, snapshots: snapshots, endsInFailure: true)
    }

    @Test(
        "Calibrate units set the intervals; weights, scales, probability and threshold ignore them",
        arguments: RecurrentQuantizationTests.kinds)
    func calibrate(kind: RecurrentKind) throws {
        let units = MadeUpFleet.trajectories(count: 17, seed: 1)
        let trained = try RecurrentQuantizationTests.train(kind, Array(units.prefix(8)))
        let one = try RecurrentQuantizationTests.build(trained, units).bundle
        let changed = units.prefix(11) + units.dropFirst(11).map(Self.falsified)
        let other = try RecurrentQuantizationTests.build(trained, Array(changed)).bundle
        #expect(one.featureParameters == other.featureParameters)
        #expect(one.plan.members == other.plan.members)
        #expect(one.alarmThreshold == other.alarmThreshold)
        #expect(one.plan.interval != other.plan.interval)
    }
}
