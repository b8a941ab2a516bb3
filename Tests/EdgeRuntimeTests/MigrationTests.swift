import EdgeCore
import EdgeProtocol
import EdgeRuntime
import Prognostics
import SQLite
import TestSupport
import Testing

/// Asks what an update finds on a device, and what it makes of it.
@Suite("Device store, other releases")
struct MigrationTests {
    @Test("The previous release's store opens with everything in it, and goes on")
    func previousRelease() throws {
        let folder = try TemporaryFolder("store")
        let path = folder.path("s.sqlite")
        try FirstSchema.create(at: path)
        let store = try EdgeStore.open(path: path, newStoreID: "new")
        #expect(store.storeID == "a-device")
        let restored = try store.restore()
        #expect(restored.accounting.received == 5)
        #expect(restored.lastSequence == 4, "the refused payload came last")
        #expect(restored.publishedThrough == 2)
        #expect(restored.shelf.active?.bytes == [UInt8](repeating: 0, count: 32))
        #expect(restored.shelf.refusals.map(\.counter) == [7])
        #expect(try store.log.page(after: 0, limit: 9).entries.map(\.sequence) == [1, 2, 3, 4])
        let unit = try EdgeStoreTests.unit("u1")
        let history = try store.history(of: unit, parameters: EdgeStoreTests.parameters)
        #expect(history.record?.lastCycle == 3)
        #expect(history.replay.map(\.cycle.cycles) == [1, 2, 3])

        try store.commit(try EdgeStoreTests.batch("u2", cycles: 1...2, from: 5))
        store.close()
        let again = try EdgeStore.open(path: path, newStoreID: "new")
        #expect(try again.restore().lastSequence == 6)
    }

    @Test("A new store and an updated one have the same tables")
    func sameTables() throws {
        let folder = try TemporaryFolder("store")
        try FirstSchema.create(at: folder.path("old.sqlite"))
        let schemas = try ["old.sqlite", "new.sqlite"].map { name in
            try EdgeStore.open(path: folder.path(name), newStoreID: "s").close()
            let database = try Database(path: folder.path(name), mode: .readOnly)
            let select = try database.prepare("SELECT name, sql FROM sqlite_schema ORDER BY name")
            var rows = ["version \(try database.userVersion())"]
            while try select.step() { rows.append(select.text(at: 0) + select.text(at: 1)) }
            return rows
        }
        #expect(schemas[0] == schemas[1])
        #expect(schemas[0].first == "version 4")
    }

    @Test("An update that fails half-way leaves the file as it was")
    func allOrNothing() throws {
        let folder = try TemporaryFolder("store")
        let path = folder.path("s.sqlite")
        try FirstSchema.create(at: path)
        do {
            // The last statement of the migration finds its name taken.
            let database = try Database(path: path, mode: .readWriteCreate)
            try database.execute("CREATE VIEW salvages AS SELECT 1")
        }
        #expect(throws: EdgeRuntimeError.self) {
            try EdgeStore.open(path: path, newStoreID: "new")
        }
        let database = try Database(path: path, mode: .readOnly)
        #expect(try database.userVersion() == 1)
        let sql = "SELECT count(*) FROM sqlite_schema WHERE name = 'released'"
        #expect(try database.scalar(sql) == 0)
    }

    @Test("A newer release's store is refused with a sentence, and is not set aside")
    func newerRelease() throws {
        let folder = try TemporaryFolder("store")
        let path = folder.path("s.sqlite")
        do {
            let database = try Database(path: path, mode: .readWriteCreate)
            try database.setUserVersion(99)
        }
        let error = #expect(throws: EdgeRuntimeError.self) {
            try StoreRecovery.open(path: path, newStoreID: "s", nowMillis: 0)
        }
        #expect(error == .storeVersion(seen: 99, supported: 4, path: path))
        #expect(
            error?.description
                == "\(path) has version 99, this agent reads up to 4. "
                + "Start the newer agent again, or another data folder.")
        #expect(try folder.names() == ["s.sqlite"])
    }
}
