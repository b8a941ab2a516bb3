import EdgeCore
import EdgeProtocol
import EdgeRuntime
import Prognostics
import SQLite
import TestSupport
import Testing

/// Cuts the power at every write, sync and truncation of a run, and looks at what is left.
@Suite("Device store, power cuts and disk errors", .serialized, .timeLimit(.minutes(5)))
struct PowerCutTests {
    static let batchSize = 7
    static let batches = (0..<8).map { Array($0 * batchSize..<($0 + 1) * batchSize) }
    static let readings = Set(batches.joined())
    static let bundle = EdgeStoreTests.parameters

    /// What was promised before a run ended.
    struct Promises {
        var acknowledged: Set<Int> = []
        var accepted = false
        var blocks: Set<Int> = []
        var activated = false
    }

    /// A whole run: the store is made, eight batches arrive, a model comes in between.
    static func run(_ path: String, _ configuration: Database.Configuration) throws -> Promises {
        var promises = Promises()
        guard
            let store = try? EdgeStore.open(
                path: path, newStoreID: "first", configuration: configuration)
        else { return promises }
        defer { store.close() }
        guard var device = try? StoredDevice(store) else { return promises }
        let offer = try SignedOffer(bytes: [UInt8](repeating: 3, count: 65))
        for (index, batch) in batches.enumerated() {
            try device.batch(batch)
            promises.acknowledged = device.acknowledged
            guard device.failure == nil else { return promises }
            switch index {
            case 2:
                promises.accepted = stored(store, .accept(offer, bundle: bundle, counter: 1))
            case 3, 4, 5:
                let block = index - 3
                let bytes = [UInt8](repeating: UInt8(block), count: 16_384)
                if stored(store, .storeBlock(bundle: bundle, index: block, bytes: bytes)) {
                    promises.blocks.insert(block)
                }
            case 6: promises.activated = stored(store, .activate(bundle: bundle))
            default: break
            }
        }
        return promises
    }

    private static func stored(_ store: EdgeStore, _ change: ModelChange) -> Bool {
        (try? store.models.apply(change)) != nil
    }

    /// Readings that the store holds, as numbers; a reading that is there twice counts twice.
    static func held(_ store: EdgeStore) throws -> [Int] {
        try store.log.page(after: 0, limit: 1_000).entries.compactMap { entry -> Int? in
            guard case .reading(let reading) = entry else { return nil }
            let unit = try #require(Int(reading.key.unit.description.dropFirst()))
            let number = (Int(reading.key.cycle.cycles) - 1) * 3 + unit
            #expect(reading.snapshot == (try StoredDevice.reading(number).snapshot))
            return number
        }
    }

    /// Promised readings that are not there after a cut at `operation`.
    static func missing(
        cutAt operation: Int, seed: UInt64, _ synchronous: Database.Configuration.Synchronous
    ) throws -> Set<Int> {
        let folder = try TemporaryFolder("cut")
        let path = folder.path("s.sqlite")
        let disk = try FaultyDisk()
        disk.cut(at: operation)
        let promises = try run(path, configuration(disk, synchronous))
        try #require(disk.isCut)
        try disk.loseUnsynced(seed: seed)
        // Shared memory does not outlive the power.
        try? folder.remove("s.sqlite-shm")

        let after = try FaultyDisk()
        let store = try EdgeStore.open(
            path: path, newStoreID: "second", configuration: after.configuration)
        defer { store.close() }
        #expect(try store.firstDamage() == nil, "cut at \(operation), seed \(seed)")
        let held = try held(store)
        let missing = promises.acknowledged.subtracting(held)
        guard synchronous == .full else { return missing }
        let shelf = try store.models.shelf()
        #expect(!promises.accepted || shelf.counter == 1, "offer, cut at \(operation)")
        #expect(
            promises.blocks.isSubset(of: (shelf.blocks[bundle] ?? [:]).keys),
            "blocks, cut at \(operation)")
        #expect(!promises.activated || shelf.active == bundle, "slot, cut at \(operation)")

