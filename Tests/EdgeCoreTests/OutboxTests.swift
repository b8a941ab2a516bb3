import EdgeCore
import EdgeProtocol
import Prognostics
import Simulation
import StrictJSON
import Testing

@Suite("Prediction outbox")
struct OutboxTests {
    let model: ActiveModel

    init() throws { model = try Fixture.model("a") }

    /// A connected device that committed readings of cycles 1 to `count`.
    func device(count: Int32, isConnected: Bool = true) throws -> SimulatedDevice {
        var device = try SimulatedDevice(model: model)
        if isConnected { device.feed(.controlConnected(Fixture.now())) }
        for start in stride(from: Int32(1), through: count, by: 100) {
            try device.batch("7", start...min(start + 99, count))
        }
        return device
    }

    @Test("Every scored row is published once, in order, while the connection stays")
    func inOrder() throws {
        var device = try device(count: 200)
        #expect(device.published.map(\.sequence) == Array(1...200))
        #expect(device.published == device.store.readings)
        for sequence in Int64(1)...200 { device.feed(.predictionPublished(sequence: sequence)) }
        try device.batch("7", 201...210)
        #expect(device.published.map(\.sequence) == Array(1...210))
    }

    @Test("Rows that were not scored are passed over")
    func unscoredRows() throws {
        var device = try device(count: 3)
        device.batch([
            try Fixture.delivery("7", 2, variant: 1), try Fixture.delivery("7", 7),
            try Fixture.delivery("7", 5), Fixture.refusedDelivery(), try Fixture.delivery("7", 8),
        ])
        let scored = device.store.readings.filter { $0.outcome == .scored }
        #expect(device.published == scored)
    }

    @Test("At most a window of predictions awaits acknowledgement, and it refills")
    func window() throws {
        var device = try device(count: 1_000, isConnected: false)
        device.feed(.controlConnected(Fixture.now()))
        #expect(device.published.count == 256)
        for sequence in Int64(1)...127 { device.feed(.predictionPublished(sequence: sequence)) }
        #expect(device.published.count == 256, "half a window at a time")
        device.feed(.predictionPublished(sequence: 128))
        #expect(device.published.count == 384)
        for sequence in Int64(129)...1_000 {
            device.feed(.predictionPublished(sequence: sequence))
        }
        #expect(device.published.map(\.sequence) == Array(1...1_000))
        #expect(device.store.publishedThrough == 1_000)
    }

    @Test("Acknowledgements out of order move the cursor only past what all have")
    func outOfOrder() throws {
        var device = try device(count: 4)
        for sequence: Int64 in [4, 2, 3] { device.feed(.predictionPublished(sequence: sequence)) }
        #expect(device.store.publishedThrough == 0)
        var again = device
        _ = try again.restart()
        again.published = []
        again.feed(.controlConnected(Fixture.now()))
        #expect(again.published.map(\.sequence) == [1, 2, 3, 4])
        device.feed(.predictionPublished(sequence: 1))
        #expect(device.store.publishedThrough == 4)
    }

    @Test("An idle outbox stores its cursor at once, a busy one with the next commit")
    func cursor() throws {
        var device = try device(count: 300)
        device.feed(.predictionPublished(sequence: 1))
        #expect(device.store.publishedThrough == 0)
        try device.batch("7", 301...301)
        #expect(device.store.publishedThrough == 1)
        for sequence in Int64(2)...301 { device.feed(.predictionPublished(sequence: sequence)) }
        #expect(device.store.publishedThrough == 301)
    }

    @Test("After a lost connection everything behind the cursor goes out again")
    func reconnect() throws {
        var device = try device(count: 6)
        for sequence: Int64 in [1, 2, 5] { device.feed(.predictionPublished(sequence: sequence)) }
        device.feed(.controlDisconnected)
        device.published = []
        // Acknowledgements of the old connection mean nothing on the new one.
        device.feed(.predictionPublished(sequence: 3))
        try device.batch("7", 7...7)
        #expect(device.published.isEmpty)
        device.feed(.controlConnected(Fixture.now()))
        #expect(device.published.map(\.sequence) == [3, 4, 5, 6, 7])
    }

    @Test("Readings committed while there is no broker are published when it is back")
    func offline() throws {
        var device = try device(count: 50, isConnected: false)
        #expect(device.published.isEmpty)
        device.feed(.controlConnected(Fixture.now()))
        #expect(device.published.map(\.sequence) == Array(1...50))
    }

