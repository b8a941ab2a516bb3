import EdgeCore
import EdgeProtocol
import EdgeRuntime
import Prognostics
import SQLite
import Simulation
import TestSupport

/// The device's real store on a faulty disk, for a simulated world.
///
/// One seed decides which calls meet a power cut or a failing operation. When the power goes within
/// a call, the process is gone at that moment, whatever the call returns: nothing that it would do
/// next, least of all a PUBACK, is seen by anybody.
final class FaultyDeviceStore: SimulatedStore {
    private static let name = "s.sqlite"
    /// Read errors that are injected into a run: each sets a damaged store aside.
    private static let readErrorsMax = 3

    private(set) var storeID = "store-1"
    private(set) var coverage = Coverage()
    /// What SQLite found wrong with a file after a crash: nothing may be.
    private(set) var damage: [String] = []
    var isCalm = false {
        didSet {
            disk.cut(at: 0)
            disk.failNone()
        }
    }

    private let folder: TemporaryFolder
    /// Instead of the store's own setting.
    private let synchronous: Database.Configuration.Synchronous?
    private let hasCuts: Bool
    private let hasErrors: Bool
    private var random: SplitMix64
    private var disk: FaultyDisk
    private var store: EdgeStore?
    /// Why the next process must salvage the file.
    private var damageSeen: String?
    private var readErrors = 0
    private var salvages = 0
    /// A change whose call failed, and the shelf before it.
    private var doubtful: (change: ModelChange, shelf: ModelShelf)?
    private var belated: ModelChange?

    private var path: String { folder.path(Self.name) }

    init(seed: UInt64, synchronous: Database.Configuration.Synchronous? = nil) throws {
        random = SplitMix64(seed: seed &* 17 &+ 3)
        hasCuts = !random.oneIn(4)
        hasErrors = !random.oneIn(4)
        self.synchronous = synchronous
        folder = try TemporaryFolder("world")
        disk = try FaultyDisk()
    }

    // MARK: Faults

    /// Lets a call meet what its seed has for it, and says what became of it.
    private func call<Result>(
        isWrite: Bool, _ body: (EdgeStore) throws(EdgeRuntimeError) -> Result
    ) throws(StoreFailure) -> Result {
        guard let store else { throw .ends("no store is open") }
        return try meetingFaults(isWrite: isWrite) { () throws(EdgeRuntimeError) in
            try body(store)
        }
    }

    private func meetingFaults<Result>(
        isWrite: Bool, _ body: () throws(EdgeRuntimeError) -> Result
    ) throws(StoreFailure) -> Result {
        arm(isWrite: isWrite)
        let failures = disk.failures
        let outcome = Swift.Result { () throws(EdgeRuntimeError) in try body() }
        disk.failNone()
        if !isWrite, disk.failures > failures {
            readErrors += 1
            coverage.count(.readFailed)
        }
        // Whatever it returned: who asked is no more.
        if disk.isCut { throw .powerCut }
        switch outcome {
        case .success(let result): return result
        case .failure(let error):
            if error.isDamage { damageSeen = error.description }
            throw error.isDamage || !isWrite
                ? .ends(error.description) : .refused(error.description)
        }
    }

    private func arm(isWrite: Bool) {
        guard !isCalm else { return }
        if hasCuts, isWrite, random.oneIn(40) {
            disk.cut(at: disk.operations + 1 + random.below(12))
        }
        guard hasErrors, random.oneIn(12) else { return }
        guard isWrite else {
            // Most reads are answered by SQLite's cache and never get here.
            guard readErrors < Self.readErrorsMax else { return }
            return disk.fail(.read, after: random.below(20), count: 1, code: 266)
        }
        let skip = random.below(6)
        switch random.below(4) {
        case 0: disk.fail(.write, after: skip, count: 1, code: 778)
        case 1: disk.fail(.write, after: skip, count: 1 + random.below(40), code: 13)
        // A commit waits for one sync, and a copy of the log for two more.
        case 2: disk.fail(.sync, after: random.below(2), count: 1, code: 1_034)
        default: disk.fail(.truncate, after: 0, count: 1, code: 1_546)
        }
    }

