import EdgeCore
import EdgeProtocol
import Features
import Inference
import Prognostics
import Simulation
import Testing

/// Drives the machine with lists of inputs: no broker, no file, no clock.
@Suite("Ingest")
struct IngestTests {
    let model: ActiveModel

    init() throws { model = try Fixture.model("a") }

    static func outcomes(_ device: SimulatedDevice) -> [String] {
        device.store.readings.map {
            "\($0.key.unit)/\($0.key.installation)/\($0.key.cycle) \($0.outcome.name)"
        }
    }

    @Test("Every reading of a new unit gets one scored row, in order of arrival")
    func newUnit() throws {
        var device = try SimulatedDevice(model: model)
        try device.batch("7", 1...3)
        #expect(Self.outcomes(device) == ["7/1/1 scored", "7/1/2 scored", "7/1/3 scored"])
        #expect(device.store.readings.map(\.sequence) == [1, 2, 3])
        #expect(device.store.readings.allSatisfy { $0.scoring?.runID == "run-a" })
        #expect(device.store.accounting.received == 3)
        #expect(device.store.accounting.scored == 3)
    }

    @Test("Rows carry the predictions of an independent pass over the same snapshots")
    func predictions() throws {
        var device = try SimulatedDevice(model: model)
        try device.batch("7", 1...40)
        try device.batch("7", 41...70)
        var state = FeatureState()
        for entry in device.store.readings {
            state.append(entry.snapshot, using: model.parameters)
            let input = model.plan.input(from: state, parameters: model.parameters)
            #expect(entry.scoring?.prediction == model.plan.run(input))
        }
        let ruls = Set(device.store.readings.compactMap { $0.scoring?.prediction.rul })
        #expect(ruls.count > 60, "predictions that hardly differ would prove nothing")
    }

