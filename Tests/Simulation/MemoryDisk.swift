import EdgeCore
import EdgeProtocol
import Prognostics

/// A ``MemoryStore`` on a disk that refuses, tears, forgets and flips, as its seed decides.
final class MemoryDisk: SimulatedStore {
    private static let sliceCount = 8

    private(set) var storeID = "store-1"
    private(set) var coverage = Coverage()
    var isCalm = false

    private let plan: FaultPlan
    private let sabotage: Sabotage
    private var random: SplitMix64
    private var store = MemoryStore()
    /// Cursors as of the last sync; their own writes wait for nothing.
    private var synced: (published: Int64, pulled: Int64) = (0, 0)
    /// A batch whose COMMIT failed after its bytes were written: recovery may find it whole.
    private var ghost: Batch?
    private var isFull = false
    private var mustSalvage = false
    /// Units whose checkpoint has lost a bit, and with it its digest.
    private var flipped: Set<UnitIdentifier> = []
    private var released: [(entry: ReadingEntry, isCounted: Bool)] = []
    private let budget: DiskBudget

    init(plan: FaultPlan, sabotage: Sabotage, seed: UInt64) {
        self.plan = plan
        self.sabotage = sabotage
        random = SplitMix64(seed: seed &* 31 &+ 5)
        budget = DiskBudget(
            size: DiskBudget.sizeMin,
            whenFull: plan.releasesUnpulled ? .releaseOldestCounted : .stop)
    }

    private func happens(_ kind: Bool, oneIn count: Int) -> Bool {
        kind && !isCalm && random.oneIn(count)
    }

    // MARK: Reading

    func restore() throws(StoreFailure) -> EdgeCore.Restored { store.restored(model: nil) }

    private func read() throws(StoreFailure) {
        guard happens(plan.disk && plan.damage, oneIn: 300) else { return }
        coverage.count(.readFailed)
        mustSalvage = true
        throw .ends("EIO while reading")
    }

    func history(
        of unit: UnitIdentifier, parameters: Digest?, checkpointThrough: CycleCount?
    ) throws(StoreFailure) -> UnitHistory {
        try read()
        if flipped.remove(unit) != nil { store.checkpoints[unit] = nil }
        let history = store.history(
            of: unit, parameters: parameters, checkpointThrough: checkpointThrough)
        if history.record != nil { coverage.count(.evictedUnitBack) }
        if history.checkpoint != nil { coverage.count(.fromCheckpoint) }
        return history
    }

    func known(_ unit: UnitIdentifier, cycle: CycleCount) throws(StoreFailure) -> [KnownReading] {
        try read()
        return store.known(unit, cycle: cycle)
    }

    func events(
        of unit: UnitIdentifier, installation: Int32
    ) throws(StoreFailure) -> EventHistory { store.events(of: unit, installation: installation) }

    func newestUnits(limit: Int) throws(StoreFailure) -> [UnitIdentifier] {
        store.newestUnits(limit: limit)
    }

    func newestReadings(
        of unit: UnitIdentifier, limit: Int
    ) throws(StoreFailure) -> (snapshots: [Snapshot], marks: [EngineMark]) {
        store.newestReadings(of: unit, limit: limit)
    }

    func scored(
        after sequence: Int64, limit: Int
    ) throws(StoreFailure) -> (entries: [ReadingEntry], through: Int64) {
        store.scored(after: sequence, limit: limit)
    }

    func page(
        after sequence: Int64, limit: Int
    ) throws(StoreFailure) -> (entries: [LogEntry], through: Int64, more: Bool) {
        var page = store.page(after: sequence, limit: limit)
        if sabotage == .skipsInPage, page.entries.count > 3 { page.entries.remove(at: 1) }
        return page
    }

    func bundle(_ digest: Digest) throws(StoreFailure) -> [UInt8] { store.bundle(digest) }

    func shelf() throws(StoreFailure) -> ModelShelf { store.wholeShelf }

    func inspect(after sequence: Int64) -> (entries: [LogEntry], accounting: Accounting) {
        (store.page(after: sequence, limit: Int.max - 1).entries, store.accounting)
    }

    // MARK: Writing

    /// Whether a write is refused: the disk is full for a while, or an operation fails once.
    private func refuses() -> Bool {
        if isCalm { isFull = false }
        if isFull {
            coverage.count(.diskFull)
            isFull = !random.oneIn(6)
            return true
        }
        isFull = happens(plan.disk, oneIn: 200)
        return isFull || happens(plan.disk, oneIn: 40)
    }

    func commit(_ batch: Batch) throws(StoreFailure) {
        if happens(plan.disk && plan.crashes, oneIn: 60) {
            coverage.count(.commitTorn)
            throw .powerCut
        }
        try makeRoom()
        if refuses() {
            coverage.count(.commitFailed)
            ghost = random.oneIn(3) ? batch : nil
            throw .refused("EIO while writing")
        }
        write(batch)
    }

