import EdgeCore
import EdgeProtocol
import Features
import Inference
import Prognostics
import Simulation
import Testing

@Suite("Installations")
struct InstallationTests {
    let model: ActiveModel

    init() throws { model = try Fixture.model("a") }

    @Test("Cycle 1 with the same values is a repeat, with other values another engine")
    func cycleOne() throws {
        var device = try SimulatedDevice(model: model)
        try device.batch("7", 1...20)
        device.batch([try Fixture.delivery("7", 1)])
        #expect(device.store.accounting.suppressed == 1)
        #expect(device.store.units[try Fixture.unit("7")]?.installation == 1)
        device.batch([try Fixture.delivery("7", 1, variant: 2)])
        let record = try #require(device.store.units[try Fixture.unit("7")])
        #expect(record.installation == 2)
        #expect(record.lastCycle == 1)
        #expect(device.store.readings.last?.key.installation == 2)
    }

    @Test("A second engine's predictions know nothing of the first")
    func freshState() throws {
        var device = try SimulatedDevice(model: model)
        try device.batch("7", 1...40)
        try device.batch("7", 1...35, variant: 2)
        var state = FeatureState()
        let second = device.store.readings.filter { $0.key.installation == 2 }
        #expect(second.count == 35)
        for entry in second {
            state.append(entry.snapshot, using: model.parameters)
            let input = model.plan.input(from: state, parameters: model.parameters)
            #expect(entry.scoring?.prediction == model.plan.run(input))
        }
        #expect(device.store.accounting.missingCycles == 0)
    }

    @Test("Both engines may change within one batch")
    func withinOneBatch() throws {
        var device = try SimulatedDevice(model: model)
        device.batch(
            try [1, 2].map { try Fixture.delivery("7", $0) }
                + [1, 2].map { try Fixture.delivery("7", $0, variant: 1) }
                + [1, 2].map { try Fixture.delivery("7", $0) })
        #expect(device.store.readings.count == 4)
        #expect(device.store.accounting.suppressed == 2)
    }

    @Test(
        "A repeat from an earlier engine is suppressed, whether it repeats, follows or jumps ahead",
        arguments: [1, 2, 3, 4, 5, 20, 30])
    func belatedRepeat(cycle: Int32) throws {
        var device = try SimulatedDevice(model: model)
        try device.batch("7", 1...30)
        try device.batch("7", 1...4, variant: 2)
        device.batch([try Fixture.delivery("7", cycle)])
        #expect(device.store.accounting.suppressed == 1)
        #expect(device.store.readings.count == 34)
        #expect(device.store.units[try Fixture.unit("7")]?.lastCycle == 4)
    }

    @Test("A whole life redelivered after the next engine began leaves no second row")
    func redeliveredLife() throws {
        var device = try SimulatedDevice(model: model)
        device.diesAfterCommit = true
        let life = try (1...12).map { try Fixture.delivery("7", $0) }
        device.batch(life + [try Fixture.delivery("7", 1, variant: 2)])
        let redelivered = try device.restart()
        #expect(redelivered.count == 13)
        device.batch(redelivered)
        #expect(device.store.readings.count == 13)
        #expect(device.store.accounting.suppressed == 13)
        let record = try #require(device.store.units[try Fixture.unit("7")])
        #expect(record.installation == 2)
        #expect(record.lastCycle == 1)
    }

    @Test("A cycle that the second engine skips is a gap in its own life")
    func gapInSecondLife() throws {
        var device = try SimulatedDevice(model: model)
        try device.batch("7", 1...10)
        device.batch([
            try Fixture.delivery("7", 1, variant: 2), try Fixture.delivery("7", 5, variant: 2),
        ])
        #expect(device.store.accounting.missingCycles == 3)
        #expect(device.store.readings.last?.key.installation == 2)
    }

    @Test("A unit that joined in mid-life and shows cycle 1 has a new engine")
    func cycleOneAfterMidLife() throws {
        var device = try SimulatedDevice(model: model)
        try device.batch("7", 150...160)
        device.batch([try Fixture.delivery("7", 1)])
        #expect(device.store.readings.last?.key.installation == 2)
        #expect(device.store.readings.last?.outcome == .scored)
    }

    /// What a cycle comes to in an engine's second installation that stands at cycle 4.
    struct Released: CustomTestStringConvertible {
        let testDescription: String
        let cycle: Int32
        let known: [KnownReading]
        let outcome: any KeyPath<Accounting, Int64> & Sendable
    }

    @Test(
        "A released reading without hash is never applied again, nor stands in another one's way",
        arguments: [
            Released(
                testDescription: "of the running engine: a repeat", cycle: 3,
                known: [KnownReading(installation: 2, payloadHash: nil)],
                outcome: \.suppressed),
            Released(
                testDescription: "of the running engine and the one before", cycle: 4,
                known: [
                    KnownReading(installation: 1, payloadHash: nil),
                    KnownReading(installation: 2, payloadHash: nil),
                ], outcome: \.suppressed),
            Released(
                testDescription: "of the engine before, below the last cycle", cycle: 2,
                known: [KnownReading(installation: 1, payloadHash: nil)], outcome: \.late),
            Released(
                testDescription: "of the engine before, where the running one goes on", cycle: 5,
                known: [KnownReading(installation: 1, payloadHash: nil)], outcome: \.scored),
        ])
    func released(_ released: Released) throws {
        let unit = try Fixture.unit("7")
        var core = EdgeCore(
            identity: try Fixture.identity(), restored: restored(), residentUnitsMax: 4)
        var effects: [EdgeEffect] = []
        core.receive(.delivery(try Fixture.delivery("7", released.cycle)), effects: &effects)
        let record = UnitRecord(installation: 2, lastCycle: 4, accounting: Accounting())
        core.receive(
            .unitLoaded(UnitHistory(unit: unit, record: record, checkpoint: nil, replay: [])),
            effects: &effects)
        core.receive(.readingLookedUp(released.known), effects: &effects)
        for case .score(let job) in effects {
            core.receive(
                .scored(
                    ticket: job.ticket, job.plan.run(job.input), latencyMicros: 1),
                effects: &effects)
        }
        core.receive(.drained, effects: &effects)
        let batches = effects.compactMap { effect -> Batch? in
            if case .commit(let batch) = effect { batch } else { nil }
        }
        let batch = try #require(batches.first)
        #expect(batch.accounting.received == 1)
        #expect(batch.accounting[keyPath: released.outcome] == 1)
        #expect(batch.units.map(\.record.installation) == [2])
    }

    private func restored() -> EdgeCore.Restored {
        var restored = EdgeCore.Restored()
        restored.model = model
        return restored
    }
}
