import EdgeCore
import EdgeProtocol
import Features
import Inference
import Prognostics
import Simulation
import StrictJSON
import Testing

/// A candidate beside the running model, and an activated one before it is trusted.
@Suite("Shadow, probation and the way back")
struct ModelTrialTests {
    let old: ActiveModel
    let new: ActiveModel

    init() throws {
        old = try Fixture.model("a")
        new = try Fixture.model("b")
    }

    /// A connected device that runs `old` and has stored 40 readings of each of two units.
    func device() throws -> SimulatedDevice {
        var device = try SimulatedDevice()
        device.feed(.controlConnected(Fixture.now()))
        try device.push(old, counter: 5)
        try device.batch("7", 1...40)
        try device.batch("8", 1...40)
        device.models[new.digest] = new
        return device
    }

    /// Differences of the two models' RUL on the stored readings, by a plain pass.
    func differences(_ device: SimulatedDevice) -> [Double] {
        var differences: [Double] = []
        for unit in device.store.newestUnits(limit: 9) {
            var states = (FeatureState(), FeatureState())
            for snapshot in device.store.newestReadings(of: unit, limit: 999).snapshots {
                states.0.append(snapshot, using: old.parameters)
                states.1.append(snapshot, using: new.parameters)
                guard states.0.count >= 15 else { continue }
                let ours = old.plan.run(old.plan.input(from: states.0, parameters: old.parameters))
                let theirs = new.plan.run(
                    new.plan.input(from: states.1, parameters: new.parameters))
                differences.append(abs(Double(ours.rul) - Double(theirs.rul)))
            }
        }
        return differences
    }

    // MARK: Shadow

    @Test("A candidate scores the stored readings in short slices before it serves")
    func shadow() throws {
        var device = try device()
        try device.push(new, counter: 6)
        #expect(device.core.activeRunID == "run-b")
        #expect(device.sliceCount == 6, "40 readings of two units, 16 at a time")
    }

    @Test("Going back to the bundle that the store calls active, after one that it could not store")
    func backToStored() throws {
        var device = try device()
        device.failsActivation = true
        try device.push(new, counter: 6)
        #expect(device.core.activeRunID == "run-b")
        #expect(device.store.shelf.active == old.digest, "the disk refused the change")
        device.failsActivation = false
        try device.push(old, counter: 7)
        #expect(device.core.activeRunID == "run-a")
        #expect(device.store.shelf.active == old.digest)
    }

    @Test("A worker's answer to an earlier shadow run of the same bundle counts for nothing")
    func staleShadow() throws {
        var device = try device()
        device.holdsShadow = true
        try device.push(new, counter: 6)
        let stale = try #require(device.heldSlices.first)
        // The same bundle under a newer offer: it is compared from the start.
        try device.push(new, counter: 7)
        #expect(device.heldSlices.count == 2)
        device.feed(.shadowed(stale.run()))
        #expect(device.heldSlices.count == 2, "nothing goes on for the first run")

        device.holdsShadow = false
        device.feed(.shadowed(device.heldSlices[1].run()))
        #expect(device.core.activeRunID == "run-b")
        #expect(device.sliceCount == 7, "one of the first run, six of the second")
    }

    @Test("A candidate that differs by more than the offer allows is held, with the figures")
    func held() throws {
        var device = try device()
        let differences = differences(device)
        let limit = try #require(differences.sorted().dropLast(2).last)
        let exceeding = differences.count { $0 > limit }
        #expect(differences.count == 52)
        try device.push(new, counter: 6, disagreementMax: limit)
        #expect(device.core.activeRunID == "run-a")
        let report = try ModelDeliveryTests.report(device)
        #expect(try report.string("state") == "held")
        #expect(try report.string("reason").contains("on \(exceeding) of 52 stored readings"))
        #expect(device.store.blocks[new.digest]?.count == 3, "an offer that allows more may come")
        try device.batch("7", 41...42)
        #expect(device.store.readings.last?.scoring?.runID == "run-a")

        // It is not tried again under its counter, also not after a restart.
        _ = try device.restart()
        device.sliceCount = 0
        device.feed(.controlConnected(Fixture.now()))
        let offer = try Fixture.offer(new, counter: 6, disagreementMax: limit)
        device.feed(.offer(try Fixture.receipt(offer), Fixture.now()))
        #expect(device.sliceCount == 0)
        #expect(try ModelDeliveryTests.report(device).string("state") == "held")

        // A new offer with a limit that fits needs no blocks.
        let allowing = try Fixture.offer(new, counter: 7)
        device.feed(.offer(try Fixture.receipt(allowing), Fixture.now()))
        #expect(device.core.activeRunID == "run-b")
    }

