package import Datasets
import Prognostics

/// Units as a device sees them that was installed in the middle of their lives.
///
/// Own mean and baseline then do not cover a unit's youth, so accuracy is another one and is
/// reported apart. NASA's units are all known from cycle 1; here their first cycles are left out.
package enum MidLife {
    /// What leads to the same starts in every report.
    private static let seed: UInt64 = 15

    /// Each trajectory from a random snapshot on, evenly distributed from its second to its 15th
    /// from the end; shorter ones are left out, for fewer than 15 snapshots are not scored.
    ///
    /// A trajectory that starts late by itself stays as it is.
    package static func cut(_ trajectories: [Trajectory]) -> [Trajectory] {
        var random = SplitMix64(seed: seed)
        return trajectories.compactMap { trajectory in
            let fraction = random.uniform()
            guard trajectory.snapshots[0].cycle.cycles == 1 else { return trajectory }
            let choices = trajectory.snapshots.count - EvaluationProtocol.firstSnapshot
            guard choices > 0 else { return nil }
            let start = 1 + Int(fraction * Double(choices))
            return trajectory.suffix(from: start)
        }
    }

    /// The same for test units; each keeps its true RUL.
    package static func cut(_ test: TestUnits) -> TestUnits {
        let rulByUnit = Dictionary(
            zip(test.trajectories.map(\.unit), test.trueRULs),
            uniquingKeysWith: { first, _ in first })
        let trajectories = cut(test.trajectories)
        return TestUnits(
            trajectories: trajectories, trueRULs: trajectories.map { rulByUnit[$0.unit] ?? 0 })
    }
}
