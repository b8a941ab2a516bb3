import EdgeCore
import EdgeProtocol
import Inference
import Prognostics

/// Holds the history of a run against the promise.
///
/// It sees what the world sees: messages and acknowledgements at the broker, predictions and log
/// pages as they arrive, and what the disk holds. ``ReferenceFleet`` says what ought to be there.
/// The first contradiction ends the run.
package struct Checker {
    /// Predictions that may await the broker's acknowledgement, as documented.
    private static let windowMax = 256

    /// Messages that the device read together, and the model that served.
    private struct Batch: Equatable {
        var messages: [Message] = []
        var runID: String?
    }

    private let models: [String: ActiveModel]
    /// What the first contradiction was.
    package private(set) var violation: String?

    private var reference = ReferenceFleet()
    /// The batch that the device has read, until the disk shows what became of it.
    private var open: [Message] = []
    /// Batches that were given up since the last one that was there.
    private var doubtful: [Batch] = []
    /// Messages whose outcome is on disk.
    private var settled: Set<Int> = []
    /// Every row that was ever on disk, by sequence.
    private var rows: [Int64: LogEntry] = [:]
    private(set) var lastSequence: Int64 = 0
    private var released: Set<Int64> = []
    /// Released although nobody had pulled or published them, as configured and counted.
    private var givenUp: Set<Int64> = []
    /// Readings of the running installation that a rebuilt state may lack, per unit.
    private var starts: [String: (installation: Int, skipped: Set<Int>)] = [:]
    private var published: Set<Int64> = []
    private var pulled: Set<Int64> = []
    private var releases = ModelRules()
    private var outcomes = Coverage()

    init(models: [ActiveModel]) {
        self.models = Dictionary(uniqueKeysWithValues: models.map { ($0.runID, $0) })
    }

    mutating func expect(_ condition: Bool, _ text: @autoclosure () -> String) {
        if !condition, violation == nil { violation = text() }
    }

    // MARK: Readings

    /// The device has read a message.
    mutating func read(_ message: Message) { open.append(message) }

    /// A message that the device cannot have read whole: its process died.
    mutating func acknowledged(_ number: Int) {
        expect(settled.contains(number), "message \(number) was acknowledged before it was on disk")
    }

    /// The disk at rest: the open batch is there, whole, or it is not.
    ///
    /// A batch whose COMMIT failed may be found whole after a crash, as long as nothing was written
    /// since; it is kept in mind until then.
    /// - Parameters:
    ///   - entries: Rows beyond the last sequence that was seen.
    ///   - accounting: The counters.
    ///   - runID: The model that served while the batch was read.
    mutating func settle(_ entries: [LogEntry], _ accounting: Accounting, runID: String?) {
        let batch = Batch(messages: open, runID: runID)
        open = []
        guard !entries.isEmpty || Int(accounting.received) != reference.sums.received else {
            // What leaves no trace at all, such as a repeated event, is settled either way.
            let outcome = outcome(of: batch.messages)
            if outcome.traces.isEmpty, outcome.received == reference.sums.received {
                settle(batch)
            } else {
                doubtful.append(batch)
            }
            return
        }
        let candidates = [batch] + doubtful.reversed()
        let found = candidates.firstIndex { candidate in
            let outcome = outcome(of: candidate.messages)
            return outcome.received == Int(accounting.received)
                && outcome.traces.elementsEqual(entries, by: Self.fits)
        }
        if let found, found > 0 { outcomes.count(.batchFoundLater) }
        doubtful = []
        apply(candidates[found ?? 0], entries, accounting)
    }

    /// What a batch would leave, after all before it.
    private func outcome(
        of messages: [Message]
    ) -> (traces: [ReferenceFleet.Trace], received: Int) {
        var next = reference
        let traces = messages.compactMap { next.take($0.meaning, isProtected: $0.isProtected) }
        return (traces, next.sums.received)
    }

    /// Whether an entry is what a delivery ought to leave, but for its prediction.
    private static func fits(_ trace: ReferenceFleet.Trace, _ entry: LogEntry) -> Bool {
        switch (trace, entry) {
        case (.quarantined, .quarantine): return true
        case (.happening(let unit, let happening, let isProtected), .event(let event)):
            let seen = ReferenceFleet.Happening(
                installation: Int(event.installation), kind: event.kind.name,
                cycle: event.cycle.cycles)
            return seen == happening && event.unit.description == unit
                && event.unprotected == !isProtected
        case (.row(let unit, let row, let isProtected), .reading(let reading)):
            let seen = ReferenceFleet.Row(
                installation: Int(reading.key.installation), cycle: reading.key.cycle.cycles,
                values: (0..<24).map { reading.snapshot.columns[$0].bitPattern },
                isLate: reading.outcome == .late)
            return seen == row && reading.key.unit.description == unit
                && reading.unprotected == !isProtected
        default: return false
        }
    }

    private mutating func settle(_ batch: Batch) {
        for message in batch.messages { settled.insert(message.number) }
    }

    /// A batch is on disk: its rows are those of the reference, and so are the counters.
    private mutating func apply(
        _ batch: Batch, _ entries: [LogEntry], _ accounting: Accounting
    ) {
        let model = batch.runID.flatMap { models[$0] }
        var left = entries[...]
        for message in batch.messages {
            guard let trace = reference.take(message.meaning, isProtected: message.isProtected)
            else { continue }
            guard let entry = left.popFirst() else {
                return expect(false, "\(entries.count) rows of a batch are there, expected more")
            }
            var expected: [Prediction] = []
            if case .row(let unit, let row, _) = trace, !row.isLate, let model {
                expected = ([0] + skips(unit, row.installation)).compactMap {
                    reference.prediction(of: unit, skipping: $0, by: model)
                }
            }
            compare(entry, trace, expected, runID: batch.runID)
        }
        expect(left.isEmpty, "\(left.count) rows of a batch are there that nothing explains")
        settle(batch)
        compareSums(accounting)
    }

    private func skips(_ unit: String, _ installation: Int) -> [Int] {
        guard let start = starts[unit], start.installation == installation else { return [] }
        return start.skipped.sorted()
    }

    private mutating func compareSums(_ seen: Accounting) {
        let sums = reference.sums
        let expected = [
            sums.received, sums.applied, sums.suppressed, sums.late, sums.quarantined,
            sums.unprotected, sums.missing,
        ]
        let found = [
            seen.received, seen.scored + seen.unscored, seen.suppressed, seen.late,
            seen.quarantined, seen.unprotected, seen.missingCycles,
        ].map { Int($0) }
        expect(
            expected == found,
            "counters are \(found), the reference has \(expected) (received, applied, "
                + "suppressed, late, quarantined, unprotected, missing cycles)")
        let outcomes =
            seen.scored + seen.unscored + seen.suppressed + seen.late + seen.quarantined
        expect(seen.received == outcomes, "\(seen) does not add up")
    }

    private mutating func compare(
        _ entry: LogEntry, _ trace: ReferenceFleet.Trace, _ expected: [Prediction],
        runID: String?
    ) {
        let previous = lastSequence
        expect(
            entry.sequence > previous, "sequence \(entry.sequence) follows \(previous)")
        lastSequence = max(lastSequence, entry.sequence)
        rows[entry.sequence] = entry
        expect(
            Self.fits(trace, entry), "\(Self.text(entry)) is on disk, expected \(trace)")
        switch (entry, trace) {
        case (.event, .happening(let unit, let happening, _)):
            let isOver = happening.installation < (reference.units[unit]?.installation ?? 1)
            if isOver, happening.kind != "serviced" { outcomes.count(.engineEnded) }
        case (.reading(let reading), _): compare(reading, expected, runID: runID)
        default: break
        }
    }

    /// An entry in so few words that a failure fits a line.
    private static func text(_ entry: LogEntry) -> String {
        switch entry {
        case .reading(let entry):
            "\(entry.sequence): \(entry.key.unit)/\(entry.key.installation)/\(entry.key.cycle) "
                + "\(entry.outcome)"
        case .event(let entry):
            "\(entry.sequence): \(entry.unit)/\(entry.installation) \(entry.kind.name) at "
                + "\(entry.cycle)"
        case .quarantine(let entry): "\(entry.sequence): quarantined, \(entry.reason)"
        }
    }

    /// A reading is scored by the model that served, to the bits of an undisturbed pass.
    ///
    /// Only where readings were released may a pass also start behind them.
    private mutating func compare(
        _ reading: ReadingEntry, _ expected: [Prediction], runID: String?
    ) {
        guard reading.outcome != .late else { return }
        outcomes.count(reading.scoring == nil ? .unscored : .scored)
        expect(
            reading.scoring?.runID == runID,
            "row \(reading.sequence) is of run \(reading.scoring?.runID ?? "none"), "
                + "\(runID ?? "none") served")
        guard let scoring = reading.scoring else { return }
        if let reason = releases.objection(toRun: scoring.runID) {
            expect(false, "row \(reading.sequence) was scored by \(scoring.runID): \(reason)")
        }
        guard scoring.prediction != expected.first else { return }
        let isPartial = expected.contains(scoring.prediction)
        if isPartial { outcomes.count(.partlyRebuilt) }
        expect(
            isPartial,
            "row \(reading.sequence), \(reading.key): predicted \(scoring.prediction), an "
                + "undisturbed replay gives \(expected)")
    }

    // MARK: The log

    /// Everything that is on disk: rows neither change nor vanish, unless they were released.
    mutating func inspect(_ all: [LogEntry]) {
        var seen: Set<Int64> = []
        for entry in all {
            expect(rows[entry.sequence] == entry, "row \(entry.sequence) has changed")
            expect(seen.insert(entry.sequence).inserted, "row \(entry.sequence) is there twice")
        }
        for (sequence, entry) in rows where !seen.contains(sequence) {
            if case .quarantine = entry { continue }
            expect(released.contains(sequence), "row \(sequence) is gone: \(Self.text(entry))")
        }
    }

    /// The store let readings go.
    mutating func released(_ entries: [ReadingEntry], isCounted: Bool) {
        for entry in entries {
            let sequence = entry.sequence
            let isHome = pulled.contains(sequence)
            let isOut = entry.scoring == nil || published.contains(sequence)
            if isCounted {
                givenUp.insert(sequence)
            } else {
                expect(
                    isHome && isOut,
                    "row \(sequence) was released: pulled \(isHome), published \(isOut)")
            }
            released.insert(sequence)
            skip(entry)
        }
    }

    /// A state that is rebuilt from now on may start behind the released reading.
    private mutating func skip(_ entry: ReadingEntry) {
        let unit = entry.key.unit.description
        let installation = Int(entry.key.installation)
        guard let known = reference.units[unit], known.installation == installation,
            entry.outcome != .late
        else { return }
        let flown = known.rows.filter { $0.installation == installation && !$0.isLate }
        let count = flown.count { $0.cycle <= entry.key.cycle.cycles }
        var start = starts[unit] ?? (installation, [])
        if start.installation != installation { start = (installation, []) }
        start.skipped.insert(count)
        starts[unit] = start
    }

    // MARK: At the broker and at home

    /// The broker got a prediction.
    mutating func publishedPrediction(_ entry: ReadingEntry) {
        expect(
            rows[entry.sequence] == .reading(entry),
            "prediction \(entry.sequence) was published and is not what was committed")
        published.insert(entry.sequence)
    }

    /// The back office has an entry of a page.
    mutating func pulledEntry(_ entry: LogEntry) {
        expect(
            rows[entry.sequence] == entry, "entry \(entry.sequence) of a page is not on disk")
        pulled.insert(entry.sequence)
    }

    /// What waits anywhere is bounded.
    mutating func bounded(_ name: String, _ count: Int, max: Int) {
        expect(count <= max, "\(count) \(name), the limit is \(max)")
    }

    mutating func health(_ message: HealthMessage, residentMax: Int) {
        bounded("units in memory", message.residentUnits, max: residentMax)
        bounded("predictions in flight", message.outboxPending, max: Self.windowMax)
        let (accounting, received) = (message.accounting, reference.sums.received)
        expect(accounting.isBalanced, "health says \(accounting)")
        expect(
            Int(accounting.received) == received,
            "health says \(accounting.received) received, the disk \(received)")
    }

    // MARK: Models

    mutating func offered(_ offer: ModelRules.Offered) { releases.offered(offer) }

    mutating func changed(_ change: ModelChange) {
        if let objection = releases.objection(to: change) { expect(false, objection) }
    }

    mutating func counter(_ counter: Int64) {
        if let objection = releases.objection(toCounter: counter) { expect(false, objection) }
    }

    // MARK: The end

    /// Once everything has settled: nothing is left anywhere.
    mutating func finish(waiting: Int, unread: Int) {
        expect(waiting == 0, "\(waiting) messages still wait at the broker")
        expect(unread == 0, "\(unread) messages were read and never acknowledged")
        for (sequence, entry) in rows where !givenUp.contains(sequence) {
            if case .reading(let reading) = entry, reading.scoring != nil {
                expect(published.contains(sequence), "prediction \(sequence) was never published")
            }
            if case .quarantine = entry { continue }
            expect(pulled.contains(sequence), "entry \(sequence) never came home")
        }
    }

    /// Predictions that are on disk and not with the broker.
    var unpublishedCount: Int {
        rows.values.count { entry in
            guard case .reading(let reading) = entry, reading.scoring != nil else { return false }
            return !published.contains(reading.sequence) && !givenUp.contains(reading.sequence)
        }
    }

    /// How often what the reference knows happened.
    var coverage: Coverage {
        var coverage = outcomes
        let sums = reference.sums
        coverage.count(.suppressed, times: sums.suppressed)
        coverage.count(.conflictQuarantined, times: sums.conflicts)
        coverage.count(.newInstallation, times: sums.engines)
        coverage.count(.eventForPrevious, times: sums.belatedEvents)
        return coverage
    }

    /// Messages and rows, for the last line of a trace.
    var summary: String {
        "\(settled.count) messages settled, \(rows.count) rows, \(published.count) predictions, "
            + "\(pulled.count) entries pulled"
    }
}
