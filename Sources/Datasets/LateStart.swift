import Prognostics

/// Lives as a device sees them that first meets their unit in mid-life.
///
/// A late starter has a cycle count, but no own mean and no baseline of its youth. Its labels are
/// those of the whole life, because they count back from the failure.
package enum LateStart {
    /// The fewest snapshots of a late starter: a full window of 30, half of it beyond the first 15.
    package static let snapshotCountMin = 30

    /// The end of a life from a snapshot after the first on, drawn evenly; nil for a short life.
    ///
    /// The draw depends on unit, installation, `seed` and `copy` alone.
    package static func suffix(
        of trajectory: Trajectory, seed: UInt64, copy: Int = 0
    ) -> Trajectory? {
        let latest = trajectory.snapshots.count - snapshotCountMin
        guard latest >= 1 else { return nil }
        var generator = generator(trajectory, seed: seed, copy: copy)
        let start = 1 + Int(generator.uniform() * Double(latest))
        return trajectory.suffix(from: start)
    }

    /// One late start of a share of the lives, drawn unit by unit, in their order.
    /// - Precondition: `share` is in `0...1`.
    package static func sample(
        _ trajectories: [Trajectory], share: Double, seed: UInt64
    ) -> [Trajectory] {
        precondition((0...1).contains(share), "a share is in 0...1, got \(share)")
        return trajectories.compactMap { trajectory in
            // Its own copy number, so that who is drawn says nothing about where it starts.
            var chosen = generator(trajectory, seed: seed, copy: -1)
            return chosen.uniform() < share ? suffix(of: trajectory, seed: seed) : nil
        }
    }

    private static func generator(
        _ trajectory: Trajectory, seed: UInt64, copy: Int
    ) -> SplitMix64 {
        SplitMix64(
            seed: UnitHash.hash(
                trajectory.unit, installation: trajectory.installation,
                seed: SplitMix64.mix(seed) ^ UInt64(bitPattern: Int64(copy))))
    }
}