    // MARK: Opening and ending

    func reopen() throws(StoreFailure) {
        try salvageIfNeeded()
        let configuration = configuration
        let opened = try meetingFaults(isWrite: false) { () throws(EdgeRuntimeError) in
            let store = try EdgeStore.open(
                path: path, newStoreID: storeID, configuration: configuration)
            self.store = store
            if let found = try store.firstDamage() {
                throw .store(.damaged(found, in: "quick_check", path: path))
            }
            try store.models.repairCounter()
            return store
        }
        storeID = opened.storeID
        if let (change, before) = doubtful {
            doubtful = nil
            let after = try call(isWrite: false) { store throws(EdgeRuntimeError) in
                try store.models.shelf()
            }
            if Self.shows(change, before: before, after: after) { belated = change }
        }
    }

    private var configuration: Database.Configuration {
        var configuration = disk.configuration
        if let synchronous { configuration.synchronous = synchronous }
        return configuration
    }

    /// As the agent does: what cannot be read is set aside, the rest goes into a new store.
    private func salvageIfNeeded() throws(StoreFailure) {
        guard let reason = damageSeen else { return }
        damageSeen = nil
        // Only an operation that was made to fail may look like damage.
        if disk.failures == 0 { damage.append(reason) }
        salvages += 1
        coverage.count(.salvage)
        do throws(EdgeRuntimeError) {
            try StoreRecovery.salvage(
                path: path, newStoreID: "store-\(salvages + 1)", reason: reason, nowMillis: 0)
        } catch {
            throw .ends(error.description)
        }
        storeID = "store-\(salvages + 1)"
        // The new store was synced by whoever made it: nothing of it can be lost.
        guard let fresh = try? FaultyDisk() else { throw .ends("no memory") }
        disk = fresh
    }

    /// Whether a shelf is as it is only because of a change.
    private static func shows(
        _ change: ModelChange, before: ModelShelf, after: ModelShelf
    ) -> Bool {
        switch change {
        case .accept(_, _, let counter): before.counter < counter && after.counter == counter
        case .activate(let bundle): before.active != bundle && after.active == bundle
        case .refuse(let bundle, _, _), .hold(let bundle, _, _), .rollBack(let bundle, _, _):
            after.refusals.count { $0.bundle == bundle }
                > before.refusals.count { $0.bundle == bundle }
        case .storeBlock, .discard, .setStarts, .endTrial: false
        }
    }

    func takeBelatedChange() -> ModelChange? {
        defer { belated = nil }
        return belated
    }

    func end(_ end: ProcessEnd) {
        if end == .orderly, !disk.isCut { store?.close() }
        let hasLostPower = end == .powerCut || disk.isCut
        // A process that dies copies nothing back.
        disk.stop(true)
        store?.close()
        store = nil
        if hasLostPower {
            let seed = random.oneIn(3) ? 0 : random.next() | 1
            do {
                try disk.loseUnsynced(seed: seed)
            } catch {
                preconditionFailure("\(error)")
            }
            // Shared memory does not outlive the power.
            try? folder.remove(Self.name + "-shm")
        }
        disk.stop(false)
        disk.failNone()
    }

    // MARK: Writing

    func commit(_ batch: Batch) throws(StoreFailure) {
        do throws(StoreFailure) {
            try call(isWrite: true) { store throws(EdgeRuntimeError) in
                do throws(SQLiteError) { try store.commit(batch) } catch { throw .store(error) }
            }
        } catch {
            coverage.count(error == .powerCut ? .commitTorn : .commitFailed)
            throw error
        }
        doubtful = nil
    }

