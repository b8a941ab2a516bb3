import EdgeCore
import EdgeProtocol
import EdgeRuntime
import Features
import Prognostics
import SQLite
import Sodium
import TestSupport
import Testing

/// The device's SQLite file, on a real disk.
@Suite("Device store")
struct EdgeStoreTests {
    static let parameters = SHA256.digest(of: [1, 2, 3])

    static func unit(_ name: String) throws -> UnitIdentifier { try #require(UnitIdentifier(name)) }

    static func snapshot(_ cycle: Int32, value: Float = 1) throws -> Snapshot {
        let columns = InlineArray<24, Float> { Float($0) + value }
        return Snapshot(cycle: try #require(CycleCount(cycle)), columns: columns)
    }

    /// A batch of one scored reading per cycle of one unit, as the machine would make it.
    static func batch(
        _ name: String, cycles: ClosedRange<Int32>, from sequence: Int64, installation: Int32 = 1
    ) throws -> Batch {
        var batch = Batch()
        let unit = try unit(name)
        for cycle in cycles {
            let snapshot = try snapshot(cycle)
            batch.readings.append(
                ReadingEntry(
                    sequence: sequence + Int64(cycle - cycles.lowerBound),
                    key: ReadingKey(
                        unit: unit, installation: installation, cycle: snapshot.cycle),
                    snapshot: snapshot, payloadHash: SHA256.digest(of: snapshot.canonicalBytes),
                    outcome: .scored, receivedAt: 1_000, unprotected: false,
                    scoring: ReadingEntry.Scoring(
                        prediction: Prediction(
                            rul: 80.25, rulLow: 60, rulHigh: 100.1, failureProbability: 0.125,
                            flags: [.early, .gap]),
                        runID: "run", latencyMicros: 42)))
        }
        var accounting = Accounting()
        accounting.received = Int64(cycles.count)
        accounting.scored = Int64(cycles.count)
        batch.accounting = accounting
        batch.units = [
            (
                unit,
                UnitRecord(
                    installation: installation, lastCycle: cycles.upperBound,
                    accounting: accounting)
            )
        ]
        return batch
    }

    @Test("What one process committed, the next one finds, bit for bit")
    func survivesReopening() throws {
        let folder = try TemporaryFolder("store")
        let path = folder.path("nacelle.sqlite")
        let batch = try Self.batch("u1", cycles: 1...5, from: 1)
        do {
            let store = try EdgeStore.open(path: path, newStoreID: "first")
            try store.commit(batch)
        }
        let store = try EdgeStore.open(path: path, newStoreID: "second")
        #expect(store.storeID == "first", "an existing store keeps its name")
        let restored = try store.restore()
        #expect(restored.lastSequence == 5)
        #expect(restored.accounting == batch.accounting)
        let read = try store.log.scored(after: 0, limit: 100)
        #expect(read.entries == batch.readings)
        #expect(read.through == 5)
    }

    @Test("A history replays the applied readings after the newest fitting checkpoint")
    func history() throws {
        let folder = try TemporaryFolder("store")
        let store = try EdgeStore.open(path: folder.path("s.sqlite"), newStoreID: "s")
        let unit = try Self.unit("u1")
        #expect(try store.history(of: unit, parameters: Self.parameters).record == nil)
        try store.commit(try Self.batch("u1", cycles: 1...7, from: 1))
        let unmodelled = try store.history(of: unit, parameters: nil)
        #expect(unmodelled.record?.lastCycle == 7)
        #expect(unmodelled.replay.isEmpty, "without a model there is no state to rebuild")
        let replay = try store.history(of: unit, parameters: Self.parameters).replay
        #expect(replay.map(\.cycle.cycles) == Array(1...7))
        #expect(replay.first == (try Self.snapshot(1)))
    }

    /// Commits 40 cycles of a unit with a checkpoint at the 32nd, and returns its state.
    static func commitCheckpoint(to store: EdgeStore) throws -> FeatureState {
        let parameters = try FeatureParameters(
            centroids: [0, 0, 0], means: [Double](repeating: 0, count: 14),
            deviations: [Double](repeating: 1, count: 14),
            healthWeights: [Double](repeating: 0, count: 15), ageMax: try #require(CycleCount(300)))
        var state = FeatureState()
        for cycle in Int32(1)...32 { state.append(try Self.snapshot(cycle), using: parameters) }
        var batch = try Self.batch("u1", cycles: 1...40, from: 1)
        batch.checkpoints = [
            Checkpoint(
                unit: try Self.unit("u1"), installation: 1, cycle: try #require(CycleCount(32)),
                parametersDigest: Self.parameters, state: state.encoded())
        ]
        try store.commit(batch)
        return state
    }

    @Test("A checkpoint serves under the parameters that it was made with, and under no others")
    func checkpointOfOtherParameters() throws {
        let folder = try TemporaryFolder("store")
        let store = try EdgeStore.open(path: folder.path("s.sqlite"), newStoreID: "s")
        let state = try Self.commitCheckpoint(to: store)
        let unit = try Self.unit("u1")
        let own = try store.history(of: unit, parameters: Self.parameters)
        #expect(own.checkpoint == state)
        #expect(own.replay.map(\.cycle.cycles) == Array(33...40))
        let other = try store.history(of: unit, parameters: SHA256.digest(of: [4]))
        #expect(other.checkpoint == nil)
        #expect(other.replay.map(\.cycle.cycles) == Array(1...40))
    }

    @Test("One flipped bit in a stored checkpoint costs a longer replay, never another state")
    func flippedCheckpoint() throws {
        let folder = try TemporaryFolder("store")
        let path = folder.path("s.sqlite")
        let unit = try Self.unit("u1")
        do {
            let store = try EdgeStore.open(path: path, newStoreID: "s")
            _ = try Self.commitCheckpoint(to: store)
            store.close()
        }
        let database = try Database(path: path, mode: .readWriteCreate)
        let select = try database.prepare("SELECT state FROM checkpoints")
        try #require(try select.step())
        let sound = select.blob(at: 0)
        select.reset()
        for offset in stride(from: 0, to: sound.count, by: 61) {
            var flipped = sound
            flipped[offset] ^= 1
            let update = try database.prepare("UPDATE checkpoints SET state = ?")
            update.bind(flipped, at: 1)
            try update.run()
            let store = try EdgeStore.open(path: path, newStoreID: "s")
            let history = try store.history(of: unit, parameters: Self.parameters)
            #expect(history.checkpoint == nil, "byte \(offset)")
            #expect(history.replay.count == 40, "byte \(offset)")
            store.close()
        }
    }

    @Test("A batch that breaks a rule leaves nothing behind")
    func allOrNothing() throws {
        let folder = try TemporaryFolder("store")
        let store = try EdgeStore.open(path: folder.path("s.sqlite"), newStoreID: "s")
        try store.commit(try Self.batch("u1", cycles: 1...3, from: 1))
        // Cycle 3 again under another sequence: the reading key forbids it.
        #expect(throws: SQLiteError.self) {
            try store.commit(try Self.batch("u1", cycles: 3...6, from: 4))
        }
        let restored = try store.restore()
        #expect(restored.lastSequence == 3)
        #expect(restored.accounting.received == 3)
    }

    @Test(
        "Pages follow the sequence without gaps or repeats, whatever their size", arguments: 1...9)
    func pages(limit: Int) throws {
        let folder = try TemporaryFolder("store")
        let store = try EdgeStore.open(path: folder.path("s.sqlite"), newStoreID: "s")
        var batch = try Self.batch("u1", cycles: 1...6, from: 1)
        let refused = SHA256.digest(of: [9])
        batch.quarantined = [
            QuarantineEntry(
                sequence: 7, topic: "t", reason: "r", payloadPrefix: [0, 255], payloadSize: 2,
                payloadHash: refused, receivedAt: 5)
        ]
        try store.commit(batch)
        try store.commit(try Self.batch("u2", cycles: 4...4, from: 8))
        var seen: [Int64] = []
        var after: Int64 = 0
        while true {
            let page = try store.log.page(after: after, limit: limit)
            seen += page.entries.map(\.sequence)
            after = page.through
            if !page.more { break }
        }
        #expect(seen == Array(1...8))
    }

    @Test("Quarantine is bounded: the oldest refused payloads leave first")
    func quarantineBound() throws {
        let folder = try TemporaryFolder("store")
        let store = try EdgeStore.open(path: folder.path("s.sqlite"), newStoreID: "s")
        let hash = SHA256.digest(of: [9])
        let limit = Int64(ProtocolLimits.quarantineCountMax)
        for start in stride(from: Int64(1), through: limit + 1, by: 2_500) {
            var batch = Batch()
            batch.quarantined = (start..<min(start + 2_500, limit + 3)).map { sequence in
                QuarantineEntry(
                    sequence: sequence, topic: "t", reason: "r", payloadPrefix: [],
                    payloadSize: 0, payloadHash: hash, receivedAt: 5)
            }
            try store.commit(batch)
        }
        #expect(try store.log.page(after: 0, limit: 1).entries.map(\.sequence) == [3])
        #expect(try store.restore().lastSequence == limit + 2)
    }

    @Test("Slots move from candidate to active to fallback, and only their blocks stay")
    func slots() throws {
        let folder = try TemporaryFolder("store")
        let store = try EdgeStore.open(path: folder.path("s.sqlite"), newStoreID: "s")
        let digests = [1, 2, 3].map { SHA256.digest(of: [UInt8($0)]) }
        for (index, digest) in digests.enumerated() {
            let offer = try SignedOffer(bytes: [UInt8](repeating: UInt8(index), count: 65))
            try store.models.apply(
                .accept(offer, bundle: digest, counter: Int64(index) + 1))
            try store.models.apply(
                .storeBlock(bundle: digest, index: 0, bytes: [UInt8(index), 7]))
            try store.models.apply(.activate(bundle: digest))
        }
        let shelf = try store.models.shelf()
        #expect(shelf.active == digests[2])
        #expect(shelf.fallback == digests[1])
        #expect(shelf.counter == 3)
        #expect(shelf.blocks == [digests[1]: [0: 2], digests[2]: [0: 2]])
        #expect(try store.models.bundle(digests[2]) == [2, 7])

        try store.models.apply(.refuse(bundle: digests[0], counter: 4, reason: "why"))
        #expect(
            try store.models.shelf().refusals
                == [ModelShelf.Refusal(bundle: digests[0], counter: 4, reason: "why")])
    }
}
