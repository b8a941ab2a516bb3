import EdgeCore
import EdgeProtocol
import EdgeRuntime
import Prognostics
import SQLite
import Sodium
import TestSupport
import Testing

/// A device store that is fed from a made-up fleet: 12 units that report in turn.
final class FilledStore {
    static let unitCount = 12

    let folder: TemporaryFolder
    private(set) var store: EdgeStore
    /// Readings committed so far; their sequences run from 1.
    private(set) var count = 0
    private let budget: DiskBudget?
    /// A run identifier that makes rows as large as a test wants them.
    private let runID: String

    private let disk: FaultyDisk?

    init(
        whenFull: DiskBudget.WhenFull? = .stop, rowSize: Int = 300, disk: FaultyDisk? = nil
    ) throws {
        folder = try TemporaryFolder("store")
        budget = whenFull.map { DiskBudget(size: DiskBudget.sizeMin, whenFull: $0) }
        runID = String(repeating: "r", count: max(1, rowSize - 250))
        self.disk = disk
        store = try Self.open(folder, budget, disk)
    }

    private static func open(
        _ folder: TemporaryFolder, _ budget: DiskBudget?, _ disk: FaultyDisk?
    ) throws -> EdgeStore {
        let store = try EdgeStore.open(
            path: folder.path("s.sqlite"), newStoreID: "s",
            configuration: disk?.configuration ?? Database.Configuration())
        if let budget { try store.keep(within: budget) }
        return store
    }

    func reopen() throws {
        store.close()
        store = try Self.open(folder, budget, disk)
    }

    /// The reading of a sequence: units take turns, cycles go up.
    static func key(_ sequence: Int) throws -> ReadingKey {
        let unit = try EdgeStoreTests.unit("u\((sequence - 1) % unitCount)")
        let cycle = try #require(CycleCount(Int32((sequence - 1) / unitCount + 1)))
        return ReadingKey(unit: unit, installation: 1, cycle: cycle)
    }

    /// Commits the next `size` readings in one batch, all received at `millis`.
    func commit(_ size: Int, at millis: Int64 = 0, publishedThrough: Int64 = 0) throws {
        var batch = Batch()
        for sequence in count + 1...count + size {
            let key = try Self.key(sequence)
            let snapshot = try EdgeStoreTests.snapshot(key.cycle.cycles)
            batch.readings.append(
                ReadingEntry(
                    sequence: Int64(sequence), key: key, snapshot: snapshot,
                    payloadHash: SHA256.digest(of: snapshot.canonicalBytes), outcome: .scored,
                    receivedAt: millis, unprotected: false,
                    scoring: ReadingEntry.Scoring(
                        prediction: Prediction(
                            rul: 80, rulLow: 60, rulHigh: 100, failureProbability: 0.125,
                            flags: []), runID: runID, latencyMicros: 42)))
        }
        batch.accounting.received = Int64(count + size)
        batch.accounting.scored = Int64(count + size)
        batch.publishedThrough = publishedThrough
        for number in 0..<min(Self.unitCount, count + size) {
            // The latest reading of this unit, and how many it had.
            let last = (count + size - 1 - number) / Self.unitCount * Self.unitCount + number + 1
            let key = try Self.key(last)
            var accounting = Accounting()
            accounting.received = Int64(key.cycle.cycles)
            accounting.scored = accounting.received
            batch.units.append(
                (
                    unit: key.unit,
                    record: UnitRecord(
                        installation: 1, lastCycle: key.cycle.cycles, accounting: accounting)
                ))
        }
        try store.commit(batch)
        count += size
    }

    /// Commits batches until the store refuses one.
    func fill(batch size: Int = 100) throws -> SQLiteError {
        while true {
            do { try commit(size) } catch let error as SQLiteError { return error }
        }
    }

    /// The first column of a query's first row.
    func number(_ sql: String) throws -> Int64 {
        let database = try Database(path: folder.path("s.sqlite"), mode: .readOnly)
        return try #require(try database.scalar(sql))
    }

    /// Bytes that all files of the store take on the disk together, log and ballast included.
    func diskSize() throws -> Int {
        try folder.names().reduce(0) { sum, name in try sum + folder.size(name) }
    }
}
