import EdgeProtocol
import Features
import Inference
import ModelBundle
import Prognostics

/// What one pulled log says of an installation up to a reading: what its device knew then.
struct ReadingHistory {
    private let key: ReadingKey
    /// The reading itself, once it was met.
    private(set) var target: ReadingEntry?
    /// Applied before it, in their order.
    private var snapshots: [Snapshot] = []
    private var events: [(kind: EngineEvent.Kind, cycle: CycleCount)] = []
    private var lastSequence: Int64 = 0
    /// Entries that were not pulled before the reading, and the last cycle known before each hole.
    private var holes: [(entries: ClosedRange<Int64>, afterCycle: Int32)] = []

    /// The most readings of which every start is tried, because each replays the rest.
    private static let startCountMax = 1_000

    init(key: ReadingKey) { self.key = key }

    /// Takes in the log's next entry; what comes after the reading says nothing about it.
    mutating func add(_ entry: LogEntry) {
        guard target == nil else { return }
        if entry.sequence > lastSequence + 1 {
            holes.append(
                (lastSequence + 1...entry.sequence - 1, snapshots.last?.cycle.cycles ?? 0))
        }
        lastSequence = entry.sequence
        switch entry {
        case .quarantine: break
        case .event(let event):
            guard event.unit == key.unit, event.installation == key.installation else { return }
            events.append((event.kind, event.cycle))
        case .reading(let reading):
            guard reading.key.unit == key.unit, reading.key.installation == key.installation,
                reading.outcome != .late
            else { return }
            if reading.key.cycle == key.cycle {
                target = reading
            } else {
                snapshots.append(reading.snapshot)
            }
        }
    }

    /// Readings before the one in question.
    var readingCount: Int { snapshots.count }

    /// Readings from which on a device may have known the engine, if it released those before.
    var starts: Range<Int> { 1..<max(1, min(snapshots.count, Self.startCountMax) + 1) }

    /// The cycle of a start.
    func cycle(at start: Int) -> CycleCount {
        start < snapshots.count ? snapshots[start].cycle : key.cycle
    }

    /// What a bundle says of the reading after those before it, from a start on.
    func prediction(
        of snapshot: Snapshot, from start: Int, by bundle: ModelBundle
    ) -> Prediction {
        let parameters = bundle.featureParameters
        let services = events.filter { $0.kind == .serviced }.map(\.cycle)
        let ends = events.filter { $0.kind != .serviced }.map(\.cycle)
        var state = FeatureState()
        for snapshot in snapshots.dropFirst(start) + [snapshot] {
            // Another engine took the place without a new number: the device begins anew.
            if let last = state.lastCycle,
                ends.contains(where: { $0 >= last && $0 < snapshot.cycle })
            {
                state = FeatureState()
            }
            state.append(snapshot, services: services, using: parameters)
        }
        return bundle.plan.run(bundle.plan.input(from: state, parameters: parameters))
    }

    /// What this log lacks that the device knew, by what the prediction says of its own history.
    func missing(flags: PredictionFlags) -> Explanation.MissingHistory? {
        let cycles = snapshots.map(\.cycle.cycles) + [key.cycle.cycles]
        if cycles[0] > 1, !flags.contains(.lateStarter) {
            return .init(
                fromCycle: 1,
                reason: "the log begins with cycle \(cycles[0]), and the device knew the engine "
                    + "from cycle 1")
        }
        let gap = zip(cycles, cycles.dropFirst()).first { $1 > $0 + 1 }
        if let gap, !flags.contains(.gap) {
            return .init(
                fromCycle: gap.0 + 1,
                reason: "the log lacks the cycles \(gap.0 + 1) to \(gap.1 - 1), and the device "
                    + "missed none")
        }
        return holes.first.map { hole in
            .init(
                fromCycle: hole.afterCycle + 1,
                reason: "the entries \(hole.entries.lowerBound) to \(hole.entries.upperBound) of "
                    + "the log were not pulled, or their page is damaged")
        }
    }
}
