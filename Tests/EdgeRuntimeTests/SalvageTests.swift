import EdgeCore
import EdgeProtocol
import EdgeRuntime
import Prognostics
import SQLite
import TestSupport
import Testing

/// Asks what is left of a device store after damage: in its pages, its bits and its salvage.
@Suite("Device store, damage", .timeLimit(.minutes(3)))
struct SalvageTests {
    static let pageSize = 4_096

    /// A closed store of 12 units with 25 readings each, sequences 1 to 300, and its readings.
    static func makeStore(_ folder: TemporaryFolder) throws -> [ReadingEntry] {
        let store = try EdgeStore.open(path: folder.path("s.sqlite"), newStoreID: "old")
        var accounting = Accounting()
        for number in 0..<12 {
            var batch = try EdgeStoreTests.batch(
                "u\(number)", cycles: 1...25, from: Int64(number) * 25 + 1)
            accounting.received += 25
            accounting.scored += 25
            batch.accounting = accounting
            batch.publishedThrough = 200
            try store.commit(batch)
        }
        let entries = try store.log.scored(after: 0, limit: 1_000).entries
        store.close()
        return entries
    }

    static func salvaged(_ folder: TemporaryFolder) throws -> EdgeStore {
        try StoreRecovery.salvage(
            path: folder.path("s.sqlite"), newStoreID: "new", reason: "a test", nowMillis: 5)
        return try EdgeStore.open(path: folder.path("s.sqlite"), newStoreID: "newer")
    }

    @Test("Whichever page is destroyed, every reading is taken over as it was or counted as lost")
    func everyPage() throws {
        let original = try TemporaryFolder("store")
        let entries = try Self.makeStore(original)
        let sound = try original.read("s.sqlite")
        let pages = sound.count / Self.pageSize
        #expect(pages > 30)
        var (wholeCount, uncountedCount) = (0, 0)
        for page in 0..<pages {
            let folder = try TemporaryFolder("store")
            var damaged = sound
            for offset in 0..<Self.pageSize { damaged[page * Self.pageSize + offset] = 0xA5 }
            try folder.write(damaged, to: "s.sqlite")
            let store = try Self.salvaged(folder)
            #expect(store.storeID == "new")
            let kept = try store.log.scored(after: 0, limit: 1_000).entries
            let known = Set(kept.map(\.sequence))
            #expect(kept == entries.filter { known.contains($0.sequence) }, "page \(page)")
            let report = try #require(try store.restore().salvages.first)
            #expect(report.readings == Int64(kept.count))
            if let lost = report.lost {
                #expect(report.readings + lost == Int64(entries.count), "page \(page)")
            } else {
                uncountedCount += 1
            }
            if kept.count == entries.count { wholeCount += 1 }
            #expect(try folder.read("s.sqlite.damaged-1") == damaged, "nothing is deleted")
        }
        #expect(uncountedCount < 8, "only few pages hold the schema and the counters")
        #expect(wholeCount > pages / 4, "damage outside the log costs no reading")
    }

    @Test("A flipped bit that SQLite cannot see costs that one reading")
    func flippedBit() throws {
        let folder = try TemporaryFolder("store")
        let entries = try Self.makeStore(folder)
        var bytes = try folder.read("s.sqlite")
        let snapshot = entries[100].snapshot.canonicalBytes
        // All units report the same values, so the snapshot lies there 12 times: damage the first.
        let place = try #require(bytes.firstRange(of: snapshot))
        bytes[place.lowerBound + 50] ^= 1
        try folder.write(bytes, to: "s.sqlite")
        let store = try Self.salvaged(folder)
        let kept = try store.log.scored(after: 0, limit: 1_000).entries
        #expect(kept.count == entries.count - 1)
        #expect(kept.allSatisfy { entries.contains($0) })
        let report = try #require(try store.restore().salvages.first)
        #expect(report.lost == 1)
    }

