import EdgeCore
import EdgeProtocol
import EdgeRuntime
import Prognostics
import SQLite
import Sodium
import TestSupport
import Testing

/// Events and trials in the device's SQLite file.
@Suite("Device store: events and trials")
struct EventStoreTests {
    static func event(
        _ sequence: Int64, _ kind: EngineEvent.Kind, _ cycle: Int32, installation: Int32 = 1
    ) throws -> EventEntry {
        EventEntry(
            sequence: sequence, unit: try EdgeStoreTests.unit("u1"), installation: installation,
            kind: kind, cycle: try #require(CycleCount(cycle)),
            payloadHash: SHA256.digest(of: [UInt8(sequence)]), receivedAt: 5, unprotected: true)
    }

    @Test("Events come back with their unit, in pages between readings, and after a restart")
    func events() throws {
        let folder = try TemporaryFolder("store")
        let path = folder.path("s.sqlite")
        let unit = try EdgeStoreTests.unit("u1")
        var batch = try EdgeStoreTests.batch("u1", cycles: 1...7, from: 1)
        batch.events = [try Self.event(8, .serviced, 7), try Self.event(9, .failed, 7)]
        do {
            let store = try EdgeStore.open(path: path, newStoreID: "s")
            try store.commit(batch)
            var later = try EdgeStoreTests.batch("u1", cycles: 1...2, from: 10, installation: 2)
            later.events = [try Self.event(12, .serviced, 2, installation: 2)]
            try store.commit(later)
        }
        let store = try EdgeStore.open(path: path, newStoreID: "s")
        #expect(try store.restore().lastSequence == 12)
        let page = try store.log.page(after: 6, limit: 5)
        #expect(page.entries.map(\.sequence) == [7, 8, 9, 10, 11])
        #expect(page.more)
        guard case .event(let entry) = page.entries[1] else {
            Issue.record("entry 8 is an event")
            return
        }
        #expect(entry == batch.events[0])
        #expect(try store.log.page(after: 11, limit: 5).entries.count == 1)

        let known = try store.events(of: unit, installation: 2)
        #expect(known.previousLastCycle == 7)
        #expect(known.known.map(\.installation) == [1, 1, 2])
        let history = try store.history(of: unit, parameters: nil)
        let serviced = EngineMark(kind: .serviced, cycle: try #require(CycleCount(2)))
        #expect(history.marks == [serviced])
    }

    @Test("Of a unit with very many events the newest are looked at, in their order")
    func manyEvents() throws {
        let folder = try TemporaryFolder("store")
        let path = folder.path("s.sqlite")
        let store = try EdgeStore.open(path: path, newStoreID: "s")
        try store.commit(try EdgeStoreTests.batch("u1", cycles: 1...1, from: 1))
        let database = try Database(path: path, mode: .readWriteCreate)
        try database.execute(
            """
            WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000)
            INSERT INTO events SELECT 10 + i, 1, i, 3, 1, zeroblob(32), 0, 0 FROM n
            """)
        let known = try store.events(of: try EdgeStoreTests.unit("u1"), installation: 5_001).known
        #expect(known.map(\.installation) == Array(905...5_000))
        #expect(known.count == EventStore.knownCountMax)
    }

    @Test("The newest readings of an installation come oldest first, with its marks")
    func newest() throws {
        let folder = try TemporaryFolder("store")
        let store = try EdgeStore.open(path: folder.path("s.sqlite"), newStoreID: "s")
        try store.commit(try EdgeStoreTests.batch("u1", cycles: 1...9, from: 1))
        try store.commit(try EdgeStoreTests.batch("u2", cycles: 4...6, from: 10))
        #expect(try store.newestUnits(limit: 9).map(\.description) == ["u1", "u2"])
        #expect(try store.newestUnits(limit: 1).count == 1)
        let newest = try store.newestReadings(of: EdgeStoreTests.unit("u1"), limit: 4)
        #expect(newest.snapshots.map(\.cycle.cycles) == [6, 7, 8, 9])
    }

    @Test("Trials, holds, rollbacks and discards are durable, and leave only what is slotted")
    func trials() throws {
        let folder = try TemporaryFolder("store")
        let path = folder.path("s.sqlite")
        let digests = [1, 2, 3].map { SHA256.digest(of: [UInt8($0)]) }
        func open() throws -> EdgeStore { try EdgeStore.open(path: path, newStoreID: "s") }
        func apply(_ changes: ModelChange...) throws -> ModelShelf {
            do {
                let store = try open()
                for change in changes { try store.models.apply(change) }
            }
            return try open().models.shelf()
        }
        func accept(_ index: Int) throws -> ModelChange {
            let offer = try SignedOffer(bytes: [UInt8](repeating: UInt8(index), count: 65))
            return .accept(offer, bundle: digests[index], counter: Int64(index) + 1)
        }
        func block(_ index: Int) -> ModelChange {
            .storeBlock(bundle: digests[index], index: 0, bytes: [7, 7])
        }
        _ = try apply(accept(0), block(0), .activate(bundle: digests[0]))
        var shelf = try apply(
            accept(1), block(1), .setStarts(bundle: digests[1], 2))
        #expect(shelf.trials == [digests[0]: 0, digests[1]: 2])
        shelf = try apply(.endTrial(bundle: digests[0]), .activate(bundle: digests[1]))
        #expect(shelf.trials == [digests[1]: 0])
        #expect(shelf.fallback == digests[0])

        shelf = try apply(accept(2), block(2), .hold(bundle: digests[2], counter: 3, reason: "far"))
        #expect(shelf.refusals.map(\.isHeld) == [true])
        #expect(shelf.blocks[digests[2]] == [0: 2], "a held candidate keeps its blocks")

        shelf = try apply(.rollBack(bundle: digests[1], counter: 2, reason: "slow"))
        #expect(shelf.active == digests[0])
        #expect(shelf.fallback == nil)
        #expect(shelf.trials.isEmpty)
        #expect(shelf.blocks[digests[1]] == nil)
        #expect(Set(shelf.refusals.map(\.isHeld)) == [true, false])

        shelf = try apply(.discard(bundle: digests[0]))
        #expect(shelf.active == nil)
        #expect(shelf.blocks == [digests[2]: [0: 2]])
    }
}