    @Test("Nothing is acknowledged or published before its commit")
    func order() throws {
        var device = try SimulatedDevice(model: model)
        device.feed(.controlConnected(Fixture.now()))
        device.events = []
        device.holdsScores = true
        try device.batch("7", 1...2)
        #expect(device.events.isEmpty)
        device.finishScores { Array($0.dropLast()) }
        #expect(device.events.isEmpty)
        device = try SimulatedDevice(model: model)
        device.feed(.controlConnected(Fixture.now()))
        device.events = []
        try device.batch("7", 1...2)
        #expect(
            device.events == [
                .commit(readings: 2), .acknowledge, .publish(sequence: 1), .publish(sequence: 2),
            ])
    }

    @Test("Scores may come back in any order; rows stay in order of arrival")
    func scoreOrder() throws {
        var forward = try SimulatedDevice(model: model)
        try forward.batch("7", 1...9)
        var backward = try SimulatedDevice(model: model)
        backward.holdsScores = true
        try backward.batch("7", 1...9)
        backward.finishScores { $0.reversed() }
        #expect(backward.store.readings == forward.store.readings)
    }

    @Test("A repeat is suppressed in the same batch, after the commit and after an eviction")
    func repeats() throws {
        var device = try SimulatedDevice(model: model, residentUnitsMax: 1)
        device.batch(try [1, 1, 2, 1].map { try Fixture.delivery("7", $0) })
        #expect(device.store.accounting.suppressed == 2)
        try device.batch("7", 2...2)
        #expect(device.store.accounting.suppressed == 3)
        try device.batch("8", 1...1)
        try device.batch("7", 1...2)
        #expect(device.store.accounting.suppressed == 5)
        #expect(Self.outcomes(device) == ["7/1/1 scored", "7/1/2 scored", "8/1/1 scored"])
        #expect(device.acknowledged.count == 8, "repeats are acknowledged too")
    }

    @Test("The same key with other values is a conflict: quarantined, never applied")
    func conflict() throws {
        var device = try SimulatedDevice(model: model)
        try device.batch("7", 1...3)
        let other = try Fixture.delivery("7", 2, variant: 9)
        device.batch([other])
        #expect(device.store.accounting.quarantined == 1)
        #expect(device.store.readings.count == 3)
        let entry = try #require(device.store.quarantined.first)
        #expect(entry.reason.hasPrefix("Cycle 2 of installation 1 arrived before"))
        #expect(entry.topic == "engines/7/readings")
        #expect(entry.payloadHash == other.payloadHash)
        #expect(entry.sequence == 4)
        try device.batch("7", 4...4)
        #expect(device.store.readings.last?.sequence == 5)
    }

    @Test("A conflict within one batch is seen before anything is committed")
    func conflictInBatch() throws {
        var device = try SimulatedDevice(model: model)
        device.batch([
            try Fixture.delivery("7", 1), try Fixture.delivery("7", 2),
            try Fixture.delivery("7", 2, variant: 1), try Fixture.delivery("7", 2),
        ])
        #expect(device.store.accounting.quarantined == 1)
        #expect(device.store.accounting.suppressed == 1)
    }

    @Test("A cycle below the last one is logged as late and not applied")
    func late() throws {
        var device = try SimulatedDevice(model: model)
        var steady = try SimulatedDevice(model: model)
        for cycle: Int32 in [1, 2, 5, 6] { steady.batch([try Fixture.delivery("7", cycle)]) }
        for cycle: Int32 in [1, 2, 5, 4, 6] { device.batch([try Fixture.delivery("7", cycle)]) }
        #expect(
            Self.outcomes(device) == [
                "7/1/1 scored", "7/1/2 scored", "7/1/5 scored", "7/1/4 late", "7/1/6 scored",
            ])
        #expect(
            device.store.readings.last?.scoring?.prediction
                == steady.store.readings.last?.scoring?.prediction)
        device.batch([try Fixture.delivery("7", 4)])
        #expect(device.store.accounting.late == 1)
        #expect(device.store.accounting.suppressed == 1, "a repeat of a late reading is a repeat")
        #expect(device.store.units[try Fixture.unit("7")]?.lastCycle == 6)
    }

    @Test("A gap is applied, its cycles are counted as missing and predictions say so")
    func gap() throws {
        var device = try SimulatedDevice(model: model)
        device.batch(try [1, 2, 5, 10].map { try Fixture.delivery("7", $0) })
        #expect(device.store.accounting.missingCycles == 2 + 4)
        #expect(device.store.units[try Fixture.unit("7")]?.accounting.missingCycles == 6)
        #expect(device.store.readings[1].scoring?.prediction.flags.contains(.gap) == false)
        #expect(device.store.readings[2].scoring?.prediction.flags.contains(.gap) == true)
    }

    @Test("A unit first seen in mid-life misses nothing, and its predictions say so")
    func lateStarter() throws {
        var device = try SimulatedDevice(model: model)
        try device.batch("7", 50...51)
        #expect(device.store.accounting.missingCycles == 0)
        #expect(device.store.readings[1].scoring?.prediction.flags.contains(.lateStarter) == true)
    }

    @Test("A refused payload is quarantined with its bytes, counted and acknowledged")
    func refused() throws {
        var device = try SimulatedDevice(model: model)
        device.batch([Fixture.refusedDelivery("garbage")])
        let entry = try #require(device.store.quarantined.first)
        #expect(entry.payloadPrefix == Array("garbage".utf8))
        #expect(entry.topic == "readings")
        #expect(device.store.accounting.quarantined == 1)
        #expect(device.store.accounting.unprotected == 1)
        #expect(device.acknowledged.count == 1)
    }

    @Test("Without a model readings are stored, acknowledged and counted as unscored")
    func unscored() throws {
        var device = try SimulatedDevice()
        device.feed(.controlConnected(Fixture.now()))
        try device.batch("7", 1...3)
        #expect(device.store.readings.allSatisfy { $0.outcome == .unscored && $0.scoring == nil })
        #expect(device.store.accounting.unscored == 3)
        #expect(device.acknowledged.count == 3)
        #expect(device.published.isEmpty)
    }

    @Test("The counters balance after every commit, for the agent and for each unit")
    func balance() throws {
        var device = try SimulatedDevice(model: model)
        try device.batch("7", 1...5)
        device.batch([
            Fixture.refusedDelivery(), try Fixture.delivery("7", 3),
            try Fixture.delivery("7", 4, variant: 1), try Fixture.delivery("8", 9),
            try Fixture.delivery("8", 7), Fixture.delivery(try Fixture.reading("7", 6)),
        ])
        let accounting = device.store.accounting
        #expect(accounting.isBalanced)
        #expect(accounting.received == 11)
        #expect(accounting.quarantined == 2)
        #expect(accounting.late == 1)
        for record in device.store.units.values { #expect(record.accounting.isBalanced) }
    }

    @Test("A failed commit drops the connection, forgets everything and acknowledges nothing")
    func failedCommit() throws {
        var device = try SimulatedDevice(model: model)
        try device.batch("7", 1...2)
        let before = device.store.accounting
        device.events = []
        device.commitsToFail = 1
        let deliveries = [
            try Fixture.delivery("7", 3), try Fixture.delivery("7", 1, variant: 5),
            try Fixture.delivery("8", 1), Fixture.refusedDelivery(),
        ]
        device.batch(deliveries)
        #expect(device.events.contains(.dropIngest))
        #expect(!device.events.contains(.acknowledge))
        #expect(device.store.accounting == before)

        // The broker delivers again: each reading is applied exactly once.
        device.unacknowledged = []
        device.batch(deliveries)
        #expect(
            Self.outcomes(device) == [
                "7/1/1 scored", "7/1/2 scored", "7/1/3 scored", "7/2/1 scored", "8/1/1 scored",
            ])
        #expect(device.store.readings.map(\.sequence) == [1, 2, 3, 4, 5])
        #expect(device.store.accounting.received == before.received + 4)
        #expect(device.store.accounting.isBalanced)
    }

    @Test("After a crash between commit and acknowledgement the redelivery is suppressed")
    func crashAfterCommit() throws {
        var device = try SimulatedDevice(model: model)
        device.diesAfterCommit = true
        try device.batch("7", 1...5)
        #expect(device.acknowledged.isEmpty)
        #expect(device.store.readings.count == 5)
        let redelivered = try device.restart()
        device.batch(redelivered + [try Fixture.delivery("7", 6)])
        #expect(device.store.accounting.suppressed == 5)
        #expect(device.store.accounting.scored == 6)
        #expect(device.acknowledged.count == 6)
    }

    @Test("Draining an idle machine commits nothing")
    func idleDrain() throws {
        var device = try SimulatedDevice(model: model)
        device.feed(.drained)
        device.feed(.drained)
        #expect(device.events.isEmpty)
    }

    @Test("A delivery while a look-up is outstanding is a bug in the shell and traps")
    func trapsOnInterleaving() async {
        await #expect(processExitsWith: .failure) {
            var core = EdgeCore(
                identity: try Fixture.identity(), restored: .init(), residentUnitsMax: 1)
            var effects: [EdgeEffect] = []
            core.receive(.delivery(try Fixture.delivery("7", 1)), effects: &effects)
            core.receive(.delivery(try Fixture.delivery("7", 2)), effects: &effects)
        }
    }
}
