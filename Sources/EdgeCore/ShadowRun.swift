import Features
import Inference
package import Prognostics

/// A few stored readings that two models score side by side, on a worker.
///
/// Short, so that a worker is soon free for ingest again; the states travel to the next slice.
package struct ShadowSlice: Sendable {
    /// What a slice found.
    package struct Outcome: Sendable {
        package let bundle: Digest
        /// The run that asked; an answer to an earlier one counts for nothing.
        let number: Int
        let tally: ShadowTally
        let candidateState: FeatureState
        let activeState: FeatureState
    }

    let number: Int
    let candidate: ActiveModel
    let active: ActiveModel
    let candidateState: FeatureState
    let activeState: FeatureState
    let snapshots: [Snapshot]
    let marks: [EngineMark]
    /// Cycles between the two predictions beyond which a reading counts as exceeding.
    let disagreementMax: Double

    /// Scores every reading with both models.
    package func run() -> Outcome {
        var (candidateState, activeState) = (candidateState, activeState)
        var tally = ShadowTally()
        for snapshot in snapshots {
            candidateState.append(snapshot, marks: marks, using: candidate.parameters)
            activeState.append(snapshot, marks: marks, using: active.parameters)
            let ours = candidate.plan.run(
                candidate.plan.input(from: candidateState, parameters: candidate.parameters))
            let theirs = active.plan.run(
                active.plan.input(from: activeState, parameters: active.parameters))
            // The evaluator measures from a unit's 15th reading on, as training does.
            guard !ours.flags.contains(.early) else { continue }
            tally.count(abs(Double(ours.rul) - Double(theirs.rul)), limit: disagreementMax)
        }
        return Outcome(
            bundle: candidate.digest, number: number, tally: tally, candidateState: candidateState,
            activeState: activeState)
    }
}

/// How far two models are apart on the readings so far.
struct ShadowTally: Equatable, Sendable {
    /// The share of readings that may exceed the limit: the evaluator saw a thousandth, with
    /// head-room, and a device has fewer units of which each weighs more.
    static let exceedingShareMax = 0.01

    private(set) var count = 0
    private(set) var exceedingCount = 0
    /// The greatest difference in cycles.
    private(set) var greatest = 0.0

    /// Whether so few readings exceed the limit that the candidate may serve.
    var agrees: Bool { Double(exceedingCount) <= Self.exceedingShareMax * Double(count) }

    mutating func count(_ difference: Double, limit: Double) {
        count += 1
        greatest = max(greatest, difference)
        if difference > limit { exceedingCount += 1 }
    }

    mutating func add(_ other: Self) {
        count += other.count
        exceedingCount += other.exceedingCount
        greatest = max(greatest, other.greatest)
    }
}

/// A candidate's run beside the active model, over the units that reported last.
///
///     listing ──units──▶ reading ──readings──▶ slice by slice ──▶ reading the next unit … done
struct ShadowRun: Sendable {
    /// Units looked at, those with the newest readings.
    static let unitCountMax = 64
    /// Readings per unit, the newest: longer than the longest of NASA's lives.
    static let readingCountMax = 600
    /// Readings per slice: with the slowest model a few milliseconds.
    static let sliceCount = 16

    /// Tells this run's answers from those of an earlier one of the same bundle.
    let number: Int
    let candidate: ActiveModel
    let active: ActiveModel
    let disagreementMax: Double
    private(set) var tally = ShadowTally()
    private var units: [UnitIdentifier] = []
    private var snapshots: ArraySlice<Snapshot> = []
    private var marks: [EngineMark] = []
    private var candidateState = FeatureState()
    private var activeState = FeatureState()

    init(number: Int, candidate: ActiveModel, active: ActiveModel, disagreementMax: Double) {
        self.number = number
        self.candidate = candidate
        self.active = active
        self.disagreementMax = disagreementMax
    }

    /// Takes the list of units; the answer is what to do next, `nil` if nothing is left.
    mutating func list(_ units: [UnitIdentifier]) -> EdgeEffect? {
        self.units = units
        return next()
    }

    /// Takes a unit's readings, oldest first.
    mutating func read(_ snapshots: [Snapshot], _ marks: [EngineMark]) -> EdgeEffect? {
        self.snapshots = snapshots[...]
        self.marks = marks
        candidateState = FeatureState()
        activeState = FeatureState()
        return next()
    }

    /// Takes what a slice found.
    mutating func add(_ outcome: ShadowSlice.Outcome) -> EdgeEffect? {
        tally.add(outcome.tally)
        candidateState = outcome.candidateState
        activeState = outcome.activeState
        return next()
    }

    /// What to do next; `nil` when every unit is done.
    private mutating func next() -> EdgeEffect? {
        if !snapshots.isEmpty {
            let slice = snapshots.prefix(Self.sliceCount)
            snapshots = snapshots.dropFirst(slice.count)
            return .shadow(
                ShadowSlice(
                    number: number, candidate: candidate, active: active,
                    candidateState: candidateState, activeState: activeState,
                    snapshots: Array(slice), marks: marks, disagreementMax: disagreementMax))
        }
        guard !units.isEmpty else { return nil }
        return .readShadow(
            bundle: candidate.digest, units.removeFirst(), limit: Self.readingCountMax)
    }
}
