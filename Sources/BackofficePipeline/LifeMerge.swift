import Datasets
import EdgeProtocol
import Prognostics

/// One installation of a unit, as all device stores together record it.
struct MergedLife {
    /// Counts the engines that carried the unit's identifier, from 1; no two lives share it.
    let installation: Int32
    /// In ascending cycles.
    let snapshots: [Snapshot]
    var events: [EngineEvent]
}

/// Puts together what several device stores say about one unit.
///
/// A store tells a unit's engines apart and numbers them from 1, but a store that was made anew, or
/// another agent's, may begin to count at another engine. So two records are of one engine when
/// they share a reading, bit for bit; and else, when they have the same number and no store says
/// that they differ.
enum LifeMerge {
    /// The share of common cycles that may differ before two records are of different engines.
    private static let conflictShareMax = 0.05

    /// The lives of a unit, of which every record has a snapshot.
    static func lives(
        of unit: FieldUnit, _ records: [LifeRecord], report: inout ValidationReport
    ) -> [MergedLife] {
        numbered(groups(records)).map { installation, group in
            merge(unit, installation, group, report: &report)
        }.sorted { $0.installation < $1.installation }
    }

    private static func groups(_ records: [LifeRecord]) -> [[LifeRecord]] {
        var groups = records.map { [$0] }
        unite(&groups) { one, other in
            one.contains { left in
                other.contains { !left.isOfSameStore(as: $0) && sharesReading(left, $0) }
            }
        }
        unite(&groups) { one, other in
            one.contains { left in other.contains { left.installation == $0.installation } }
                && !one.contains { left in other.contains { left.isOfSameStore(as: $0) } }
        }
        return groups
    }

    /// Unites groups that belong together, until none do.
    private static func unite(
        _ groups: inout [[LifeRecord]], where belong: ([LifeRecord], [LifeRecord]) -> Bool
    ) {
        var index = 0
        while index < groups.count {
            let other = groups.indices.dropFirst(index + 1).first {
                belong(groups[index], groups[$0])
            }
            if let other {
                groups[index] += groups.remove(at: other)
            } else {
                index += 1
            }
        }
    }

    private static func sharesReading(_ one: LifeRecord, _ other: LifeRecord) -> Bool {
        var (left, right) = (one.snapshots[...], other.snapshots[...])
        while let first = left.first, let second = right.first {
            if first == second { return true }
            if first.cycle <= second.cycle { left.removeFirst() }
            if second.cycle <= first.cycle { right.removeFirst() }
        }
        return false
    }

    /// Gives each group the least of its stores' numbers that no other has.
    private static func numbered(
        _ groups: [[LifeRecord]]
    ) -> [(installation: Int32, group: [LifeRecord])] {
        var taken: Set<Int32> = []
        let greatest = groups.joined().map(\.installation).max() ?? 0
        let ordered = groups.map { ($0.map(\.installation).sorted(), $0) }.sorted {
            ($0.0.last ?? 0, $0.0[0]) < ($1.0.last ?? 0, $1.0[0])
        }
        return ordered.map { numbers, group in
            let number =
                numbers.first { !taken.contains($0) }
                ?? (greatest + 1...greatest + Int32(groups.count)).first { !taken.contains($0) }
            let installation = number ?? greatest + 1
            taken.insert(installation)
            return (installation, group)
        }
    }

    /// One life of all records of an engine: the longest says what it is.
    private static func merge(
        _ unit: FieldUnit, _ installation: Int32, _ group: [LifeRecord],
        report: inout ValidationReport
    ) -> MergedLife {
        let ordered = group.sorted {
            ($1.snapshots.count, $0.agent, $0.storeID) < ($0.snapshots.count, $1.agent, $1.storeID)
        }
        var byCycle: [CycleCount: Snapshot] = [:]
        var conflicts: Set<CycleCount> = []
        var events: [EngineEvent] = []
        for record in ordered {
            let common = record.snapshots.filter { byCycle[$0.cycle] != nil }
            let differing = common.filter { byCycle[$0.cycle] != $0 }
            let place =
                "\(unit.name), installation \(installation), in "
                + "\(record.agent)/\(record.storeID)"
            guard Double(differing.count) <= conflictShareMax * Double(common.count) else {
                report.add(.otherEngine, in: .field, at: place)
                continue
            }
            let equalCount = common.count - differing.count
            report.add(.known, in: .field, count: equalCount, at: place)
            for snapshot in differing {
                report.add(.conflict, in: .field, at: "\(place), cycle \(snapshot.cycle)")
                conflicts.insert(snapshot.cycle)
            }
            for snapshot in record.snapshots { byCycle[snapshot.cycle] = snapshot }
            for event in record.events where !events.contains(event) { events.append(event) }
        }
        // Nobody knows which of two values was measured.
        let snapshots = byCycle.values.filter { !conflicts.contains($0.cycle) }
        return MergedLife(
            installation: installation, snapshots: snapshots.sorted { $0.cycle < $1.cycle },
            events: events)
    }
}
