import EdgeCore
import EdgeProtocol
import EdgeRuntime
import Prognostics
import SQLite
import Sodium
import TestSupport
import Testing

/// Asks what is remembered of readings that left the store, and in how much space.
@Suite("Released readings")
struct ReleasedStoreTests {
    static func hash(_ cycle: Int32) -> Digest {
        SHA256.digest(of: [UInt8(cycle & 255), UInt8(cycle >> 8)])
    }

    // MARK: One installation

    @Test(
        "Whatever is released in whatever order: each cycle stays, the first and last with hash",
        arguments: [1, 2, 3, 4, 5] as [UInt64])
    func anyOrder(seed: UInt64) throws {
        var random = TestRandom(state: seed)
        var cycles = ReleasedCycles()
        var inserted: Set<Int32> = []
        for _ in 0..<400 {
            let cycle = Int32(random.next() % 700) + 1
            cycles.insert(try #require(CycleCount(cycle)), hash: Self.hash(cycle))
            inserted.insert(cycle)
        }
        let decoded = try #require(
            ReleasedCycles(
                bits: cycles.bits, first: cycles.first, newestBytes: cycles.newestBytes))
        #expect(decoded == cycles)
        #expect(decoded.highest == inserted.max())
        let newest = inserted.subtracting([1]).sorted().suffix(ReleasedCycles.newestCountMax)
        for cycle in 0...720 as ClosedRange<Int32> {
            #expect(decoded.contains(cycle) == inserted.contains(cycle), "cycle \(cycle)")
            let isHashed = newest.contains(cycle) || (cycle == 1 && inserted.contains(1))
            #expect(decoded.hash(of: cycle) == (isHashed ? Self.hash(cycle) : nil))
        }
    }

