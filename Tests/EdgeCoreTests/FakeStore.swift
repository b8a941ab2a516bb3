import EdgeCore
import EdgeProtocol
import Features
import Prognostics

/// The device's store in memory: what a real one keeps, and nothing that a crash would lose.
struct FakeStore {
    var readings: [ReadingEntry] = []
    var quarantined: [QuarantineEntry] = []
    var units: [UnitIdentifier: UnitRecord] = [:]
    var checkpoints: [UnitIdentifier: Checkpoint] = [:]
    var accounting = Accounting()
    var publishedThrough: Int64 = 0
    var pulledThrough: Int64 = 0
    var shelf = ModelShelf()
    var blocks: [Digest: [Int: [UInt8]]] = [:]
    var candidate: Digest?

    var lastSequence: Int64 {
        max(readings.last?.sequence ?? 0, quarantined.last?.sequence ?? 0)
    }

    func restored(model: ActiveModel?) -> EdgeCore.Restored {
        var restored = EdgeCore.Restored()
        restored.accounting = accounting
        restored.lastSequence = lastSequence
        restored.publishedThrough = publishedThrough
        restored.shelf = shelf
        restored.shelf.blocks = blocks.mapValues { Set($0.keys) }
        restored.model = model
        return restored
    }

    func history(of unit: UnitIdentifier, parameters: Digest?) -> UnitHistory {
        guard let record = units[unit] else {
            return UnitHistory(unit: unit, record: nil, checkpoint: nil, replay: [])
        }
        guard let parameters else {
            return UnitHistory(unit: unit, record: record, checkpoint: nil, replay: [])
        }
        var checkpoint: FeatureState?
        if let kept = checkpoints[unit], kept.parametersDigest == parameters,
            kept.installation == record.installation
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
        return UnitHistory(unit: unit, record: record, checkpoint: checkpoint, replay: replay)
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
        for checkpoint in batch.checkpoints { checkpoints[checkpoint.unit] = checkpoint }
        accounting = batch.accounting
        publishedThrough = max(publishedThrough, batch.publishedThrough)
    }

    mutating func apply(_ change: ModelChange) {
        switch change {
        case .accept(let offer, let bundle, let counter):
            shelf.accepted = offer
            shelf.counter = counter
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
        case .refuse(let bundle, let counter, let reason):
            shelf.refusals.append(.init(bundle: bundle, counter: counter, reason: reason))
            candidate = nil
        }
        blocks = blocks.filter { [candidate, shelf.active, shelf.fallback].contains($0.key) }
    }

    func scored(after sequence: Int64, limit: Int) -> (entries: [ReadingEntry], through: Int64) {
        let entries = Array(
            readings.filter { $0.sequence > sequence && $0.scoring != nil }.prefix(limit))
        let isWhole = entries.count < limit
        return (entries, isWhole ? lastSequence : entries.last?.sequence ?? lastSequence)
    }
}
