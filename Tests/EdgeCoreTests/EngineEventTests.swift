import EdgeCore
import EdgeProtocol
import Features
import Inference
import Prognostics
import Simulation
import Testing

/// Services and ends of engines' lives, in time and late, and what they do to predictions.
@Suite("Engine events")
struct EngineEventTests {
    let model: ActiveModel

    init() throws { model = try Fixture.model("a") }

    /// What a plain pass predicts for the first engine's cycles, with a restart after each service.
    func expected(
        _ cycles: ClosedRange<Int32>, servicedAfter services: [Int32] = [], freshAfter: Int32 = 0
    ) throws -> [Int32: Prediction] {
        var state = FeatureState()
        var predictions: [Int32: Prediction] = [:]
        for cycle in cycles {
            state.append(try Fixture.reading("7", cycle).snapshot, using: model.parameters)
            predictions[cycle] = model.plan.run(
                model.plan.input(from: state, parameters: model.parameters))
            if services.contains(cycle) { state.restartBaseline() }
            if cycle == freshAfter { state = FeatureState() }
        }
        return predictions
    }

    func record(_ device: SimulatedDevice) throws -> UnitRecord {
        try #require(device.store.units[try Fixture.unit("7")])
    }

    // MARK: Services

    @Test("A service restarts baseline and own mean after its cycle; age goes on")
    func serviced() throws {
        var device = try SimulatedDevice(model: model)
        try device.batch("7", 1...40)
        device.batch([try Fixture.event("7", .serviced, 40)])
        try device.batch("7", 41...80)
        #expect(SwapTests.predictions(device, "7") == (try expected(1...80, servicedAfter: [40])))
        #expect(SwapTests.predictions(device, "7") != (try expected(1...80)))
        let entry = try #require(device.store.events.first)
        #expect(entry.sequence == 41)
        #expect(entry.installation == 1)
        #expect(try record(device).installation == 1)
        #expect(device.store.events.count == 1)
        #expect(device.store.accounting.isBalanced)
        #expect(device.store.accounting.missingCycles == 0)
    }

    @Test("A late service of an engine that began in the same batch leaves the one before alone")
    func lateInFirstBatch() throws {
        for last: Int32 in [5, 40] {
            var device = try SimulatedDevice(model: model)
            try device.batch("7", 1...last)
            let first = try (Int32(1)...20).map { try Fixture.delivery("7", $0, variant: 1) }
            let then = try (Int32(21)...30).map { try Fixture.delivery("7", $0, variant: 1) }
            device.batch(
                [try Fixture.event("7", .removed, last)] + first
                    + [try Fixture.event("7", .serviced, 10)] + then)
            var plain = FeatureState()
            var serviced = FeatureState()
            for delivery in first + then {
                guard case .reading(let reading) = delivery.content else { continue }
                let cycle = reading.snapshot.cycle
                plain.append(reading.snapshot, using: model.parameters)
                serviced.append(reading.snapshot, using: model.parameters)
                if cycle.cycles == 10 { serviced.restartBaseline() }
                // What was predicted before the event was heard of stays as it was said.
                let state = cycle.cycles > 20 ? serviced : plain
                let expected = model.plan.run(
                    model.plan.input(from: state, parameters: model.parameters))
                let entry = device.store.readings.first {
                    $0.key.installation == 2 && $0.key.cycle == cycle
                }
                #expect(entry?.scoring?.prediction == expected, "cycle \(cycle) after \(last)")
            }
        }
    }

