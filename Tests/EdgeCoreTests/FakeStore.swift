import EdgeCore
import EdgeProtocol
import Features
import Prognostics

/// The device's store in memory: what a real one keeps, and nothing that a crash would lose.
struct FakeStore {
    var readings: [ReadingEntry] = []
    var quarantined: [QuarantineEntry] = []
    var events: [EventEntry] = []
    var units: [UnitIdentifier: UnitRecord] = [:]
    var checkpoints: [UnitIdentifier: Checkpoint] = [:]
    var accounting = Accounting()
    var publishedThrough: Int64 = 0
    var pulledThrough: Int64 = 0
    var shelf = ModelShelf()
    var blocks: [Digest: [Int: [UInt8]]] = [:]
    var candidate: Digest?

    var lastSequence: Int64 {
        max(
            readings.last?.sequence ?? 0, quarantined.last?.sequence ?? 0,
            events.last?.sequence ?? 0)
    }

    func restored(model: ActiveModel?) -> EdgeCore.Restored {
        var restored = EdgeCore.Restored()
        restored.accounting = accounting
        restored.lastSequence = lastSequence
        restored.publishedThrough = publishedThrough
        restored.shelf = wholeShelf
        restored.model = model
        return restored
    }

    /// The shelf with the sizes of its blocks, as a real store reads them back.
    var wholeShelf: ModelShelf {
        var whole = shelf
        whole.blocks = blocks.mapValues { $0.mapValues(\.count) }
        return whole
    }

    func history(
        of unit: UnitIdentifier, parameters: Digest?, checkpointThrough limit: CycleCount? = nil
    ) -> UnitHistory {
        guard let record = units[unit] else {
            return UnitHistory(unit: unit, record: nil, checkpoint: nil, replay: [])
        }
        guard let parameters else {
            return UnitHistory(
                unit: unit, record: record, checkpoint: nil, replay: [],
                marks: marks(of: unit, installation: record.installation))
        }
        var checkpoint: FeatureState?
        if let kept = checkpoints[unit], kept.parametersDigest == parameters,
            kept.installation == record.installation, limit.map({ kept.cycle <= $0 }) ?? true
        {
            checkpoint = FeatureState(encoded: kept.state)
        }
        let after = checkpoint?.lastCycle?.cycles ?? 0
        let replay =
            readings
            .filter {
                $0.key.unit == unit && $0.key.installation == record.installation
                    && $0.key.cycle.cycles > after && $0.outcome != .late
            }
            .map(\.snapshot).sorted { $0.cycle < $1.cycle }
        return UnitHistory(
            unit: unit, record: record, checkpoint: checkpoint, replay: replay,
            marks: marks(of: unit, installation: record.installation))
    }

    private func marks(of unit: UnitIdentifier, installation: Int32) -> [EngineMark] {
        events.filter { $0.unit == unit && $0.installation == installation }
            .map { EngineMark($0.kind, cycle: $0.cycle) }
    }

    func events(of unit: UnitIdentifier, installation: Int32) -> EventHistory {
        let previous = readings.filter {
            $0.key.unit == unit && $0.key.installation == installation - 1 && $0.outcome != .late
        }
        return EventHistory(
            known: events.filter { $0.unit == unit }.map {
                EventHistory.Known(
                    installation: $0.installation, kind: $0.kind, cycle: $0.cycle)
            }, previousLastCycle: previous.map(\.key.cycle.cycles).max() ?? 0)
    }

    func newestUnits(limit: Int) -> [UnitIdentifier] {
        var newest: [UnitIdentifier] = []
        for entry in readings.reversed() where !newest.contains(entry.key.unit) {
            newest.append(entry.key.unit)
        }
        return Array(newest.prefix(limit))
    }

    func newestReadings(
        of unit: UnitIdentifier, limit: Int
    ) -> (snapshots: [Snapshot], marks: [EngineMark]) {
        guard let record = units[unit] else { return ([], []) }
        let all = history(of: unit, parameters: nil)
        let snapshots = readings.filter {
            $0.key.unit == unit && $0.key.installation == record.installation
                && $0.outcome != .late
        }.map(\.snapshot).sorted { $0.cycle < $1.cycle }
        return (snapshots.suffix(limit), all.marks)
    }

    func known(_ unit: UnitIdentifier, cycle: CycleCount) -> [KnownReading] {
        readings.filter { $0.key.unit == unit && $0.key.cycle == cycle }.map {
            KnownReading(installation: $0.key.installation, payloadHash: $0.payloadHash)
        }
    }

    mutating func commit(_ batch: Batch) {
        precondition(
            batch.readings.allSatisfy { $0.sequence > lastSequence }, "sequences only go up")
        let keys = Set(readings.map(\.key))
        precondition(batch.readings.allSatisfy { !keys.contains($0.key) }, "a key is unique")
        readings += batch.readings
        quarantined += batch.quarantined
        for (unit, record) in batch.units { units[unit] = record }
        events += batch.events
        for unit in batch.staleCheckpoints { checkpoints[unit] = nil }
        for checkpoint in batch.checkpoints { checkpoints[checkpoint.unit] = checkpoint }
        accounting = batch.accounting
        publishedThrough = max(publishedThrough, batch.publishedThrough)
    }

    mutating func apply(_ change: ModelChange) {
        switch change {
        case .accept(let offer, let bundle, let counter):
            shelf.accepted = offer
            shelf.counter = counter
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

    func scored(after sequence: Int64, limit: Int) -> (entries: [ReadingEntry], through: Int64) {
        let entries = Array(
            readings.filter { $0.sequence > sequence && $0.scoring != nil }.prefix(limit))
        let isWhole = entries.count < limit
        return (entries, isWhole ? lastSequence : entries.last?.sequence ?? lastSequence)
    }
}
