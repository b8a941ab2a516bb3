import ObjectStore
import TestSupport
import Testing

/// What steps of the back office rely on, of either store.
@Suite("Object stores")
struct ObjectStoreTests {
    @Test("A stored object comes back and is listed by its levels", arguments: StoreKind.possible)
    func roundTrip(kind: StoreKind) throws {
        let own = try kind.make()
        let store = own.store
        let one = try ObjectKey("fleet/agent/0-9.jsonl.gz")
        let other = try ObjectKey("fleet/agent2/0-9.jsonl.gz")
        #expect(try store.put([1, 2], bucket: .inferenceLogs, key: one) == .stored)
        #expect(try store.put([], bucket: .inferenceLogs, key: other) == .stored)
        #expect(try store.get(bucket: .inferenceLogs, key: one) == [1, 2])
        #expect(try store.get(bucket: .inferenceLogs, key: other) == [])
        #expect(try store.list(bucket: .inferenceLogs) == [one, other])
        #expect(try store.list(bucket: .inferenceLogs, prefix: ObjectKey("fleet/agent")) == [one])
        #expect(try store.list(bucket: .inferenceLogs, prefix: one) == [], "it has no levels below")
        #expect(try store.list(bucket: .models).isEmpty)
    }

    @Test(
        "The same bytes are no change, other bytes are refused unless they may replace",
        arguments: StoreKind.possible)
    func idempotent(kind: StoreKind) throws {
        let own = try kind.make()
        let store = own.store
        let key = try ObjectKey("current.json")
        try store.put([1], bucket: .modelPromotion, key: key)
        #expect(try store.put([1], bucket: .modelPromotion, key: key) == .unchanged)
        let conflict = ObjectStoreError.conflict(bucket: .modelPromotion, key: "current.json")
        for bytes in [[2], [1, 2], []] as [[UInt8]] {
            #expect(throws: conflict) {
                try store.put(bytes, bucket: .modelPromotion, key: key)
            }
        }
        #expect(try store.get(bucket: .modelPromotion, key: key) == [1])
        let outcome = try store.put([2], bucket: .modelPromotion, key: key, replace: true)
        #expect(outcome == .stored)
        #expect(try store.get(bucket: .modelPromotion, key: key) == [2])
    }

    @Test(
        "A removed object is gone, and removing it again is no error", arguments: StoreKind.possible
    )
    func remove(kind: StoreKind) throws {
        let own = try kind.make()
        let store = own.store
        let one = try ObjectKey("run/bundle")
        let other = try ObjectKey("run/deep/report")
        try store.put([1, 2, 3], bucket: .models, key: one)
        try store.put([4], bucket: .models, key: other)
        #expect(try store.size(bucket: .models, key: one) == 3)
        #expect(try store.size(bucket: .models, key: ObjectKey("run")) == nil, "a level is none")
        for _ in 0..<2 { try store.remove(bucket: .models, key: other) }
        #expect(try store.list(bucket: .models) == [one])
        try store.remove(bucket: .models, key: one)
        #expect(try store.size(bucket: .models, key: one) == nil)
        #expect(try !store.exists(bucket: .models, key: one))
    }

    @Test("What is missing or too large is an error that says so", arguments: StoreKind.possible)
    func refusals(kind: StoreKind) throws {
        let own = try kind.make()
        let store = own.store
        let key = try ObjectKey("a/b")
        #expect(throws: ObjectStoreError.missing(bucket: .models, key: "a/b")) {
            try store.get(bucket: .models, key: key)
        }
        try store.put([0, 0, 0], bucket: .models, key: key)
        let error = ObjectStoreError.tooLarge(bucket: .models, key: "a/b", size: 3, limit: 2)
        #expect(throws: error) { try store.get(bucket: .models, key: key, sizeMax: 2) }
    }

    @Test(
        "While others put and remove beside it, every object comes back whole",
        arguments: StoreKind.possible)
    func concurrent(kind: StoreKind) async throws {
        let own = try kind.make()
        let store = own.store
        let rounds = kind == .folder ? 40 : 4
        try await withThrowingTaskGroup { group in
            for writer in 0..<8 {
                group.addTask {
                    for round in 0..<rounds {
                        let key = try ObjectKey("shared/level/\(writer)")
                        let bytes = [UInt8](repeating: UInt8(writer), count: 1_000 + round)
                        try store.put(bytes, bucket: .models, key: key, replace: true)
                        guard try store.get(bucket: .models, key: key) == bytes else {
                            throw TestSupportError("Object \(writer) is not what was put.")
                        }
                        try store.remove(bucket: .models, key: key)
                    }
                }
            }
            try await group.waitForAll()
        }
        #expect(try store.list(bucket: .models).isEmpty)
        if let folder = own.folder { #expect(try folder.names("deep/store/.partial").isEmpty) }
    }

    @Test("Of two writers of one new object, one stores it and the other is told")
    func race() async throws {
        for kind in StoreKind.possible {
            let own = try kind.make()
            let store = own.store
            let key = try ObjectKey("contended")
            // Both look before either has written; who comes second is refused all the same.
            let outcomes = await withTaskGroup(of: Bool.self) { group in
                for writer in 0..<2 {
                    group.addTask {
                        (try? store.put([UInt8(writer)], bucket: .models, key: key)) == .stored
                    }
                }
                return await group.reduce(into: []) { $0.append($1) }
            }
            if kind == .s3 { #expect(outcomes.count { $0 } == 1, "If-None-Match lets one through") }
            #expect([[0], [1]].contains(try store.get(bucket: .models, key: key)))
        }
    }
}

@Suite("Object store in a folder")
struct FolderStoreTests {
    let folder: TemporaryFolder
    let store: FolderStore

    init() throws {
        folder = try TemporaryFolder("objects")
        store = FolderStore(root: folder.path("deep/store"))
        try store.prepare()
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

    @Test("Empty levels go with their last object, and the bucket stays")
    func emptyLevels() throws {
        let one = try ObjectKey("run/bundle")
        let other = try ObjectKey("run/deep/report")
        for key in [one, other] { try store.put([1], bucket: .models, key: key) }
        try store.remove(bucket: .models, key: other)
        #expect(try folder.names("deep/store/models/run") == ["bundle"])
        try store.remove(bucket: .models, key: one)
        #expect(try folder.names("deep/store/models").isEmpty)
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

@Suite("Object keys")
struct ObjectKeyTests {
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
        #expect(try ObjectKey(levels.joined(separator: "/")).levelCount == levels.count)
        #expect(throws: ObjectStoreError.self) {
            try ObjectKey((levels + ["x"]).joined(separator: "/"))
        }
    }
}
