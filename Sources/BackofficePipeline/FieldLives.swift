import Datasets
import EdgeProtocol
import Prognostics

/// The lives that engines in the field have ended, from birth or from mid-life to failure.
///
/// Only a life whose failure is known has labels. One that was cut off, by removal or because the
/// engine still flies, is left out: the rows of it whose capped label is certain are those of
/// engines that lasted, and a model that learns from them alone learns that engines last.
struct FieldLives {
    /// The fewest readings of a life: a full window.
    static let snapshotCountMin = 30
    /// Cycles between a life's last reading and its failure.
    static let unseenCyclesMax: Int32 = 10

    /// In the order of their names and installations.
    private(set) var trajectories: [Trajectory] = []

    /// No lives.
    init() {}

    /// Judges every engine of the pulled logs; what is left out is counted in `report`.
    ///
    /// A life that is in `base`, too, would train and judge under two names.
    init(_ readings: FieldReadings, base: [Trajectory], report: inout ValidationReport) {
        let known = Set(base.lazy.flatMap(\.snapshots).map(Self.fingerprint))
        for (unit, records) in readings.records.sorted(by: { $0.key < $1.key }) {
            for life in Self.lives(of: unit, records, report: &report) {
                report.field.units += 1
                guard
                    let trajectory = Self.trajectory(
                        unit, life, base: known, report: &report)
                else { continue }
                report.field.unitsUsed += 1
                report.field.rowsUsed += trajectory.snapshots.count
                trajectories.append(trajectory)
            }
        }
        trajectories.sort { ($0.unit, $0.installation) < ($1.unit, $1.installation) }
    }

    /// The lives of a unit; events of a store that knows no reading of it join its only life.
    private static func lives(
        of unit: FieldUnit, _ records: [LifeRecord], report: inout ValidationReport
    ) -> [MergedLife] {
        var lives = LifeMerge.lives(
            of: unit, records.filter { !$0.snapshots.isEmpty }, report: &report)
        for event in records.filter(\.snapshots.isEmpty).flatMap(\.events) {
            let last = lives.first?.snapshots.last?.cycle
            if lives.count == 1, let last, event.cycle >= last {
                lives[0].events.append(event)
            } else {
                report.add(
                    .eventWithoutReadings, in: .field,
                    at: "\(event.kind.name) of \(unit.name) after cycle \(event.cycle)")
            }
        }
        return lives
    }

    /// A life as a trajectory that ends in failure; nil, and the reason is counted, for another.
    private static func trajectory(
        _ unit: FieldUnit, _ life: MergedLife, base: Set<UInt64>, report: inout ValidationReport
    ) -> Trajectory? {
        let place = "\(unit.name), installation \(life.installation)"
        // Where engine and removal are of one cycle, it was removed because it had failed.
        let ends = life.events.filter { $0.kind != .serviced }.sorted {
            ($0.cycle, $1.kind.rawValue) < ($1.cycle, $0.kind.rawValue)
        }
        let end = ends.first
        let snapshots = life.snapshots.filter { $0.cycle <= end?.cycle ?? $0.cycle }
        report.add(
            .afterEnd, in: .field, count: life.snapshots.count - snapshots.count, at: place)
        func leftOut(_ reason: ValidationReason, _ detail: String) -> Trajectory? {
            report.add(reason, in: .field, at: "\(place): \(detail)")
            return nil
        }
        guard let first = snapshots.first, let last = snapshots.last else {
            return leftOut(.tooShort, "0 readings")
        }
        let readings = "\(snapshots.count) readings up to cycle \(last.cycle)"
        guard let end else { return leftOut(.stillFlying, readings) }
        guard end.kind == .failed else { return leftOut(.removed, readings) }
        let unseen = end.cycle.cycles - last.cycle.cycles
        guard unseen <= unseenCyclesMax else {
            return leftOut(.unseenEnd, "\(readings), failed after cycle \(end.cycle)")
        }
        guard snapshots.count >= snapshotCountMin else { return leftOut(.tooShort, readings) }
        let missing = Int(last.cycle.cycles - first.cycle.cycles) + 1 - snapshots.count
        guard missing < snapshots.count else {
            return leftOut(.tooManyGaps, "\(readings), \(missing) missing")
        }
        guard !snapshots.contains(where: { base.contains(fingerprint($0)) }) else {
            return leftOut(.inBase, readings)
        }
        let trajectory = Trajectory(
            unit: unit.name, installation: life.installation, snapshots: snapshots,
            endsInFailure: true, unseenCycles: unseen,
            services: life.events.filter { $0.kind == .serviced }.map(\.cycle))
        if missing > 0 { report.add(.gap, in: .field, at: "\(place): \(missing) missing") }
        if first.cycle.cycles > 1 {
            report.add(.lateStart, in: .field, at: "\(place): from cycle \(first.cycle)")
        }
        if !trajectory.services.isEmpty {
            report.add(.serviced, in: .field, at: "\(place): after \(trajectory.services)")
        }
        return trajectory
    }

    /// A number that equal snapshots share, and others almost surely do not (FNV-1a, 64 bits).
    private static func fingerprint(_ snapshot: Snapshot) -> UInt64 {
        snapshot.canonicalBytes.reduce(0xCBF2_9CE4_8422_2325) {
            ($0 ^ UInt64($1)) &* 0x0000_0100_0000_01B3
        }
    }
}
