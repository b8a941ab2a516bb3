import EdgeCore
import EdgeProtocol
import EdgeRuntime
import Features
import Prognostics
import SQLite
import Sodium
import TestSupport
import Testing

/// Asks what the device store releases when its budget is used up, and what that costs.
@Suite("Device store, disk budget", .serialized, .timeLimit(.minutes(5)))
struct DiskBudgetStoreTests {
    static let large = 2_300

    @Test("A full store that nobody pulls stops, stays in its budget, and goes on once pulled")
    func stops() throws {
        let filled = try FilledStore(rowSize: Self.large)
        let error = try filled.fill()
        #expect(error.isFull)
        #expect(error.description.contains("64 MB"))
        let report = try #require(try filled.store.diskReport())
        #expect(report.isFull)
        #expect(report.used <= report.budget)
        #expect(report.released + report.releasedUnpulled == 0)
        #expect(report.daysToFull == 0)
        #expect(try filled.diskSize() <= 64_000_000)
        let count = filled.count
        #expect(try filled.number("SELECT count(*) FROM readings") == count)

        // Pulled but not published is not enough.
        try filled.store.log.setPulled(through: Int64(count))
        #expect(try filled.fill().isFull)
        #expect(filled.count == count)
        try filled.store.log.setPublished(through: Int64(count))
        for _ in 0..<50 { try filled.commit(100) }
        let later = try #require(try filled.store.diskReport())
        #expect(!later.isFull)
        #expect(later.released > 0)
        #expect(later.releasedUnpulled == 0)
        #expect(try filled.diskSize() <= 64_000_000)
        let kept = try filled.number("SELECT count(*) FROM readings")
        #expect(kept + later.released == filled.count, "each row is kept or counted")
        #expect(try filled.number("SELECT min(sequence) FROM readings") == later.released + 1)
    }

    @Test("If so configured, the oldest readings leave unpulled and counted, and it never stops")
    func releasesOldest() throws {
        let filled = try FilledStore(whenFull: .releaseOldestCounted, rowSize: Self.large)
        for _ in 0..<300 { try filled.commit(100) }
        let report = try #require(try filled.store.diskReport())
        #expect(report.released == 0)
        #expect(report.releasedUnpulled > 0)
        #expect(
            try filled.number("SELECT count(*) FROM readings") + report.releasedUnpulled == 30_000)
        #expect(try filled.diskSize() <= 64_000_000)
        #expect(
            try filled.store.log.page(after: 0, limit: 1).entries.first?.sequence
                == report.releasedUnpulled + 1)
    }

    @Test("Refused payloads leave only when no acknowledged reading is left")
    func quarantineLast() throws {
        let filled = try FilledStore(rowSize: Self.large)
        var batch = Batch()
        batch.quarantined = (0..<600).map { number in
            QuarantineEntry(
                sequence: 1_000_000 + Int64(number), topic: "t", reason: "r",
                payloadPrefix: [UInt8](repeating: 7, count: 1_000), payloadSize: 1_000,
                payloadHash: EdgeStoreTests.parameters, receivedAt: 0)
        }
        try filled.store.commit(batch)
        for _ in 0..<4 { try filled.commit(500) }
        try filled.store.log.setPulled(through: 2_000)
        try filled.store.log.setPublished(through: 2_000)
        while try #require(try filled.store.diskReport()).released < 2_000 {
            #expect(try filled.number("SELECT count(*) FROM quarantine") == 600)
            try filled.commit(500)
        }
        #expect(try filled.fill().isFull)
        let report = try #require(try filled.store.diskReport())
        #expect(report.quarantineReleased == 600)
        #expect(report.released == 2_000)
    }

    @Test("Of released readings each cycle stays known; of the first and the last ones, their hash")
    func repeatsStayKnown() throws {
        let filled = try Self.released()
        let report = try #require(try filled.store.diskReport())
        try #require(report.released > 100)
        let last = Int(report.released)
        for (sequence, hasHash) in [
            (1, true), (2, true), (50, false), (last / 2, false), (last, true), (last + 1, true),
        ] {
            let key = try FilledStore.key(sequence)
            let hash = SHA256.digest(
                of: try EdgeStoreTests.snapshot(key.cycle.cycles).canonicalBytes)
            let known = try filled.store.known(key.unit, cycle: key.cycle)
            #expect(
                known == [KnownReading(installation: 1, payloadHash: hasHash ? hash : nil)],
                "sequence \(sequence)")
        }
        let beyond = try #require(CycleCount(20_000))
        #expect(try filled.store.known(try EdgeStoreTests.unit("u0"), cycle: beyond).isEmpty)
        try filled.reopen()
        #expect(try filled.store.restore().lastSequence == filled.count)
    }

    @Test("A unit whose first readings were released comes back as a late starter, and says so")
    func lateStarters() throws {
        let filled = try Self.released()
        let unit = try EdgeStoreTests.unit("u0")
        let history = try filled.store.history(of: unit, parameters: EdgeStoreTests.parameters)
        #expect(history.record?.lastCycle == (try FilledStore.key(filled.count)).cycle.cycles)
        let first = try #require(history.replay.first)
        #expect(first.cycle.cycles > 1)
        let parameters = try FeatureParameters(
            centroids: [0, 0, 0], means: [Double](repeating: 0, count: 14),
            deviations: [Double](repeating: 1, count: 14),
            healthWeights: [Double](repeating: 0, count: 15), ageMax: try #require(CycleCount(300)))
        var state = FeatureState()
        for snapshot in history.replay { state.append(snapshot, using: parameters) }
        #expect(state.flags(using: parameters).contains(.lateStarter))
        #expect(!state.flags(using: parameters).contains(.gap))
    }

    @Test("A checkpoint that needs a released reading leaves with it, another one stays")
    func checkpoints() throws {
        let filled = try FilledStore(rowSize: Self.large)
        try filled.commit(500)
        let database = try Database(path: filled.folder.path("s.sqlite"), mode: .readWriteCreate)
        // Unit 1 went on to cycle 42, so a state of cycle 40 needs two of its readings.
        try database.execute(
            """
            INSERT INTO checkpoints SELECT unit_id, x'00', 1, 40, x'01' FROM units
              WHERE name = 'u1';
            INSERT INTO checkpoints SELECT unit_id, x'00', 1, 5000, x'01' FROM units
              WHERE name = 'u2';
            """)
        database.close()
        #expect(try filled.fill().isFull)
        try filled.store.log.setPulled(through: 2_000)
        try filled.store.log.setPublished(through: 2_000)
        try filled.commit(100)
        let sql = "SELECT count(*) FROM checkpoints JOIN units USING (unit_id) WHERE name = "
        #expect(try filled.number(sql + "'u1'") == 0)
        #expect(try filled.number(sql + "'u2'") == 1)
    }

    @Test("Thirty days without broker and back office lose nothing; the catch-up is paced")
    func thirtyDays() throws {
        let filled = try FilledStore()
        let day: Int64 = 86_400_000
        for number in 0..<30 * 24 {
            try filled.commit(84, at: Int64(number) * day / 24)
        }
        let total = filled.count
        let report = try #require(try filled.store.diskReport())
        let days = try #require(report.daysToFull)
        #expect(report.released + report.releasedUnpulled + report.quarantineReleased == 0)

        try filled.reopen()
        var catchUp = try CatchUp(filled.store)
        try catchUp.connect()
        #expect(catchUp.published.count <= 1_000)
        while catchUp.published.count < total {
            let before = catchUp.published.count
            try catchUp.second()
            try #require((1...1_000).contains(catchUp.published.count - before))
        }
        #expect(catchUp.published == Array(1...Int64(total)), "each once, in order")
        #expect(catchUp.liveCount == 0, "all of it is marked as backfill")

        var pulled: [Int64] = []
        var after: Int64 = 0
        while true {
            let page = try filled.store.log.page(after: after, limit: 1_000)
            pulled += page.entries.map(\.sequence)
            after = page.through
            if !page.more { break }
        }
        #expect(pulled == Array(1...Int64(total)))

        // The forecast was for nobody pulling: it comes true within a tenth.
        var lasted: Int64 = 0
        do {
            while true {
                for hour in 0..<24 {
                    try filled.commit(84, at: (30 + lasted) * day + Int64(hour) * day / 24)
                }
                lasted += 1
            }
        } catch let error as SQLiteError {
            #expect(error.isFull)
        }
        #expect(abs(lasted - days) <= max(2, days / 10), "forecast \(days), lasted \(lasted)")
    }

    /// A store that was full, was pulled, and released a part.
    private static func released() throws -> FilledStore {
        let filled = try FilledStore(rowSize: large)
        #expect(try filled.fill().isFull)
        try filled.store.log.setPulled(through: 3_000)
        try filled.store.log.setPublished(through: 3_000)
        try filled.commit(500)
        return filled
    }
}

