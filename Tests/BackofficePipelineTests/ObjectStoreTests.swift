import ObjectStore
import TestSupport
import Testing

@Suite("Object store in a folder")
struct ObjectStoreTests {
    let folder: TemporaryFolder
    let store: ObjectStore

    init() throws {
        folder = try TemporaryFolder("objects")
        store = ObjectStore(root: folder.path("deep/store"))
        try store.createFolders()
    }

    @Test("A file whose name is no key is told, and hides no object")
    func stray() throws {
        let key = try ObjectKey("fleet/1.jsonl.gz")
        try store.put([1], bucket: .inferenceLogs, key: key)
        let stray = "\(store.root)/inference-logs/fleet/notes (old).txt"
        try folder.write("x", to: "deep/store/inference-logs/fleet/notes (old).txt")
        var strays: [String] = []
        #expect(try store.list(bucket: .inferenceLogs) { strays.append($0) } == [key])
        #expect(strays == [stray])
    }

    @Test("A stored object comes back and is listed by its levels")
    func roundTrip() throws {
        let one = try ObjectKey("fleet/agent/0-9.jsonl.gz")
        let other = try ObjectKey("fleet/agent2/0-9.jsonl.gz")
        #expect(try store.put([1, 2], bucket: .inferenceLogs, key: one) == .stored)
        #expect(try store.put([3], bucket: .inferenceLogs, key: other) == .stored)
        #expect(try store.get(bucket: .inferenceLogs, key: one) == [1, 2])
        #expect(try store.list(bucket: .inferenceLogs) == [one, other])
        #expect(try store.list(bucket: .inferenceLogs, prefix: ObjectKey("fleet/agent")) == [one])
        #expect(try store.list(bucket: .models).isEmpty)
    }

    @Test("The same bytes are no change, other bytes are refused unless they may replace")
    func idempotent() throws {
        let key = try ObjectKey("current.json")
        try store.put([1], bucket: .modelPromotion, key: key)
        #expect(try store.put([1], bucket: .modelPromotion, key: key) == .unchanged)
        #expect(throws: ObjectStoreError.conflict(bucket: .modelPromotion, key: "current.json")) {
            try store.put([2], bucket: .modelPromotion, key: key)
        }
        #expect(try store.get(bucket: .modelPromotion, key: key) == [1])
        #expect(try store.put([2], bucket: .modelPromotion, key: key, replace: true) == .stored)
        #expect(try store.get(bucket: .modelPromotion, key: key) == [2])
    }

    @Test("What is missing or too large is an error that says so")
    func refusals() throws {
        let key = try ObjectKey("a/b")
        #expect(throws: ObjectStoreError.missing(bucket: .models, key: "a/b")) {
            try store.get(bucket: .models, key: key)
        }
        try store.put([0, 0, 0], bucket: .models, key: key)
        let error = ObjectStoreError.tooLarge(bucket: .models, key: "a/b", size: 3, limit: 2)
        #expect(throws: error) { try store.get(bucket: .models, key: key, sizeMax: 2) }
    }

    @Test(
        "A key never leaves its bucket",
        arguments: ["", "/a", "a/", "a//b", ".", "..", "../a", "a/../b", "a b", "ä"])
    func badKey(text: String) {
        #expect(throws: ObjectStoreError.invalidKey(text)) { try ObjectKey(text) }
    }

    @Test("Keys may have the levels and sizes of the limits, not more")
    func keyLimits() throws {
        let level = String(repeating: "x", count: ObjectKey.levelSizeMax)
        _ = try ObjectKey(level)
        #expect(throws: ObjectStoreError.self) { try ObjectKey(level + "x") }
        let levels = Array(repeating: "x", count: ObjectKey.levelCountMax)
        _ = try ObjectKey(levels.joined(separator: "/"))
        #expect(throws: ObjectStoreError.self) {
            try ObjectKey((levels + ["x"]).joined(separator: "/"))
        }
    }

    @Test("What a killed writer left is no object and is removed")
    func partials() throws {
        try folder.write("half", to: "deep/store/.partial/4711")
        #expect(try Bucket.allCases.allSatisfy { try store.list(bucket: $0).isEmpty })
        try store.removePartials()
        #expect(!FileBytes.exists(folder.path("deep/store/.partial/4711")))
    }

    @Test("A full disk is named as such and leaves no object")
    func fullDisk() throws {
        let full = ObjectStoreError.system(operation: "write", path: "/w/x", code: 28)
        #expect(full.description.hasPrefix("The disk is full: cannot write /w/x."))
    }
}