    func apply(_ change: ModelChange) throws(StoreFailure) {
        guard let before = try? store?.models.shelf() else { throw .ends("no shelf is there") }
        do throws(StoreFailure) {
            try call(isWrite: true) { store throws(EdgeRuntimeError) in
                try store.models.apply(change)
            }
        } catch {
            coverage.count(.modelChangeFailed)
            // Until something else is written, the next process may find it done.
            doubtful = (change, before)
            throw error
        }
        doubtful = nil
    }

    func storePublished(through sequence: Int64) throws(StoreFailure) {
        try call(isWrite: true) { store throws(EdgeRuntimeError) in
            try store.storePublished(through: sequence)
        }
    }

    func storePulled(through sequence: Int64) throws(StoreFailure) {
        try call(isWrite: true) { store throws(EdgeRuntimeError) in
            try store.storePulled(through: sequence)
        }
    }

    func takeReleased() -> [(entry: ReadingEntry, isCounted: Bool)] { [] }

    // MARK: Reading

    private func read<Result>(
        _ body: (EdgeStore) throws(EdgeRuntimeError) -> Result
    ) throws(StoreFailure) -> Result {
        try call(isWrite: false, body)
    }

    func restore() throws(StoreFailure) -> EdgeCore.Restored {
        try read { store throws(EdgeRuntimeError) in try store.restore() }
    }

    func history(
        of unit: UnitIdentifier, parameters: Digest?, checkpointThrough: CycleCount?
    ) throws(StoreFailure) -> UnitHistory {
        let history = try read { store throws(EdgeRuntimeError) in
            try store.history(
                of: unit, parameters: parameters, checkpointThrough: checkpointThrough)
        }
        if history.checkpoint != nil { coverage.count(.fromCheckpoint) }
        return history
    }

    func known(_ unit: UnitIdentifier, cycle: CycleCount) throws(StoreFailure) -> [KnownReading] {
        try read { store throws(EdgeRuntimeError) in try store.known(unit, cycle: cycle) }
    }

    func events(
        of unit: UnitIdentifier, installation: Int32
    ) throws(StoreFailure) -> EventHistory {
        try read { store throws(EdgeRuntimeError) in
            try store.events(of: unit, installation: installation)
        }
    }

    func newestUnits(limit: Int) throws(StoreFailure) -> [UnitIdentifier] {
        try read { store throws(EdgeRuntimeError) in try store.newestUnits(limit: limit) }
    }

    func newestReadings(
        of unit: UnitIdentifier, limit: Int
    ) throws(StoreFailure) -> (snapshots: [Snapshot], marks: [EngineMark]) {
        try read { store throws(EdgeRuntimeError) in
            try store.newestReadings(of: unit, limit: limit)
        }
    }

    func scored(
        after sequence: Int64, limit: Int
    ) throws(StoreFailure) -> (entries: [ReadingEntry], through: Int64) {
        try read { store throws(EdgeRuntimeError) in
            try store.log.scored(after: sequence, limit: limit)
        }
    }

    func page(
        after sequence: Int64, limit: Int
    ) throws(StoreFailure) -> (entries: [LogEntry], through: Int64, more: Bool) {
        let page = try read { store throws(EdgeRuntimeError) in
            try store.log.page(after: sequence, limit: limit)
        }
        return (page.entries, page.through, page.more)
    }

    func bundle(_ digest: Digest) throws(StoreFailure) -> [UInt8] {
        try read { store throws(EdgeRuntimeError) in try store.models.bundle(digest) }
    }

    func shelf() throws(StoreFailure) -> ModelShelf {
        try read { store throws(EdgeRuntimeError) in try store.models.shelf() }
    }

    func inspect(after sequence: Int64) -> (entries: [LogEntry], accounting: Accounting) {
        do {
            guard let store else { throw TestSupportError("no store is open") }
            var entries: [LogEntry] = []
            var after = sequence
            var hasMore = true
            while hasMore {
                let page = try store.log.page(after: after, limit: 1_000)
                entries += page.entries
                (after, hasMore) = (page.through, page.more)
            }
            return (entries, try store.restore().accounting)
        } catch {
            preconditionFailure("the checker cannot read the store: \(error)")
        }
    }
}
