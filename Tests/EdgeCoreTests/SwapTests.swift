import EdgeCore
import EdgeProtocol
import Features
import Prognostics
import Simulation
import Testing

@Suite("Model swaps and feature states")
struct SwapTests {
    let old: ActiveModel
    let new: ActiveModel

    init() throws {
        old = try Fixture.model("a")
        new = try Fixture.model("b")
    }

    /// The predictions of a unit's rows by cycle.
    static func predictions(_ device: SimulatedDevice, _ unit: String) -> [Int32: Prediction] {
        var predictions: [Int32: Prediction] = [:]
        for entry in device.store.readings where entry.key.unit.description == unit {
            predictions[entry.key.cycle.cycles] = entry.scoring?.prediction
        }
        return predictions
    }

    @Test(
        "A swap in mid-trajectory gives the bits of a device that always had the new bundle",
        arguments: [1, 14, 31, 32, 33, 64, 80])
    func midTrajectory(swapAfter: Int32) throws {
        var always = try SimulatedDevice(model: new)
        try always.batch("7", 1...100)
        var swapped = try SimulatedDevice(model: old)
        swapped.feed(.controlConnected(Fixture.now()))
        try swapped.batch("7", 1...swapAfter)
        try swapped.push(new, counter: 1)
        #expect(swapped.core.activeRunID == "run-b")
        try swapped.batch("7", (swapAfter + 1)...100)
        let expected = Self.predictions(always, "7")
        let seen = Self.predictions(swapped, "7")
        for cycle in 1...swapAfter { #expect(seen[cycle] != expected[cycle]) }
        for cycle in (swapAfter + 1)...100 { #expect(seen[cycle] == expected[cycle]) }
        #expect(swapped.store.readings.last?.scoring?.runID == "run-b")
    }

    @Test("Readings stored without a model count for the first model's features")
    func firstActivation() throws {
        var always = try SimulatedDevice(model: new)
        try always.batch("7", 1...60)
        var device = try SimulatedDevice()
        device.feed(.controlConnected(Fixture.now()))
        try device.batch("7", 1...40)
        try device.push(new, counter: 1)
        try device.batch("7", 41...60)
        let expected = Self.predictions(always, "7")
        let seen = Self.predictions(device, "7")
        #expect(seen.count == 20, "what was stored unscored is never scored later")
        for cycle in Int32(41)...60 { #expect(seen[cycle] == expected[cycle]) }
    }

    @Test("Back and forth between two models gives each one's own bits")
    func backAndForth() throws {
        var swapped = try SimulatedDevice(model: old)
        swapped.feed(.controlConnected(Fixture.now()))
        var alwaysOld = try SimulatedDevice(model: old)
        var alwaysNew = try SimulatedDevice(model: new)
        try alwaysOld.batch("7", 1...90)
        try alwaysNew.batch("7", 1...90)
        for leg in Int32(0)..<9 {
            try swapped.batch("7", (10 * leg + 1)...(10 * leg + 10))
            try swapped.push(leg % 2 == 0 ? new : old, counter: Int64(leg) + 1)
        }
        for entry in swapped.store.readings {
            let always = entry.scoring?.runID == "run-a" ? alwaysOld : alwaysNew
            let expected = Self.predictions(always, "7")[entry.key.cycle.cycles]
            #expect(entry.scoring?.prediction == expected, "cycle \(entry.key.cycle)")
        }
    }

    @Test("A verified model waits until the open batch is committed: one batch, one model")
    func waitsForBatch() throws {
        var device = try SimulatedDevice(model: old)
        device.feed(.controlConnected(Fixture.now()))
        device.deliver(try Fixture.delivery("7", 1))
        try device.push(new, counter: 1)
        #expect(device.core.activeRunID == "run-a")
        device.deliver(try Fixture.delivery("7", 2))
        device.feed(.drained)
        #expect(device.core.activeRunID == "run-a")
        device.finishScores()
        #expect(device.core.activeRunID == "run-b")
        #expect(device.store.readings.allSatisfy { $0.scoring?.runID == "run-a" })
        #expect(device.store.shelf.active == new.digest)
        #expect(device.store.shelf.fallback == old.digest)
        try device.batch("7", 3...3)
        #expect(device.store.readings.last?.scoring?.runID == "run-b")
    }

    @Test("A failed commit does not keep a verified model waiting")
    func failedCommit() throws {
        var device = try SimulatedDevice(model: old)
        device.feed(.controlConnected(Fixture.now()))
        device.deliver(try Fixture.delivery("7", 1))
        try device.push(new, counter: 1)
        device.commitsToFail = 1
        device.feed(.drained)
        device.finishScores()
        #expect(device.core.activeRunID == "run-b")
        #expect(device.store.readings.isEmpty)
    }

    @Test("A newer offer while a verified model waits for its batch replaces it")
    func supersededWhileWaiting() throws {
        let newest = try Fixture.model("c")
        var device = try SimulatedDevice(model: old)
        device.feed(.controlConnected(Fixture.now()))
        device.deliver(try Fixture.delivery("7", 1))
        try device.push(new, counter: 1)
        let offer = try Fixture.offer(newest, counter: 2)
        device.models[newest.digest] = newest
        device.feed(.offer(try Fixture.receipt(offer), Fixture.now()))
        device.feed(.drained)
        device.finishScores()
        #expect(device.core.activeRunID == "run-a", "the waiting model is no candidate any more")
        for index in 0..<3 { device.sendBlock(index, of: newest) }
        #expect(device.core.activeRunID == "run-c")
    }

    @Test(
        "A unit that was evicted comes back to the same bits",
        arguments: [1, 2, 31, 32, 33, 63, 64, 65])
    func eviction(stay: Int32) throws {
        var roomy = try SimulatedDevice(model: old)
        var tight = try SimulatedDevice(model: old, residentUnitsMax: 1)
        for cycle in Int32(1)...80 {
            for unit in ["7", "8", "9"] {
                try roomy.batch(unit, cycle...cycle)
                if cycle % stay == 0 { try tight.batch(unit, (cycle - stay + 1)...cycle) }
            }
        }
        let last = 80 / stay * stay
        for unit in ["7", "8", "9"] {
            let expected = Self.predictions(roomy, unit).filter { $0.key <= last }
            #expect(Self.predictions(tight, unit) == expected)
        }
    }

    @Test("At most as many units stay in memory as allowed, the least recently used leave")
    func residentLimit() throws {
        var device = try SimulatedDevice(model: old, residentUnitsMax: 2)
        device.feed(.controlConnected(Fixture.now()))
        for unit in ["1", "2", "1", "3"] {
            let next = (device.store.units[try Fixture.unit(unit)]?.lastCycle ?? 0) + 1
            try device.batch(unit, next...next)
        }
        device.effects = []
        for unit in ["1", "3", "2"] {
            let next = (device.store.units[try Fixture.unit(unit)]?.lastCycle ?? 0) + 1
            try device.batch(unit, next...next)
        }
        let loads = device.effects.compactMap { effect -> String? in
            if case .loadUnit(let unit, _) = effect { unit.description } else { nil }
        }
        #expect(loads == ["2"])
    }

    @Test("A restart goes on with the same bits, from checkpoint and raw readings")
    func restart() throws {
        var steady = try SimulatedDevice(model: old)
        try steady.batch("7", 1...100)
        var device = try SimulatedDevice(model: old)
        for cycle in Int32(1)...100 {
            if cycle % 7 == 0 { _ = try device.restart() }
            try device.batch("7", cycle...cycle)
        }
        #expect(Self.predictions(device, "7") == Self.predictions(steady, "7"))
    }
}