    @Test("The longest life there is takes 3,588 bytes beside its first hash")
    func longestLife() throws {
        var cycles = ReleasedCycles()
        for cycle in 1...CycleCount.limit {
            cycles.insert(try #require(CycleCount(cycle)), hash: Self.hash(cycle))
        }
        #expect(cycles.bits.count == 2_500)
        #expect(cycles.newestBytes.count == 32 * 34)
        #expect(cycles.contains(20_000) && !cycles.contains(20_001))
    }

    @Test("What no release writes is refused: too long, zero at its end, hashes out of order")
    func malformed() throws {
        var cycles = ReleasedCycles()
        for cycle in [1, 9, 10] as [Int32] {
            cycles.insert(try #require(CycleCount(cycle)), hash: Self.hash(cycle))
        }
        let (bits, newest) = (cycles.bits, cycles.newestBytes)
        #expect(bits == [1, 3])
        #expect(ReleasedCycles(bits: bits, first: nil, newestBytes: newest) != nil)
        let swapped = Array(newest[34...] + newest[..<34])
        let refused: [([UInt8], [UInt8])] = [
            (bits + [0], newest), ([UInt8](repeating: 1, count: 2_501), []),
            (bits, swapped), (bits, Array(newest.dropLast())), ([1], newest),
            ([255, 255], Array(repeatElement(newest[..<34], count: 33).joined())),
        ]
        for (bits, newest) in refused {
            #expect(ReleasedCycles(bits: bits, first: nil, newestBytes: newest) == nil)
        }
    }

    // MARK: The store

    /// Commits one life and releases it whole.
    private func live(
        _ cycles: ClosedRange<Int32>, installation: Int32, from sequence: Int64,
        in store: EdgeStore
    ) throws {
        try store.commit(
            try EdgeStoreTests.batch(
                "u1", cycles: cycles, from: sequence, installation: installation))
        let database = store.path
        try store.released.remember(through: sequence + Int64(cycles.count) - 1)
        let other = try Database(path: database, mode: .readWriteCreate)
        try other.execute("DELETE FROM readings")
    }

    @Test("A thousand engines under one name leave no more behind than 256, the last two whole")
    func manyEngines() throws {
        let folder = try TemporaryFolder("store")
        let store = try EdgeStore.open(path: folder.path("s.sqlite"), newStoreID: "s")
        let unit = try EdgeStoreTests.unit("u1")
        var sizes: [Int64] = []
        for engine in 1...1_000 as ClosedRange<Int32> {
            try live(1...40, installation: engine, from: Int64(engine) * 40, in: store)
            if engine == 300 || engine == 1_000 {
                let database = try Database(path: store.path, mode: .readOnly)
                let sum =
                    "SELECT sum(length(cycles) + length(first_hash) + length(newest)) FROM released"
                sizes.append(try #require(try database.scalar(sum)))
            }
        }
        #expect(sizes[0] == sizes[1])
        #expect(sizes[1] == 256 * 32 + 2 * (5 + 32 * 34))
        func known(_ cycle: Int32) throws -> [Int32] {
            try store.known(unit, cycle: try #require(CycleCount(cycle))).map(\.installation)
        }
        #expect(try known(1).sorted() == Array(745...1_000))
        #expect(try known(2).sorted() == [999, 1_000])
        #expect(try known(40).sorted() == [999, 1_000])
        #expect(try known(41).isEmpty)
    }

    @Test("A release reads its slice, however many readings there are beside it")
    func readsTheSlice() throws {
        let folder = try TemporaryFolder("store")
        let store = try EdgeStore.open(path: folder.path("s.sqlite"), newStoreID: "s")
        let database = try Database(path: store.path, mode: .readOnly)
        let plan = try database.prepare("EXPLAIN QUERY PLAN " + ReleasedStore.releasing)
        var steps: [String] = []
        while try plan.step() { steps.append(plan.text(at: 3)) }
        #expect(steps.first == "SEARCH readings USING INTEGER PRIMARY KEY (rowid<?)")
        #expect(!steps.contains { $0.hasPrefix("SCAN") }, "\(steps)")
    }

    @Test("The highest cycle of an engine stays known when its readings have left")
    func previousLastCycle() throws {
        let folder = try TemporaryFolder("store")
        let store = try EdgeStore.open(path: folder.path("s.sqlite"), newStoreID: "s")
        try live(1...35, installation: 1, from: 1, in: store)
        try store.commit(
            try EdgeStoreTests.batch("u1", cycles: 1...3, from: 36, installation: 2))
        let history = try store.events(of: try EdgeStoreTests.unit("u1"), installation: 2)
        #expect(history.previousLastCycle == 35)
    }

    @Test("Released cycles outlive a restart and a salvage")
    func survives() throws {
        let folder = try TemporaryFolder("store")
        let path = folder.path("s.sqlite")
        let unit = try EdgeStoreTests.unit("u1")
        let cycles = try [1, 2, 50].map { try #require(CycleCount($0)) }
        var known: [[KnownReading]] = []
        do {
            let store = try EdgeStore.open(path: path, newStoreID: "s")
            try live(1...50, installation: 1, from: 1, in: store)
            known = try cycles.map { try store.known(unit, cycle: $0) }
            store.close()
        }
        #expect(known.map(\.count) == [1, 1, 1])
        #expect(known.map { $0[0].payloadHash == nil } == [false, true, false])
        try StoreRecovery.salvage(path: path, newStoreID: "new", reason: "a test", nowMillis: 5)
        let store = try EdgeStore.open(path: path, newStoreID: "newer")
        #expect(try cycles.map { try store.known(unit, cycle: $0) } == known)
    }

    @Test("Keys and hashes that version 3 kept row by row are taken over, salvaged or updated")
    func fromRows() throws {
        for isSalvaged in [false, true] {
            let folder = try TemporaryFolder("store")
            let path = folder.path("s.sqlite")
            try Self.makeVersion3(at: path)
            if isSalvaged {
                try StoreRecovery.salvage(
                    path: path, newStoreID: "new", reason: "a test", nowMillis: 5)
            }
            let store = try EdgeStore.open(path: path, newStoreID: "newer")
            let unit = try EdgeStoreTests.unit("u1")
            func known(_ cycle: Int32) throws -> [KnownReading] {
                try store.known(unit, cycle: try #require(CycleCount(cycle)))
                    .sorted { $0.installation < $1.installation }
            }
            #expect(
                try known(1) == [
                    KnownReading(installation: 1, payloadHash: Self.hash(1)),
                    KnownReading(installation: 2, payloadHash: Self.hash(301)),
                ])
            #expect(try known(2) == [KnownReading(installation: 1, payloadHash: nil)])
            #expect(
                try known(40) == [KnownReading(installation: 1, payloadHash: Self.hash(40))])
            #expect(try known(41).isEmpty)
            store.close()
            let database = try Database(path: path, mode: .readOnly)
            let rows = "SELECT count(*) FROM sqlite_schema WHERE name = 'released_rows'"
            #expect(try database.scalar(rows) == 0)
        }
    }

    /// A store as the release before made it, of which all readings of one engine were released.
    private static func makeVersion3(at path: String) throws {
        let store = try EdgeStore.open(path: path, newStoreID: "s")
        try store.commit(
            try EdgeStoreTests.batch("u1", cycles: 2...2, from: 100, installation: 2))
        store.close()
        let database = try Database(path: path, mode: .readWriteCreate)
        try database.execute(
            """
            DROP TABLE released;
            CREATE TABLE released (
              unit_id INTEGER NOT NULL REFERENCES units (unit_id),
              cycle INTEGER NOT NULL,
              installation INTEGER NOT NULL,
              payload_hash BLOB NOT NULL,
              PRIMARY KEY (unit_id, cycle, installation)
            ) STRICT, WITHOUT ROWID;
            DELETE FROM readings;
            ALTER TABLE progress DROP COLUMN has_session;
            ALTER TABLE progress DROP COLUMN sessions_lost;
            ALTER TABLE progress DROP COLUMN session_lost_at;
            PRAGMA user_version = 3;
            """)
        let insert = try database.prepare("INSERT INTO released VALUES (1, ?, ?, ?)")
        func add(_ cycle: Int32, installation: Int, hash: Digest) throws {
            insert.bind(Int64(cycle), at: 1)
            insert.bind(installation, at: 2)
            insert.bind(hash.bytes, at: 3)
            try insert.run()
        }
        for cycle in 1...40 as ClosedRange<Int32> {
            try add(cycle, installation: 1, hash: Self.hash(cycle))
        }
        try add(1, installation: 2, hash: Self.hash(301))
    }
}

/// Knuth's linear congruential generator, for tests that want disorder.
struct TestRandom {
    var state: UInt64

    mutating func next() -> UInt64 {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return state >> 33
    }
}