/// The real machine publishing from the real store, with a broker that acknowledges at once.
private struct CatchUp {
    private let store: EdgeStore
    private var core: EdgeCore
    private var seconds: Int64 = 1
    private(set) var published: [Int64] = []
    private(set) var liveCount = 0

    init(_ store: EdgeStore) throws {
        self.store = store
        let identity = AgentIdentity(
            agent: try EdgeStoreTests.unit("a"),
            topics: try #require(Topics(fleet: try EdgeStoreTests.unit("f"))),
            featureSpec: FeatureSpec.identifier, version: "1", storeID: store.storeID)
        core = EdgeCore(
            identity: identity, restored: try store.restore(), residentUnitsMax: 1,
            backfillRateMax: 1_000)
    }

    private var now: Instant {
        Instant(wallMillis: 1_000 * seconds, monotonicMicros: 1_000_000 * seconds)
    }

    mutating func connect() throws { try feed(.controlConnected(now)) }

    mutating func second() throws {
        seconds += 1
        try feed(.tick(now))
    }

    private mutating func feed(_ input: EdgeInput) throws {
        var inputs = [input]
        var next = 0
        while next < inputs.count {
            var effects: [EdgeEffect] = []
            core.receive(inputs[next], effects: &effects)
            next += 1
            for effect in effects {
                switch effect {
                case .readOutbox(let after, let limit):
                    let (entries, through) = try store.log.scored(after: after, limit: limit)
                    inputs.append(.outboxRead(entries, through: through))
                case .publishPrediction(let entry, let isBackfill):
                    published.append(entry.sequence)
                    if !isBackfill { liveCount += 1 }
                    inputs.append(.predictionPublished(sequence: entry.sequence))
                case .storePublished(let sequence):
                    try store.log.setPublished(through: sequence)
                default: break
                }
            }
        }
    }
}