    @Test("A salvaged store knows repeats, counts on and starts its pages anew")
    func goesOn() throws {
        let folder = try TemporaryFolder("store")
        let entries = try Self.makeStore(folder)
        let store = try Self.salvaged(folder)
        let restored = try store.restore()
        #expect(restored.accounting.received == 300)
        #expect(restored.lastSequence == 300)
        #expect(restored.publishedThrough == 200)
        let key = entries[7].key
        #expect(
            try store.known(key.unit, cycle: key.cycle)
                == [KnownReading(installation: 1, payloadHash: entries[7].payloadHash)])
        let record = try store.history(of: key.unit, parameters: nil).record
        #expect(record?.lastCycle == 25)
        try store.commit(try EdgeStoreTests.batch("u0", cycles: 26...27, from: 301))
        #expect(try store.log.page(after: 0, limit: 1_000).entries.count == 302)
    }

    @Test("The refused payloads, offers, slots, blocks and refusals are taken over too")
    func otherTables() throws {
        let folder = try TemporaryFolder("store")
        let path = folder.path("s.sqlite")
        try FirstSchema.create(at: path)
        let before = try EdgeStore.open(path: path, newStoreID: "x")
        let offer = try SignedOffer(bytes: [UInt8](repeating: 3, count: 65))
        let digest = EdgeStoreTests.parameters
        try before.models.apply(.accept(offer, bundle: digest, counter: 9))
        try before.models.apply(.storeBlock(bundle: digest, index: 4, bytes: [1, 2]))
        let shelf = try before.models.shelf()
        before.close()
        let store = try Self.salvaged(folder)
        let after = try store.models.shelf()
        #expect(after.counter == 9)
        #expect(after.accepted == offer)
        #expect(after.active == shelf.active)
        #expect(after.blocks == shelf.blocks)
        #expect(after.refusals == shelf.refusals)
        #expect(try store.models.bundle(digest) == [1, 2])
        // The fixture's hashes are not those of its readings: only the refused payload is whole.
        #expect(try store.log.page(after: 0, limit: 9).entries.map(\.sequence) == [4])
    }

    @Test("A crash leaves the file to be checked, and damage found then is salvaged")
    func checkedAfterCrash() throws {
        let folder = try TemporaryFolder("store")
        let entries = try Self.makeStore(folder)
        var bytes = try folder.read("s.sqlite")
        let place = try #require(bytes.firstRange(of: entries[0].snapshot.canonicalBytes))
        // The page's header: SQLite's own check finds it, an opening does not.
        let page = place.lowerBound / Self.pageSize * Self.pageSize
        for offset in 0..<8 { bytes[page + offset] = 0xFF }
        try folder.write(bytes, to: "s.sqlite")
        try folder.write([1], to: "s.sqlite-wal")
        let store = try StoreRecovery.open(
            path: folder.path("s.sqlite"), newStoreID: "new", nowMillis: 0)
        #expect(store.storeID == "new")
        #expect(try store.restore().salvages.count == 1)
        store.close()
        let again = try StoreRecovery.open(
            path: folder.path("s.sqlite"), newStoreID: "newer", nowMillis: 0)
        #expect(again.storeID == "new", "a salvaged store is sound")
    }

    /// A closed store that has accepted an offer of counter 7.
    static func makeStoreWithOffer(_ folder: TemporaryFolder) throws {
        let store = try EdgeStore.open(path: folder.path("s.sqlite"), newStoreID: "old")
        let offer = try SignedOffer(bytes: [UInt8](repeating: 3, count: 65))
        try store.models.apply(.accept(offer, bundle: EdgeStoreTests.parameters, counter: 7))
        store.close()
    }

    @Test("A damaged page that takes the offer does not take the release counter")
    func lostOffer() throws {
        let folder = try TemporaryFolder("store")
        try Self.makeStoreWithOffer(folder)
        for damage in ["DELETE FROM offers", "UPDATE offers SET counter = 2"] {
            let database = try Database(path: folder.path("s.sqlite"), mode: .readWriteCreate)
            try database.execute(damage)
            database.close()
            let store = try Self.salvaged(folder)
            #expect(try store.models.shelf().counter == 7)
            store.close()
        }
        try folder.write("no database", to: "s.sqlite")
        let store = try StoreRecovery.open(
            path: folder.path("s.sqlite"), newStoreID: "empty", nowMillis: 0)
        #expect(try store.models.shelf().counter == 7, "with nothing else left")
        #expect(try store.models.shelf().accepted == nil)
    }

    @Test("A second copy of the counter that is no use counts for nothing, and is made again")
    func flippedCounter() throws {
        let folder = try TemporaryFolder("store")
        try Self.makeStoreWithOffer(folder)
        let sound = try folder.read("release-counter")
        for offset in sound.indices {
            var flipped = sound
            flipped[offset] ^= 1
            try folder.write(flipped, to: "release-counter")
            let store = try EdgeStore.open(path: folder.path("s.sqlite"), newStoreID: "s")
            #expect(try store.models.shelf().counter == 7, "byte \(offset)")
            try store.models.repairCounter()
            #expect(try folder.read("release-counter") == sound)
            store.close()
        }
        try folder.remove("release-counter")
        let store = try EdgeStore.open(path: folder.path("s.sqlite"), newStoreID: "s")
        try store.models.repairCounter()
        #expect(try folder.read("release-counter") == sound)
        #expect(try folder.names().contains("release-counter.new") == false)
    }

    @Test("Counters that do not add up are damage, and are made again from the units")
    func countersOff() throws {
        let folder = try TemporaryFolder("store")
        _ = try Self.makeStore(folder)
        do {
            let database = try Database(path: folder.path("s.sqlite"), mode: .readWriteCreate)
            try database.execute("UPDATE progress SET scored = 299")
        }
        let store = try StoreRecovery.open(
            path: folder.path("s.sqlite"), newStoreID: "new", nowMillis: 0)
        #expect(store.storeID == "new")
        let restored = try store.restore()
        #expect(restored.accounting.received == 300 && restored.accounting.isBalanced)
        #expect(restored.salvages.first?.lost == nil, "nobody can tell")
    }

    @Test("A file that is no database is set aside for an empty store")
    func noDatabase() throws {
        let folder = try TemporaryFolder("store")
        try folder.write("This is no database, and it never was one.", to: "s.sqlite")
        let store = try StoreRecovery.open(
            path: folder.path("s.sqlite"), newStoreID: "new", nowMillis: 0)
        #expect(store.storeID == "new")
        #expect(try store.restore().accounting.received == 0)
        #expect(
            try folder.read("s.sqlite.damaged-1")
                == Array("This is no database, and it never was one.".utf8))
    }

    @Test("Health stays degraded until the damaged file is moved away")
    func degradedUntilMoved() throws {
        let folder = try TemporaryFolder("store")
        _ = try Self.makeStore(folder)
        let store = try Self.salvaged(folder)
        #expect(
            try store.restore().salvages
                == [
                    SalvageReport(
                        setAside: "s.sqlite.damaged-1", reason: "a test", at: 5, readings: 300,
                        lost: 0)
                ])
        try folder.remove("s.sqlite.damaged-1")
        #expect(try store.restore().salvages.isEmpty)
    }

    /// What a salvage that died leaves behind.
    enum Death: CaseIterable {
        case whileCopying, beforeSettingAside, afterLogMoved, afterSettingAside
    }

    @Test("A salvage that dies at any step is finished or begun again", arguments: Death.allCases)
    func interrupted(_ death: Death) throws {
        let folder = try TemporaryFolder("store")
        _ = try Self.makeStore(folder)
        let damaged = [UInt8]("no database".utf8)
        let sound = try folder.read("s.sqlite")
        switch death {
        case .whileCopying:
            try folder.write([1, 2, 3], to: "s.sqlite.salvaging")
            try folder.write([1, 2, 3], to: "s.sqlite.salvaging-wal")
        case .beforeSettingAside:
            try folder.write(sound, to: "s.sqlite.salvaged")
            try folder.write(damaged, to: "s.sqlite")
            try folder.write([7], to: "s.sqlite-wal")
        case .afterLogMoved:
            try folder.write(sound, to: "s.sqlite.salvaged")
            try folder.write(damaged, to: "s.sqlite")
            try folder.write([7], to: "s.sqlite.damaged-1-wal")
        case .afterSettingAside:
            try folder.write(sound, to: "s.sqlite.salvaged")
            try folder.remove("s.sqlite")
            try folder.write(damaged, to: "s.sqlite.damaged-1")
            try folder.write([7], to: "s.sqlite.damaged-1-wal")
        }
        let store = try StoreRecovery.open(
            path: folder.path("s.sqlite"), newStoreID: "new", nowMillis: 0)
        #expect(store.storeID == "old")
        #expect(try store.restore().accounting.received == 300)
        store.close()
        guard death != .whileCopying else {
            return #expect(try folder.names() == ["s.sqlite"])
        }
        #expect(
            try folder.names() == ["s.sqlite", "s.sqlite.damaged-1", "s.sqlite.damaged-1-wal"])
        #expect(try folder.read("s.sqlite.damaged-1") == damaged)
        #expect(try folder.read("s.sqlite.damaged-1-wal") == [7])
    }

    @Test("After eight damaged stores the ninth is refused with a sentence, and stays")
    func failingDisk() throws {
        let folder = try TemporaryFolder("store")
        for number in 1...8 { try folder.write("x", to: "s.sqlite.damaged-\(number)") }
        try folder.write("no database", to: "s.sqlite")
        let error = #expect(throws: EdgeRuntimeError.self) {
            try StoreRecovery.open(
                path: folder.path("s.sqlite"), newStoreID: "new", nowMillis: 0)
        }
        #expect(error == .damagedTooOften(count: 8, folder: folder.path))
        #expect(try folder.read("s.sqlite") == Array("no database".utf8))
    }
}