        // The broker delivers again what it got no acknowledgement for.
        var device = try StoredDevice(store)
        for batch in batches {
            try device.batch(batch.filter { !promises.acknowledged.contains($0) })
        }
        #expect(device.failure == nil)
        #expect(
            try Self.held(store).sorted() == readings.sorted(),
            "each reading once, cut at \(operation), seed \(seed)")
        return missing
    }

    /// A store's own settings where it should wait for the disk: that it does is what is tested.
    private static func configuration(
        _ disk: FaultyDisk, _ synchronous: Database.Configuration.Synchronous
    ) -> Database.Configuration {
        var configuration = disk.configuration
        if synchronous != .full { configuration.synchronous = synchronous }
        return configuration
    }

    /// Operations of a run that nothing disturbs.
    static func operationCount(
        _ synchronous: Database.Configuration.Synchronous = .full
    ) throws -> Int {
        let folder = try TemporaryFolder("cut")
        let disk = try FaultyDisk()
        let promises = try run(folder.path("s.sqlite"), configuration(disk, synchronous))
        #expect(promises.acknowledged == readings && promises.activated)
        return disk.operations
    }

    @Test(
        "Whenever the power goes, every acknowledged reading and stored model change is there once",
        arguments: [0, 0x9e37_79b9_7f4a_7c15, 0xbf58_476d_1ce4_e5b9] as [UInt64])
    func everyOperation(seed: UInt64) throws {
        let count = try Self.operationCount()
        #expect(count > 100)
        for operation in 1...count {
            let missing = try Self.missing(cutAt: operation, seed: seed, .full)
            #expect(missing.isEmpty, "cut at \(operation) of \(count), seed \(seed)")
        }
    }

    @Test("A store that does not wait for the disk is caught losing acknowledged readings")
    func withoutWaiting() throws {
        let count = try Self.operationCount(.normal)
        let losses = try (1...count).filter { operation in
            try !Self.missing(cutAt: operation, seed: 0, .normal).isEmpty
        }
        #expect(losses.count > count / 4)
    }

    /// An operation that fails once, with what SQLite then says.
    struct Fault: CustomTestStringConvertible {
        let testDescription: String
        let operation: FaultyDisk.Operation
        /// An extended result code of SQLite.
        let code: Int32
    }

    @Test(
        "Whichever operation fails once, every reading is there once in the end",
        arguments: [
            Fault(testDescription: "EIO while reading", operation: .read, code: 266),
            Fault(testDescription: "EIO while writing", operation: .write, code: 778),
            Fault(testDescription: "ENOSPC while writing", operation: .write, code: 13),
            Fault(testDescription: "EIO while syncing", operation: .sync, code: 1_034),
            Fault(testDescription: "EIO while truncating", operation: .truncate, code: 1_546),
        ])
    func failingOperation(_ fault: Fault) throws {
        var skip = 0
        while true {
            let folder = try TemporaryFolder("fault")
            let disk = try FaultyDisk()
            disk.failOnce(fault.operation, after: skip, code: fault.code)
            try Self.runThrough(folder, disk)
            // A run without a failure has gone through all of them.
            guard disk.failures > 0 else { break }
            skip += 1
        }
        #expect(skip > (fault.operation == .truncate ? 0 : 10), "\(skip) failures")
    }

    /// Delivers until everything is acknowledged, restarting and salvaging as the agent does.
    private static func runThrough(_ folder: TemporaryFolder, _ disk: FaultyDisk) throws {
        let path = folder.path("s.sqlite")
        var acknowledged: Set<Int> = []
        for _ in 0..<5 where acknowledged != readings {
            let store: EdgeStore
            do {
                store = try EdgeStore.open(
                    path: path, newStoreID: "first", configuration: disk.configuration)
            } catch {
                // Anything but damage goes away by itself: the agent is started again.
                guard error.isDamage else { continue }
                try StoreRecovery.salvage(
                    path: path, newStoreID: "second", reason: "a test", nowMillis: 0)
                continue
            }
            var damage: EdgeRuntimeError?
            do {
                var device = try StoredDevice(store)
                for batch in batches {
                    let open = batch.filter { !acknowledged.contains($0) }
                    if !open.isEmpty { try device.batch(open) }
                    acknowledged.formUnion(device.acknowledged)
                }
                damage = device.failure
            } catch let error as EdgeRuntimeError {
                damage = error
            }
            store.close()
            if damage?.isDamage == true {
                try StoreRecovery.salvage(
                    path: path, newStoreID: "second", reason: "a test", nowMillis: 0)
            }
        }
        #expect(acknowledged == readings, "everything is acknowledged in the end")
        let store = try EdgeStore.open(path: path, newStoreID: "third")
        defer { store.close() }
        #expect(try held(store).sorted() == readings.sorted(), "each reading once")
        #expect(try store.firstDamage() == nil)
    }

    @Test("A full disk stops the store; pulling then frees it at the expense of the ballast")
    func fullDisk() throws {
        let disk = try FaultyDisk()
        let filled = try FilledStore(rowSize: DiskBudgetStoreTests.large, disk: disk)
        let ballast = filled.folder.path("ballast")
        disk.limit(to: 30_000_000, beside: ballast)
        let error = try filled.fill(batch: 100)
        #expect(error.isFull)
        #expect(FileBytes.exists(ballast), "readings do not eat the ballast")
        let count = filled.count
        #expect(try filled.fill(batch: 100).isFull)
        #expect(filled.count == count)

        try filled.store.storePulled(through: Int64(count))
        try filled.store.storePublished(through: Int64(count))
        for _ in 0..<200 where try filled.number("SELECT released FROM progress") == 0 {
            try filled.commit(100)
        }
        #expect(!FileBytes.exists(ballast))
        let report = try #require(try filled.store.diskReport())
        #expect(report.released > 0)
        #expect(report.releasedUnpulled == 0)
        let kept = try filled.number("SELECT count(*) FROM readings")
        #expect(kept + report.released == filled.count)
    }
}
