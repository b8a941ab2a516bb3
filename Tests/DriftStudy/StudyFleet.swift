import Datasets
import Prognostics

/// What happens to a simulated fleet from a certain night on.
package struct Disturbance: CustomStringConvertible, Sendable {
    package enum Kind: Sendable {
        /// Nothing.
        case none
        /// Engines that are installed from then on wear hardly at all at first, then fast.
        case wearLaw
        /// A sensor of some engines reads too much, in standard deviations of training.
        case bias(sensor: Int, deviations: Double, share: Double)
        /// A sensor of some engines repeats its last value for ever.
        case stuck(sensor: Int, share: Double)
        /// A share of the cycles is flown at operating points that training never saw.
        case newRegime(share: Double)
    }

    package let name: String
    package var description: String { name }
    package let kind: Kind
    /// The tracks of which at least one should be found, by the beginning of their names.
    package let expected: [String]
    /// Cycles of each of 50 engines within which it is to be found.
    package let cyclesMax: Int

    package init(_ name: String, _ kind: Kind, expected: [String], within cyclesMax: Int) {
        self.name = name
        self.kind = kind
        self.expected = expected
        self.cyclesMax = cyclesMax
    }
}

/// Engines that fly night after night; one that fails is replaced by a new one.
struct StudyFleet {
    /// An installed engine.
    private struct Engine {
        var trajectory: Trajectory
        var position: Int
        var unit: UnitIdentifier
        /// What a stuck sensor repeats; nil while it works.
        var held: Float?
    }

    private var engines: [Engine] = []
    private var fresh: [Trajectory]
    /// Engines with the other wear law, or with the other operating points.
    private var other: [Trajectory]
    private var installed = 0
    private var random: SplitMix64
    private let deviations: [Double]

    /// Installs engines in the middle of their lives.
    /// - Parameters:
    ///   - count: Engines.
    ///   - pool: Lives to draw from, one after the other, and again when there are no more.
    ///   - other: Lives as a disturbance makes them.
    ///   - deviations: Training's standard deviation of sensors 1 to 21, in their units.
    ///   - seed: Of the ages in the first night.
    init(
        count: Int, pool: [Trajectory], other: [Trajectory], deviations: [Double], seed: UInt64
    ) {
        fresh = pool
        self.other = other
        self.deviations = deviations
        random = SplitMix64(seed: seed)
        for _ in 0..<count {
            var engine = Self.engine(pool[installed % pool.count], installed)
            engine.position = Int(random.next() % UInt64(engine.trajectory.snapshots.count))
            installed += 1
            engines.append(engine)
        }
    }

    private static func engine(_ trajectory: Trajectory, _ number: Int) -> Engine {
        guard let unit = UnitIdentifier("engine-\(number)") else {
            preconditionFailure("a number is an identifier")
        }
        return Engine(trajectory: trajectory, position: 0, unit: unit)
    }

    /// One cycle of every engine, as the devices read it.
    mutating func fly(_ disturbance: Disturbance.Kind) -> [(unit: UnitIdentifier, Snapshot)] {
        engines.indices.map { slot in
            if engines[slot].position == engines[slot].trajectory.snapshots.count {
                engines[slot] = Self.engine(life(disturbance), installed)
                installed += 1
            }
            let snapshot = engines[slot].trajectory.snapshots[engines[slot].position]
            engines[slot].position += 1
            return (
                engines[slot].unit,
                disturbed(snapshot, slot: slot, place: Double(slot) + 0.5, disturbance)
            )
        }
    }

    /// The life of the next engine that is installed.
    private func life(_ disturbance: Disturbance.Kind) -> Trajectory {
        if case .wearLaw = disturbance { return other[installed % other.count] }
        return fresh[installed % fresh.count]
    }

    private mutating func disturbed(
        _ snapshot: Snapshot, slot: Int, place: Double, _ disturbance: Disturbance.Kind
    ) -> Snapshot {
        let place = place / Double(engines.count)
        var columns = snapshot.columns
        switch disturbance {
        case .bias(let sensor, let size, let share) where place < share:
            columns[Snapshot.settingCount + sensor - 1] += Float(size * deviations[sensor - 1])
        case .stuck(let sensor, let share) where place < share:
            let held = engines[slot].held ?? snapshot.sensor(sensor)
            engines[slot].held = held
            columns[Snapshot.settingCount + sensor - 1] = held
        case .newRegime(let share) where random.uniform() < share:
            let life = other[slot % other.count].snapshots
            let index = min(Int(snapshot.cycle.cycles), life.count) - 1
            columns = life[index].columns
        default: return snapshot
        }
        return Snapshot(cycle: snapshot.cycle, columns: columns)
    }
}