    private func write(_ batch: Batch) {
        var batch = batch
        if sabotage == .losesReading { _ = batch.readings.popLast() }
        if sabotage == .miscounts {
            // Balanced all the same: that alone proves little.
            batch.accounting.received += 1
            batch.accounting.suppressed += 1
        }
        if sabotage == .marksUnpublished {
            batch.publishedThrough = batch.readings.last?.sequence ?? 0
        }
        store.commit(batch)
        if sabotage == .doublesReading, let last = batch.readings.last {
            store.write(last, anew: last.sequence + 1)
        }
        for checkpoint in batch.checkpoints { flipped.remove(checkpoint.unit) }
        sync()
    }

    private func sync() {
        ghost = nil
        synced = (store.publishedThrough, store.pulledThrough)
    }

    func apply(_ change: ModelChange) throws(StoreFailure) {
        guard !refuses() else {
            coverage.count(.modelChangeFailed)
            throw .refused("ENOSPC while writing")
        }
        store.apply(change)
        sync()
    }

    func storePublished(through sequence: Int64) throws(StoreFailure) {
        guard !refuses() else { throw .refused("ENOSPC while writing") }
        store.publishedThrough = max(store.publishedThrough, sequence)
    }

    func storePulled(through sequence: Int64) throws(StoreFailure) {
        guard !refuses() else { throw .refused("ENOSPC while writing") }
        store.pulledThrough = max(store.pulledThrough, sequence)
    }

    // MARK: Budget

    private func makeRoom() throws(StoreFailure) {
        guard let rows = plan.budgetRows else { return }
        for _ in 0..<DiskBudget.slicesMax {
            let count = store.readings.count + store.quarantined.count
            let through = min(store.pulledThrough, store.publishedThrough)
            let slice = store.readings.prefix(Self.sliceCount).prefix { $0.sequence <= through }
            let action = budget.action(
                used: Int64(count) * (budget.size / Int64(rows)),
                hasAcknowledged: !slice.isEmpty, hasQuarantine: !store.quarantined.isEmpty)
            switch action {
            case .proceed: return
            case .releaseAcknowledged: release(slice.count, isCounted: false)
            case .releaseQuarantine: store.releaseQuarantine(Self.sliceCount)
            case .releaseUnpulled: release(Self.sliceCount, isCounted: true)
            case .stop:
                coverage.count(.logFull)
                throw .refused("the disk budget is used up")
            }
        }
    }

    private func release(_ count: Int, isCounted: Bool) {
        let gone = store.release(count)
        coverage.count(isCounted ? .releasedUnpulled : .released, times: gone.count)
        released += gone.map { ($0, isCounted && sabotage != .releasesUncounted) }
        // A release is a transaction of its own, and syncs what was written before it.
        sync()
    }

    func takeReleased() -> [(entry: ReadingEntry, isCounted: Bool)] {
        defer { released = [] }
        return released
    }

    func takeBelatedChange() -> ModelChange? { nil }

    // MARK: The process ends

    func end(_ end: ProcessEnd) {
        if end == .powerCut, (store.publishedThrough, store.pulledThrough) != synced {
            coverage.count(.forgottenWrite)
            store.publishedThrough = synced.published
            store.pulledThrough = synced.pulled
        }
        if end != .orderly, let ghost {
            coverage.count(.commitBack)
            write(ghost)
        }
        ghost = nil
        isFull = false
        if end != .orderly { spoil() }
        if happens(plan.damage, oneIn: 3) { flip() }
        if happens(plan.damage, oneIn: 8) { mustSalvage = true }
    }

    /// What a sabotaged store does to its newest reading when the process is killed.
    private func spoil() {
        guard sabotage == .forgetsReading || sabotage == .changesReading,
            let last = store.takeNewestReading()
        else { return }
        if sabotage == .changesReading { store.write(last, anew: last.sequence, daysLater: 1) }
    }

    /// One bit of a stored block or checkpoint changes.
    private func flip() {
        let bundles = store.blocks.keys.sorted { $0.description < $1.description }
        if let bundle = bundles.first, random.oneIn(2) {
            let digest = random.pick(bundles + [bundle])
            let index = random.below(store.blocks[digest]?.count ?? 1)
            guard let count = store.blocks[digest]?[index]?.count else { return }
            store.blocks[digest]?[index]?[random.below(count)] ^= 1 << UInt8(random.below(8))
            coverage.count(.flippedStoredBlock)
        } else if let unit = store.checkpoints.keys.sorted().first {
            flipped.insert(unit)
            coverage.count(.flippedCheckpoint)
        }
    }

    func reopen() throws(StoreFailure) {
        guard mustSalvage else { return }
        mustSalvage = false
        coverage.count(.salvage)
        let losesOffers = random.oneIn(2)
        if losesOffers { coverage.count(.offersLost) }
        store.salvage(losingOffers: losesOffers)
        if sabotage == .counterOnce { store.forgetCounterBeside() }
        storeID = "store-\(store.salvages.count + 1)"
        sync()
    }
}