    @Test("One reading in a hundred may exceed the limit, two may not", arguments: [1, 2])
    func share(exceeding: Int) throws {
        var device = try device()
        try device.batch("7", 41...64)
        try device.batch("8", 41...64)
        let sorted = differences(device).sorted()
        #expect(sorted.count == 100)
        try device.push(new, counter: 6, disagreementMax: sorted[99 - exceeding])
        #expect(device.core.activeRunID == (exceeding == 1 ? "run-b" : "run-a"))
    }

    @Test("A device without readings has nothing to compare and serves the candidate")
    func nothingStored() throws {
        var device = try SimulatedDevice()
        device.feed(.controlConnected(Fixture.now()))
        try device.push(old, counter: 5)
        try device.push(new, counter: 6, disagreementMax: 0)
        #expect(device.core.activeRunID == "run-b")
    }

    @Test("A restart in the shadow begins it again")
    func restartInShadow() throws {
        var device = try device()
        device.diesInShadow = true
        try device.push(new, counter: 6)
        #expect(device.store.shelf.active == old.digest)
        _ = try device.restart()
        device.feed(.controlConnected(Fixture.now()))
        #expect(device.core.activeRunID == "run-b")
    }

    // MARK: Crash loops

    @Test("A candidate that ends the process three times is refused at the fourth start")
    func crashInTrial() throws {
        var device = try device()
        for _ in 1...3 {
            device.diesInShadow = true
            if device.store.shelf.counter == 6 {
                device.feed(.controlConnected(Fixture.now()))
            } else {
                try device.push(new, counter: 6)
            }
            _ = try device.restart()
        }
        #expect(device.store.shelf.trials[new.digest] == 3)
        device.diesInShadow = true
        device.feed(.controlConnected(Fixture.now()))
        _ = try device.restart()
        device.feed(.controlConnected(Fixture.now()))
        #expect(device.core.activeRunID == "run-a")
        #expect(device.store.shelf.refusals.map(\.bundle) == [new.digest])
        #expect(device.store.blocks[new.digest] == nil)
        let offer = try Fixture.offer(new, counter: 6)
        device.feed(.offer(try Fixture.receipt(offer), Fixture.now()))
        #expect(try ModelDeliveryTests.reason(device).hasPrefix("The agent ended unasked 3 times"))
        #expect(device.subscribedBlocks.isEmpty)
    }

    @Test("An active model that ends the process at every start makes way for its fallback")
    func crashLoop() throws {
        var device = try device()
        try device.push(new, counter: 6)
        #expect(device.core.activeRunID == "run-b")
        for start in 1...3 {
            _ = try device.restart()
            #expect(device.core.activeRunID == "run-b")
            #expect(device.store.shelf.trials[new.digest] == start)
        }
        _ = try device.restart()
        #expect(device.core.activeRunID == "run-a")
        #expect(device.store.shelf.active == old.digest)
        #expect(device.store.shelf.fallback == nil)
        #expect(device.store.blocks[new.digest] == nil)
        device.feed(.controlConnected(Fixture.now()))
        let offer = try Fixture.offer(new, counter: 6)
        device.feed(.offer(try Fixture.receipt(offer), Fixture.now()))
        #expect(device.core.activeRunID == "run-a")
        #expect(try ModelDeliveryTests.report(device).string("state") == "refused")
        try device.batch("7", 41...41)
        #expect(device.store.readings.last?.scoring?.runID == "run-a")
    }

    @Test(
        "A prediction on disk, or a minute, forgives the starts before", arguments: [true, false])
    func forgiven(byPrediction: Bool) throws {
        var device = try device()
        try device.push(new, counter: 6)
        for start in Int32(1)...9 {
            _ = try device.restart()
            if byPrediction {
                try device.batch("7", (40 + start)...(40 + start))
            } else {
                device.feed(.tick(Fixture.now(seconds: 1)))
                device.feed(.tick(Fixture.now(seconds: 60)))
                #expect(device.store.shelf.trials[new.digest] == 1)
                device.feed(.tick(Fixture.now(seconds: 61)))
            }
            #expect(device.store.shelf.trials[new.digest] == 0)
        }
        #expect(device.core.activeRunID == "run-b")
    }

    // MARK: Probation