    @Test("Two late events in one batch: the second one starts from no checkpoint beyond the first")
    func twoLateEvents() throws {
        var device = try SimulatedDevice(model: model)
        try device.batch("7", 1...40)
        device.batch([try Fixture.event("7", .removed, 10), try Fixture.event("7", .serviced, 36)])
        try device.batch("7", 41...60)
        let expected = try expected(1...60, servicedAfter: [36], freshAfter: 10)
        let seen = SwapTests.predictions(device, "7")
        for cycle in Int32(41)...60 { #expect(seen[cycle] == expected[cycle], "cycle \(cycle)") }
    }

    @Test("A service announced ahead restarts nothing before its cycle has passed")
    func announced() throws {
        var device = try SimulatedDevice(model: model)
        device.batch([try Fixture.event("7", .serviced, 30)])
        try device.batch("7", 1...60)
        #expect(SwapTests.predictions(device, "7") == (try expected(1...60, servicedAfter: [30])))
    }

    @Test(
        "A late service gives what follows the bits of one in time, whatever batches it fell in",
        arguments: [20, 31, 32, 33, 48] as [Int32])
    func lateService(cycle: Int32) throws {
        let always = try expected(1...90, servicedAfter: [cycle])
        for isSplit in [true, false] {
            var device = try SimulatedDevice(model: model)
            if isSplit { try device.batch("7", 1...34) }
            let before = try ((isSplit ? 35 : 1)...50).map { try Fixture.delivery("7", $0) }
            let after = try (51...55).map { try Fixture.delivery("7", $0) }
            device.batch(before + [try Fixture.event("7", .serviced, cycle)] + after)
            try device.batch("7", 56...70)
            _ = try device.restart()
            try device.batch("7", 71...90)
            let seen = SwapTests.predictions(device, "7")
            for cycle in Int32(51)...90 { #expect(seen[cycle] == always[cycle], "cycle \(cycle)") }
            let plain = try expected(1...50)
            for cycle in Int32(1)...50 { #expect(seen[cycle] == plain[cycle], "said is said") }
        }
    }

    @Test("After a late service no restart begins with a checkpoint that was made without it")
    func staleCheckpoint() throws {
        var device = try SimulatedDevice(model: model)
        try device.batch("7", 1...40)
        device.batch([try Fixture.event("7", .serviced, 20)])
        _ = try device.restart()
        try device.batch("7", 41...60)
        let always = try expected(1...60, servicedAfter: [20])
        let seen = SwapTests.predictions(device, "7")
        for cycle in Int32(41)...60 { #expect(seen[cycle] == always[cycle], "cycle \(cycle)") }
    }

    @Test("Services survive restart, eviction and a model swap, bit for bit", arguments: [7, 32])
    func afterRestart(every: Int32) throws {
        let other = try Fixture.model("b")
        var device = try SimulatedDevice(model: other, residentUnitsMax: 1)
        device.feed(.controlConnected(Fixture.now()))
        for cycle in Int32(1)...100 {
            if cycle % every == 0 { _ = try device.restart() }
            try device.batch("7", cycle...cycle)
            if [25, 60].contains(cycle) {
                device.batch([try Fixture.event("7", .serviced, cycle)])
            }
            try device.batch("8", cycle...cycle)
            if cycle == 50 {
                device.feed(.controlConnected(Fixture.now()))
                try device.push(model, counter: 1)
            }
        }
        let always = try expected(1...100, servicedAfter: [25, 60])
        let seen = SwapTests.predictions(device, "7")
        for cycle in Int32(51)...100 { #expect(seen[cycle] == always[cycle], "cycle \(cycle)") }
    }

    @Test("An event that comes again is acknowledged and left, also after a restart")
    func repeated() throws {
        var device = try SimulatedDevice(model: model)
        try device.batch("7", 1...10)
        let event = try Fixture.event("7", .serviced, 10)
        device.batch([event, event])
        _ = try device.restart()
        device.batch([event])
        #expect(device.store.events.count == 1)
        #expect(device.acknowledged.count == 13)
        #expect(device.store.accounting.isBalanced)
    }

    @Test("An event of a batch that is lost leaves nothing, and comes again")
    func lostBatch() throws {
        var device = try SimulatedDevice(model: model)
        try device.batch("7", 1...30)
        device.commitsToFail = 1
        device.batch([try Fixture.event("7", .serviced, 30), try Fixture.delivery("7", 31)])
        #expect(device.store.events.isEmpty)
        let again = device.unacknowledged
        device.unacknowledged = []
        device.batch(again)
        try device.batch("7", 32...50)
        #expect(SwapTests.predictions(device, "7") == (try expected(1...50, servicedAfter: [30])))
    }

    @Test("More events than an installation can have are quarantined")
    func tooMany() throws {
        var device = try SimulatedDevice(model: model)
        let limit = Int32(ProtocolLimits.unitEventCountMax)
        device.batch(try (1...limit + 1).map { try Fixture.event("7", .serviced, $0) })
        #expect(device.store.events.count == Int(limit))
        #expect(device.store.quarantined.map(\.reason) == [PayloadError.tooManyEvents.description])
        #expect(device.store.accounting.isBalanced)
    }

    // MARK: Ends

    @Test(
        "A failure or removal ends the installation",
        arguments: [EngineEvent.Kind.failed, .removed])
    func ended(kind: EngineEvent.Kind) throws {
        var device = try SimulatedDevice(model: model)
        try device.batch("7", 1...40)
        device.batch([try Fixture.event("7", kind, 40)])
        #expect(try record(device).installation == 2)
        #expect(try record(device).lastCycle == 0)
        #expect(device.store.events.map(\.installation) == [1])
        // The identifier returns with an engine in mid-life: it begins anew, as a late starter.
        try device.batch("7", 90...120)
        let second = device.store.readings.filter { $0.key.installation == 2 }
        #expect(second.count == 31)
        let seen = SwapTests.predictions(device, "7").filter { $0.key >= 90 }
        #expect(seen == (try expected(90...120)))
        #expect(second.allSatisfy { $0.scoring?.prediction.flags.contains(.lateStarter) == true })
        #expect(device.store.accounting.missingCycles == 0)
    }

    @Test("An end within a batch parts the readings before it from those after it")
    func endWithinBatch() throws {
        var device = try SimulatedDevice(model: model)
        device.batch(
            try [1, 2, 3].map { try Fixture.delivery("7", $0) }
                + [try Fixture.event("7", .failed, 3)]
                + [1, 2].map { try Fixture.delivery("7", $0, variant: 2) })
        #expect(device.store.readings.map(\.key.installation) == [1, 1, 1, 2, 2])
        #expect(device.store.events.map(\.sequence) == [4])
    }

    @Test("A belated end is put down to the engine before, when the next one flies already")
    func belatedEnd() throws {
        for isSplit in [true, false] {
            var device = try SimulatedDevice(model: model)
            try device.batch("7", 1...40)
            let next = try (1...5).map { try Fixture.delivery("7", $0, variant: 2) }
            let event = try Fixture.event("7", .failed, 40)
            if isSplit { device.batch(next) }
            device.batch((isSplit ? [] : next) + [event])
            #expect(device.store.events.map(\.installation) == [1])
            #expect(try record(device).installation == 2)
            #expect(try record(device).lastCycle == 5)
            device.batch([event])
            #expect(device.store.events.count == 1)
            #expect(device.unacknowledged.isEmpty)
        }
    }

    @Test("A second word on an ended life changes nothing: removed, then failed on the bench")
    func twoEnds() throws {
        var device = try SimulatedDevice(model: model)
        try device.batch("7", 1...40)
        device.batch([
            try Fixture.event("7", .removed, 40), try Fixture.event("7", .failed, 40),
            try Fixture.event("7", .serviced, 40),
        ])
        #expect(device.store.events.map(\.installation) == [1, 1, 1])
        #expect(try record(device).installation == 2)
        try device.batch("7", 41...60)
        let seen = SwapTests.predictions(device, "7").filter { $0.key > 40 }
        #expect(seen == (try expected(41...60)))
    }

    @Test("A late end within a life replays only the readings after it")
    func lateEnd() throws {
        var device = try SimulatedDevice(model: model)
        try device.batch("7", 1...60)
        device.batch([try Fixture.event("7", .removed, 40)])
        try device.batch("7", 61...90)
        _ = try device.restart()
        try device.batch("7", 91...95)
        let always = try expected(1...95, freshAfter: 40)
        let seen = SwapTests.predictions(device, "7")
        for cycle in Int32(61)...95 { #expect(seen[cycle] == always[cycle], "cycle \(cycle)") }
        #expect(try record(device).installation == 1, "reading keys never change")
    }

    @Test("The same cycle may end two engines in turn")
    func sameCycleTwice() throws {
        var device = try SimulatedDevice(model: model)
        for variant in UInt64(0)..<3 {
            try device.batch("7", 1...20, variant: variant)
            device.batch([try Fixture.event("7", .failed, 20)])
        }
        #expect(device.store.events.map(\.installation) == [1, 2, 3])
        #expect(try record(device).installation == 4)
    }

    @Test("Without a model events are kept, and count once there is one")
    func unmodelled() throws {
        var device = try SimulatedDevice()
        device.feed(.controlConnected(Fixture.now()))
        try device.batch("7", 1...40)
        device.batch([try Fixture.event("7", .serviced, 20)])
        try device.push(model, counter: 1)
        try device.batch("7", 41...60)
        let always = try expected(1...60, servicedAfter: [20])
        let seen = SwapTests.predictions(device, "7")
        for cycle in Int32(41)...60 { #expect(seen[cycle] == always[cycle]) }
    }
}
