import EdgeCore
import EdgeProtocol
import Prognostics
import Testing

/// A few thousand random steps against a reference; a failure prints the seed that repeats it.
@Suite("Simulated lives of a device")
struct SimulationTests {
    @Test(
        "Whatever is killed, and whenever, every reading has exactly one outcome and is published",
        arguments: [1, 2, 3, 4, 5, 6, 20_261_121] as [UInt64])
    func simulation(seed: UInt64) throws {
        var world = try SimulatedWorld(seed: seed)
        for _ in 0..<3_000 { try world.step() }
        try world.settle()
        try check(world, seed: seed)
    }

    private func check(_ world: SimulatedWorld, seed: UInt64) throws {
        let store = world.device.store
        let reference = world.reference
        let rows = store.readings.map {
            ReferenceIngest.Row(
                unit: $0.key.unit.description, installation: $0.key.installation,
                cycle: $0.key.cycle.cycles, hash: $0.payloadHash, isLate: $0.outcome == .late)
        }
        #expect(rows == reference.rows, "seed \(seed)")
        #expect(Set(store.readings.map(\.key)).count == rows.count, "seed \(seed)")

        // Loss and double scoring are judged from outside: by what was acknowledged.
        var rowsByReading: [SentReading: Int] = [:]
        for row in rows {
            rowsByReading[.init(unit: row.unit, cycle: row.cycle, hash: row.hash), default: 0] += 1
        }
        #expect(rowsByReading.values.allSatisfy { $0 == 1 }, "seed \(seed)")
        let refused = Set(store.quarantined.map(\.payloadHash))
        for delivery in world.device.acknowledged {
            guard case .reading(let reading) = delivery.content else { continue }
            let sent = SentReading(
                unit: reading.unit.description, cycle: reading.snapshot.cycle.cycles,
                hash: delivery.payloadHash)
            #expect(
                rowsByReading[sent] == 1 || refused.contains(delivery.payloadHash),
                "seed \(seed): \(sent) was acknowledged and left no trace")
        }
        #expect(world.device.acknowledged.count >= world.sentCount, "seed \(seed)")

        let accounting = store.accounting
        #expect(accounting.isBalanced, "seed \(seed)")
        #expect(accounting.received == reference.received, "seed \(seed)")
        #expect(accounting.suppressed == reference.suppressed, "seed \(seed)")
        #expect(accounting.late == reference.late, "seed \(seed)")
        #expect(accounting.quarantined == reference.quarantined, "seed \(seed)")

        let published = Set(world.device.published.map(\.sequence))
        let scored = store.readings.filter { $0.scoring != nil }
        #expect(scored.allSatisfy { published.contains($0.sequence) }, "seed \(seed)")
        #expect(
            ReferenceIngest.isExact(store, models: world.modelsByRun),
            "seed \(seed): a prediction has other bits than a plain pass gives")

        // The run is worth something only if everything happened in it.
        #expect(scored.count > 300 && world.swapCount > 3 && world.crashCount > 20)
        #expect(accounting.suppressed > 50 && accounting.late > 5 && accounting.quarantined > 5)
        #expect(store.readings.contains { $0.key.installation > 2 }, "seed \(seed)")
    }

    struct SentReading: Hashable {
        let unit: String
        let cycle: Int32
        let hash: Digest
    }
}

/// Sensors, a broker and a device that crashes, driven by one seed.
struct SimulatedWorld {
    private(set) var device: SimulatedDevice
    private(set) var reference = ReferenceIngest()
    private(set) var modelsByRun: [String: ActiveModel] = [:]
    private(set) var sentCount = 0
    private(set) var swapCount = 0
    private(set) var crashCount = 0

    private var random: SplitMix64
    private let models: [ActiveModel]
    /// The broker's queue of the persistent session.
    private var queue: [Delivery] = []
    /// Everything ever sent, for repeats.
    private var sent: [Delivery] = []
    private var cycles: [String: Int32] = [:]
    private var engines: [String: UInt64] = [:]
    private var counter: Int64 = 0
    private var isConnected = false
    /// Published predictions whose acknowledgement is on its way, on this connection.
    private var unconfirmed: [Int64] = []
    private var publishedCount = 0

    init(seed: UInt64) throws {
        random = SplitMix64(seed: seed)
        models = try ["a", "b", "c"].map { try Fixture.model($0) }
        for model in models { modelsByRun[model.runID] = model }
        device = try SimulatedDevice(residentUnitsMax: 2)
        for model in models { device.models[model.digest] = model }
    }

