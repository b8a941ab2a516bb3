import EdgeRuntime
import TestSupport
import Testing

/// Asks whether a device remembers what its broker should have remembered.
@Suite("Device store: sessions")
struct SessionStoreTests {
    @Test("A session that was there and is not any more is counted once, over restarts and salvage")
    func lost() throws {
        let folder = try TemporaryFolder("store")
        let path = folder.path("s.sqlite")
        var store = try EdgeStore.open(path: path, newStoreID: "s")
        #expect(try !store.sessionOpened(isPresent: false, nowMillis: 1), "the first connection")
        try store.sessionEstablished()
        #expect(try !store.sessionOpened(isPresent: true, nowMillis: 2))
        store.close()
        store = try EdgeStore.open(path: path, newStoreID: "s")
        #expect(try store.sessionOpened(isPresent: false, nowMillis: 3))
        // Lost again before its subscriptions were granted: nothing more is missing.
        #expect(try !store.sessionOpened(isPresent: false, nowMillis: 4))
        try store.sessionEstablished()
        #expect(try store.sessionOpened(isPresent: false, nowMillis: 5))
        store.close()
        try StoreRecovery.salvage(path: path, newStoreID: "n", reason: "a test", nowMillis: 6)
        let sessions = try EdgeStore.open(path: path, newStoreID: "x").sessions()
        #expect(sessions.lost == 2)
        #expect(sessions.lostAtMillis == 5)
        #expect(!sessions.isEstablished)
    }
}