    @Test("Rows read for a connection that is gone are not taken for the new one's")
    func staleRead() throws {
        var device = try device(count: 2)
        var core = device.core
        var effects: [EdgeEffect] = []
        // A commit asks for rows; before they come, the connection is lost and replaced.
        device.commitsToFail = 0
        core.receive(.delivery(try Fixture.delivery("7", 3)), effects: &effects)
        guard case .score(let job) = effects.last else {
            Issue.record("nothing to score")
            return
        }
        let row = try #require(device.store.readings.first)
        guard let prediction = row.scoring?.prediction else { return }
        core.receive(.drained, effects: &effects)
        core.receive(
            .scored(ticket: job.ticket, prediction, latencyMicros: 1), effects: &effects)
        effects = []
        core.receive(.committed(Fixture.now()), effects: &effects)
        #expect(Self.reads(effects) == [2])
        core.receive(.controlDisconnected, effects: &effects)
        core.receive(.controlConnected(Fixture.now()), effects: &effects)
        effects = []
        core.receive(.outboxRead([], through: 3), effects: &effects)
        #expect(Self.reads(effects) == [0], "the new connection reads from the cursor")
    }

    static func reads(_ effects: [EdgeEffect]) -> [Int64] {
        effects.compactMap { if case .readOutbox(let after, _) = $0 { after } else { nil } }
    }
}

@Suite("Log requests, status and health")
struct ControlTests {
    static func request(
        _ device: inout SimulatedDevice, store: String?, after: Int64, limit: Int = 10
    ) {
        device.feed(
            .logRequest(
                LogRequest(storeID: store, after: after, limit: limit),
                responseTopic: "answers", correlation: [1, 2]))
    }

    @Test("A request acknowledges the pages before it and gets the next one")
    func request() throws {
        var device = try SimulatedDevice(model: try Fixture.model("a"))
        try device.batch("7", 1...30)
        Self.request(&device, store: nil, after: 0)
        #expect(device.pages.last?.after == 0)
        #expect(device.store.pulledThrough == 0)
        Self.request(&device, store: "store-1", after: 20)
        #expect(device.pages.last?.after == 20)
        #expect(device.pages.last?.limit == 10)
        #expect(device.store.pulledThrough == 20)
    }

    @Test("A cursor of another store acknowledges nothing and starts from the beginning")
    func otherStore() throws {
        var device = try SimulatedDevice(model: try Fixture.model("a"))
        try device.batch("7", 1...30)
        Self.request(&device, store: "store-0", after: 25)
        Self.request(&device, store: nil, after: 25)
        #expect(device.pages.map(\.after) == [0, 0])
        #expect(device.store.pulledThrough == 0)
    }

    @Test("A cursor beyond the log acknowledges no more than there is")
    func beyond() throws {
        var device = try SimulatedDevice(model: try Fixture.model("a"))
        try device.batch("7", 1...30)
        Self.request(&device, store: "store-1", after: .max)
        #expect(device.store.pulledThrough == 30)
        #expect(device.pages.last?.after == 30)
    }

    @Test("Status is online only while readings arrive, and names the run that serves")
    func status() throws {
        var device = try SimulatedDevice()
        device.feed(.controlConnected(Fixture.now()))
        device.feed(.ingestSubscribed)
        try device.push(try Fixture.model("a"), counter: 1)
        device.feed(.ingestDisconnected)
        let texts = try device.statuses.map {
            let reader = try JSONReader(parsing: $0)
            return try reader.string("status") + " " + reader.string("run_id")
        }
        #expect(
            texts == ["connecting none", "online none", "online run-a", "connecting run-a"])
    }

    @Test("Health is published on change once a second, otherwise every half minute")
    func healthPace() throws {
        var device = try SimulatedDevice(model: try Fixture.model("a"))
        device.feed(.controlConnected(Fixture.now(seconds: 1)))
        #expect(device.health.count == 1)
        try device.batch("7", 1...2)
        #expect(device.health.count == 1, "changes are not worth a message each")
        device.feed(.tick(Fixture.now(seconds: 2)))
        #expect(device.health.count == 2)
        #expect(device.health.last?.accounting.scored == 2)
        device.feed(.tick(Fixture.now(seconds: 31)))
        #expect(device.health.count == 2)
        device.feed(.tick(Fixture.now(seconds: 32)))
        #expect(device.health.count == 3)
        #expect(device.health.allSatisfy { $0.accounting.isBalanced && $0.inFlight == 0 })
    }

    @Test("Health lists units with gaps, late or refused readings, and only those")
    func troubledUnits() throws {
        var device = try SimulatedDevice(model: try Fixture.model("a"))
        device.feed(.controlConnected(Fixture.now()))
        try device.batch("7", 1...2)
        device.batch([try Fixture.delivery("8", 1), try Fixture.delivery("8", 4)])
        device.feed(.tick(Fixture.now(seconds: 9)))
        #expect(device.health.last?.units.map(\.unit.description) == ["8"])
        #expect(device.health.last?.units.first?.accounting.missingCycles == 2)
    }
}