    @Test(
        "No reading, however wild, makes a number outside of its range",
        arguments: [
            Float.greatestFiniteMagnitude, -.greatestFiniteMagnitude, .leastNonzeroMagnitude,
            -.leastNonzeroMagnitude, 0, -0.0, 1e30, -1e30,
        ])
    func wild(value: Float) throws {
        var device = try SimulatedDevice(model: new)
        for cycle in Int32(1)...60 {
            let columns = InlineArray<24, Float> { $0 % 2 == 0 || cycle % 3 == 0 ? value : -value }
            let snapshot = Snapshot(cycle: try Fixture.cycle(cycle), columns: columns)
            let reading = Reading(unit: try Fixture.unit("7"), snapshot: snapshot)
            device.batch([Fixture.delivery(reading)])
        }
        #expect(device.store.readings.count == 60)
        for entry in device.store.readings {
            let prediction = try #require(entry.scoring?.prediction)
            #expect((0...125).contains(prediction.rul))
            #expect((0...prediction.rul).contains(prediction.rulLow))
            #expect((prediction.rul...125).contains(prediction.rulHigh))
            #expect((0...1).contains(prediction.failureProbability))
        }
    }

    @Test("Ten minutes and a hundred predictions end the probation, and no less")
    func proved() throws {
        var device = try device()
        try device.push(new, counter: 6)
        #expect(try ModelDeliveryTests.report(device).bool("probation"))
        device.feed(.tick(Fixture.now(seconds: 1)))
        try device.batch("7", 41...139)
        device.feed(.tick(Fixture.now(seconds: 602)))
        #expect(device.store.shelf.trials[new.digest] == 0)
        try device.batch("7", 140...140)
        device.feed(.tick(Fixture.now(seconds: 603)))
        #expect(device.store.shelf.trials.isEmpty)
        #expect(try !ModelDeliveryTests.report(device).bool("probation"))
        for _ in 1...9 { _ = try device.restart() }
        #expect(device.core.activeRunID == "run-b", "starts count on probation only")
    }

    @Test("A model that takes too much processor time is rolled back between two batches")
    func slow() throws {
        var device = try device()
        try device.push(new, counter: 6)
        device.runMicros = ProtocolLimits.predictionMicrosMax + 1
        try device.batch("7", 41...59)
        #expect(device.core.activeRunID == "run-b", "too few to judge")
        try device.batch("7", 60...62)
        #expect(device.core.activeRunID == "run-a")
        #expect(device.store.readings.suffix(3).allSatisfy { $0.scoring?.runID == "run-b" })
        let report = try ModelDeliveryTests.report(device)
        #expect(try report.string("state") == "refused")
        #expect(try report.object("reported").string("run_id") == "run-a")
        #expect(try report.string("reason").contains("20 of 20 predictions took more than 50000"))
        // What follows has the bits of a device that always had the old model.
        try device.batch("7", 63...80)
        var always = try SimulatedDevice(model: old)
        try always.batch("7", 1...80)
        let expected = SwapTests.predictions(always, "7")
        let seen = SwapTests.predictions(device, "7")
        for cycle in Int32(63)...80 { #expect(seen[cycle] == expected[cycle]) }
        #expect(try device.restart().isEmpty)
        #expect(device.core.activeRunID == "run-a")
    }

    @Test("A slow model without a fallback, or with a damaged one, goes on: slow beats nothing")
    func slowWithoutFallback() throws {
        for isDamaged in [false, true] {
            var device = try SimulatedDevice()
            device.feed(.controlConnected(Fixture.now()))
            if isDamaged { try device.push(old, counter: 4) }
            try device.push(new, counter: 5)
            if isDamaged { device.models[old.digest] = nil }
            device.runMicros = ProtocolLimits.predictionMicrosMax + 1
            try device.batch("7", 1...30)
            #expect(device.core.activeRunID == "run-b")
            #expect(try ModelDeliveryTests.reason(device).contains("took more than 50000"))
            #expect(device.store.shelf.trials.isEmpty)
        }
    }

    @Test("A rollback that cannot be stored leaves the fallback serving, and the store as it was")
    func rollbackNotStored() throws {
        var device = try device()
        try device.push(new, counter: 6)
        device.runMicros = ProtocolLimits.predictionMicrosMax + 1
        try device.batch("7", 41...59)
        device.modelChangesToFail = 1
        try device.batch("7", 60...60)
        #expect(device.core.activeRunID == "run-a")
        #expect(device.store.shelf.active == new.digest)
        try device.batch("7", 61...61)
        #expect(device.store.readings.last?.scoring?.runID == "run-a")
    }
}