    mutating func step() throws {
        switch random.below(20) {
        case 0...8: try send()
        case 9...14: try runBatch()
        case 15: try crash()
        case 16, 17: toggleConnection()
        case 18: confirm()
        default: try pushModel()
        }
        collect()
    }

    /// Ends all faults and lets everything that is under way arrive.
    mutating func settle() throws {
        device.commitsToFail = 0
        while !queue.isEmpty { try runBatch(faults: false) }
        if isConnected { toggleConnection() }
        toggleConnection()
        collect()
        var seconds: Int64 = 1
        while !unconfirmed.isEmpty {
            confirm(all: true)
            // A long backfill goes on with the next second.
            seconds += 1
            device.feed(.tick(Fixture.now(seconds: seconds)))
            collect()
        }
    }

    // MARK: Sensors

    private mutating func send() throws {
        let unit = ["7", "8", "9"][random.below(3)]
        var cycle = cycles[unit] ?? 0
        for _ in 0...random.below(6) {
            switch random.below(30) {
            case 0: cycle += Int32(random.below(4)) + 2
            case 1 where cycle > 12:
                engines[unit, default: 0] += 1
                cycle = 1
            default: cycle += 1
            }
            append(try Fixture.delivery(unit, cycle, variant: engines[unit] ?? 0))
        }
        cycles[unit] = cycle
        switch random.below(8) {
        case 0: append(Fixture.refusedDelivery("garbage \(random.below(9))"))
        case 1, 2: append(sent[random.below(sent.count)])
        case 3 where cycle > 3:
            let late = cycle - Int32(random.below(3)) - 1
            append(try Fixture.delivery(unit, late, variant: engines[unit] ?? 0))
        case 4 where cycle > 3:
            append(try Fixture.delivery(unit, cycle - 1, variant: 1_000 + UInt64(sent.count)))
        case 5 where queue.count > 3:
            let place = random.below(queue.count - 1)
            queue.swapAt(place, place + 1)
        default: break
        }
    }

    private mutating func append(_ delivery: Delivery) {
        queue.append(delivery)
        sent.append(delivery)
        sentCount += 1
    }

    // MARK: Broker and device

    private mutating func runBatch(faults: Bool = true) throws {
        guard !queue.isEmpty else { return }
        let count = min(queue.count, 1 + random.below(9))
        let deliveries = Array(queue.prefix(count))
        queue.removeFirst(count)
        let before = device.store.accounting.received
        if faults {
            device.commitsToFail = random.below(12) == 0 ? 1 : 0
            device.diesAfterCommit = random.below(15) == 0
        }
        for delivery in deliveries { device.deliver(delivery) }
        if faults, random.below(25) == 0 { return try crash() }
        device.feed(.drained)
        var generator = random
        device.finishScores { $0.shuffled(using: &generator) }
        random = generator
        if device.store.accounting.received > before {
            for delivery in deliveries { reference.take(delivery) }
        }
        if device.isDead {
            try crash()
        } else if !device.unacknowledged.isEmpty {
            // The connection was dropped: the session's messages come again, in their order.
            queue = device.unacknowledged + queue
            device.unacknowledged = []
        }
    }

    private mutating func crash() throws {
        crashCount += 1
        collect()
        queue = try device.restart() + queue
        isConnected = false
        unconfirmed = []
        publishedCount = device.published.count
    }

    private mutating func toggleConnection() {
        isConnected.toggle()
        device.feed(isConnected ? .controlConnected(Fixture.now()) : .controlDisconnected)
        if !isConnected { unconfirmed = [] }
    }

    private mutating func collect() {
        unconfirmed += device.published[publishedCount...].map(\.sequence)
        publishedCount = device.published.count
        if !isConnected { unconfirmed = [] }
    }

    private mutating func confirm(all: Bool = false) {
        let count = all ? unconfirmed.count : min(unconfirmed.count, random.below(60))
        let waiting = unconfirmed
        unconfirmed = []
        for (index, sequence) in waiting.enumerated() {
            if index < count {
                device.feed(.predictionPublished(sequence: sequence))
            } else {
                unconfirmed.append(sequence)
            }
        }
    }

    private mutating func pushModel() throws {
        guard isConnected else { return }
        counter = max(counter, device.store.shelf.counter) + 1
        let before = device.core.activeRunID
        let model = models[random.below(models.count)]
        try device.push(model, counter: counter, blockCount: 1 + random.below(3))
        if device.core.activeRunID != before { swapCount += 1 }
    }
}
