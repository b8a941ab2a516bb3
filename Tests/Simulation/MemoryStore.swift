package import EdgeCore
package import EdgeProtocol
import Features
package import Prognostics

/// The device's store in memory: the rows that the real one keeps, and its rules.
package struct MemoryStore: Sendable {
    /// What a released reading leaves behind.
    private struct Released {
        let installation: Int32
        let cycle: CycleCount
        let hash: Digest
    }

    package private(set) var readings: [ReadingEntry] = []
    package private(set) var quarantined: [QuarantineEntry] = []
    package private(set) var events: [EventEntry] = []
    package private(set) var units: [UnitIdentifier: UnitRecord] = [:]
    package var checkpoints: [UnitIdentifier: Checkpoint] = [:]
    package private(set) var accounting = Accounting()
    package var publishedThrough: Int64 = 0
    package var pulledThrough: Int64 = 0
    package var shelf = ModelShelf()
    package var blocks: [Digest: [Int: [UInt8]]] = [:]
    /// The highest release counter, kept a second time: it outlives a lost offer.
    package private(set) var counterBeside: Int64 = 0
    package private(set) var lastSequence: Int64 = 0
    package private(set) var salvages: [SalvageReport] = []

    private var candidate: Digest?
    private var rowsOfUnit: [UnitIdentifier: [ReadingEntry]] = [:]
    private var releasedOfUnit: [UnitIdentifier: [Released]] = [:]

    package init() {}

    package func restored(model: ActiveModel?) -> EdgeCore.Restored {
        var restored = EdgeCore.Restored()
        restored.accounting = accounting
        restored.lastSequence = lastSequence
        restored.publishedThrough = publishedThrough
        restored.shelf = wholeShelf
        restored.model = model
        restored.salvages = salvages
        let from = restored.sketchedFrom
        restored.sketched = readings.filter { $0.outcome == .scored && $0.sequence >= from }
        return restored
    }

    /// The shelf with the sizes of its blocks, as a real store reads them back.
    package var wholeShelf: ModelShelf {
        var whole = shelf
        whole.blocks = blocks.mapValues { $0.mapValues(\.count) }
        whole.counter = max(shelf.counter, counterBeside)
        return whole
    }

    // MARK: Reading

    package func history(
        of unit: UnitIdentifier, parameters: Digest?, checkpointThrough limit: CycleCount? = nil
    ) -> UnitHistory {
        guard let record = units[unit] else {
            return UnitHistory(unit: unit, record: nil, checkpoint: nil, replay: [])
        }
        let marks = events.filter { $0.unit == unit && $0.installation == record.installation }
            .map { EngineMark($0.kind, cycle: $0.cycle) }
        guard let parameters else {
            return UnitHistory(
                unit: unit, record: record, checkpoint: nil, replay: [], marks: marks)
        }
        var checkpoint: FeatureState?
        if let kept = checkpoints[unit], kept.parametersDigest == parameters,
            kept.installation == record.installation, limit.map({ kept.cycle <= $0 }) ?? true
        {
            checkpoint = FeatureState(encoded: kept.state)
        }
        let after = checkpoint?.lastCycle?.cycles ?? 0
        return UnitHistory(
            unit: unit, record: record, checkpoint: checkpoint,
            replay: applied(unit, record.installation).filter { $0.cycle.cycles > after },
            marks: marks)
    }

    /// Applied readings of an installation that are still here, in order of cycle.
    private func applied(_ unit: UnitIdentifier, _ installation: Int32) -> [Snapshot] {
        var snapshots: [Snapshot] = []
        for entry in rowsOfUnit[unit] ?? []
        where entry.key.installation == installation && entry.outcome != .late {
            snapshots.append(entry.snapshot)
        }
        return snapshots.sorted { $0.cycle < $1.cycle }
    }

    package func events(of unit: UnitIdentifier, installation: Int32) -> EventHistory {
        let previous = installation - 1
        let kept = (rowsOfUnit[unit] ?? [])
            .filter { $0.key.installation == previous && $0.outcome != .late }
            .map(\.key.cycle.cycles)
        let released = (releasedOfUnit[unit] ?? []).filter { $0.installation == previous }
            .map(\.cycle.cycles)
        return EventHistory(
            known: events.filter { $0.unit == unit }.map {
                EventHistory.Known(
                    installation: $0.installation, kind: $0.kind, cycle: $0.cycle)
            }, previousLastCycle: (kept + released).max() ?? 0)
    }

    package func newestUnits(limit: Int) -> [UnitIdentifier] {
        var newest: [UnitIdentifier] = []
        for entry in readings.reversed() where !newest.contains(entry.key.unit) {
            newest.append(entry.key.unit)
        }
        return Array(newest.prefix(limit))
    }

    package func newestReadings(
        of unit: UnitIdentifier, limit: Int
    ) -> (snapshots: [Snapshot], marks: [EngineMark]) {
        guard let record = units[unit] else { return ([], []) }
        let marks = history(of: unit, parameters: nil).marks
        return (Array(applied(unit, record.installation).suffix(limit)), marks)
    }

    package func known(_ unit: UnitIdentifier, cycle: CycleCount) -> [KnownReading] {
        let kept = (rowsOfUnit[unit] ?? []).filter { $0.key.cycle == cycle }.map {
            KnownReading(installation: $0.key.installation, payloadHash: $0.payloadHash)
        }
        let released = (releasedOfUnit[unit] ?? []).filter { $0.cycle == cycle }.map {
            KnownReading(installation: $0.installation, payloadHash: $0.hash)
        }
        return kept + released
    }

    package func scored(
        after sequence: Int64, limit: Int
    ) -> (entries: [ReadingEntry], through: Int64) {
        var entries: [ReadingEntry] = []
        for entry in readings[place(of: sequence)...] where entry.scoring != nil {
            guard entries.count < limit else { break }
            entries.append(entry)
        }
        let isWhole = entries.count < limit
        return (entries, isWhole ? lastSequence : entries.last?.sequence ?? lastSequence)
    }

    package func page(
        after sequence: Int64, limit: Int
    ) -> (entries: [LogEntry], through: Int64, more: Bool) {
        var all = readings[place(of: sequence)...].prefix(limit + 1).map { LogEntry.reading($0) }
        all += quarantined.filter { $0.sequence > sequence }.map { .quarantine($0) }
        all += events.filter { $0.sequence > sequence }.map { .event($0) }
        all.sort { $0.sequence < $1.sequence }
        let entries = Array(all.prefix(limit))
        return (entries, entries.last?.sequence ?? sequence, entries.count < all.count)
    }

    /// The index of the first reading beyond a sequence.
    private func place(of sequence: Int64) -> Int {
        var low = 0
        var high = readings.count
        while low < high {
            let middle = (low + high) / 2
            if readings[middle].sequence > sequence { high = middle } else { low = middle + 1 }
        }
        return low
    }

    /// The bytes of a bundle's blocks, joined.
    package func bundle(_ digest: Digest) -> [UInt8] {
        (blocks[digest] ?? [:]).sorted { $0.key < $1.key }.flatMap(\.value)
    }

    // MARK: Writing

    package mutating func commit(_ batch: Batch) {
        for entry in batch.readings {
            precondition(entry.sequence > lastSequence, "sequences only go up")
            let isNew = known(entry.key.unit, cycle: entry.key.cycle).allSatisfy {
                $0.installation != entry.key.installation
            }
            precondition(isNew, "a key is unique")
            rowsOfUnit[entry.key.unit, default: []].append(entry)
        }
        readings += batch.readings
        quarantined += batch.quarantined
        for (unit, record) in batch.units { units[unit] = record }
        events += batch.events
        for unit in batch.staleCheckpoints { checkpoints[unit] = nil }
        for checkpoint in batch.checkpoints { checkpoints[checkpoint.unit] = checkpoint }
        accounting = batch.accounting
        publishedThrough = max(publishedThrough, batch.publishedThrough)
        lastSequence = max(
            lastSequence, batch.readings.last?.sequence ?? 0,
            batch.quarantined.last?.sequence ?? 0, batch.events.last?.sequence ?? 0)
    }

    /// Deletes the oldest readings; their keys and hashes stay.
    package mutating func release(_ count: Int) -> [ReadingEntry] {
        let gone = Array(readings.prefix(count))
        for entry in gone {
            let unit = entry.key.unit
            rowsOfUnit[unit]?.removeAll { $0.sequence == entry.sequence }
            releasedOfUnit[unit, default: []].append(
                Released(
                    installation: entry.key.installation, cycle: entry.key.cycle,
                    hash: entry.payloadHash))
            // A checkpoint that a released reading follows could not be replayed from.
            if let kept = checkpoints[unit], kept.installation == entry.key.installation,
                entry.key.cycle > kept.cycle
            {
                checkpoints[unit] = nil
            }
        }
        readings.removeFirst(gone.count)
        return gone
    }

    /// Deletes the oldest refused payloads.
    package mutating func releaseQuarantine(_ count: Int) {
        quarantined.removeFirst(min(count, quarantined.count))
    }

    /// What a salvage leaves behind, and what a damaged page took with it.
    package mutating func salvage(losingOffers: Bool) {
        checkpoints = [:]
        pulledThrough = 0
        salvages.append(
            SalvageReport(
                setAside: "store.damaged-1", reason: "a simulated page", at: 0,
                readings: Int64(readings.count), lost: 0))
        guard losingOffers else { return }
        shelf.counter = 0
        shelf.accepted = nil
    }

    /// The second copy of the release counter is gone as well: only a check of the checker does.
    package mutating func forgetCounterBeside() { counterBeside = 0 }

    /// Writes a reading against every rule: only a check of the checker does.
    package mutating func write(
        _ entry: ReadingEntry, anew sequence: Int64, daysLater days: Int64 = 0
    ) {
        let changed = ReadingEntry(
            sequence: sequence, key: entry.key, snapshot: entry.snapshot,
            payloadHash: entry.payloadHash, outcome: entry.outcome,
            receivedAt: entry.receivedAt + days * 86_400_000, unprotected: entry.unprotected,
            scoring: entry.scoring)
        readings.append(changed)
        rowsOfUnit[entry.key.unit, default: []].append(changed)
    }

    /// Deletes the newest reading against every rule: only a check of the checker does.
    package mutating func takeNewestReading() -> ReadingEntry? {
        guard let last = readings.popLast() else { return nil }
        rowsOfUnit[last.key.unit]?.removeAll { $0.sequence == last.sequence }
        return last
    }

    package mutating func apply(_ change: ModelChange) {
        switch change {
        case .accept(let offer, let bundle, let counter):
            shelf.accepted = offer
            shelf.counter = counter
            counterBeside = max(counterBeside, counter)
            shelf.refusals.removeAll { $0.counter < counter }
            candidate = bundle
        case .storeBlock(let bundle, let index, let bytes):
            blocks[bundle, default: [:]][index] = bytes
            return
        case .activate(let bundle):
            if shelf.active != bundle {
                shelf.fallback = shelf.active
                shelf.active = bundle
            }
            candidate = nil
            shelf.trials = [bundle: 0]
        case .refuse(let bundle, let counter, let reason):
            shelf.refusals.append(.init(bundle: bundle, counter: counter, reason: reason))
            shelf.trials[bundle] = nil
            candidate = nil
        case .hold(let bundle, let counter, let reason):
            shelf.refusals.append(
                .init(bundle: bundle, counter: counter, reason: reason, isHeld: true))
            shelf.trials[bundle] = nil
        case .rollBack(let bundle, let counter, let reason):
            shelf.refusals.append(.init(bundle: bundle, counter: counter, reason: reason))
            drop(bundle)
        case .discard(let bundle):
            drop(bundle)
            blocks[bundle] = nil
        case .setStarts(let bundle, let starts):
            shelf.trials[bundle] = starts
            return
        case .endTrial(let bundle):
            shelf.trials[bundle] = nil
            return
        }
        let slots = [candidate, shelf.active, shelf.fallback]
        blocks = blocks.filter { slots.contains($0.key) }
        shelf.trials = shelf.trials.filter { slots.contains($0.key) }
    }

    private mutating func drop(_ bundle: Digest) {
        if shelf.fallback == bundle { shelf.fallback = nil }
        guard shelf.active == bundle else { return }
        shelf.active = shelf.fallback
        shelf.fallback = nil
    }
}
