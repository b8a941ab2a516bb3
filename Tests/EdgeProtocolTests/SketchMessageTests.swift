import Drift
import EdgeProtocol
import Features
import Prognostics
import StrictJSON
import Testing

@Suite("Sketch message")
struct SketchMessageTests {
    static func parameters(regimes: Int) throws -> FeatureParameters {
        let count = regimes * FeatureSpec.sensorCount
        return try FeatureParameters(
            centroids: (0..<regimes * 3).map { Double($0 / 3) },
            means: .init(repeating: 0, count: count), deviations: .init(repeating: 1, count: count),
            healthWeights: .init(repeating: 0.02, count: 14) + [0.5],
            ageMax: try #require(CycleCount(300)))
    }

    /// Readings with values all over the grids, some of them of a late starter.
    static func message(regimes: Int = 3, readings: Int = 500) throws -> SketchMessage {
        let parameters = try parameters(regimes: regimes)
        var windows = SketchWindows()
        var repeats = SensorRepeats()
        for number in 0..<readings {
            var columns = InlineArray<24, Float>(repeating: 0)
            // Settings near the centroid of the regime whose turn it is.
            let regime = Float(number % regimes)
            for (axis, scale) in [42, 0.84, 100].enumerated() {
                columns[axis] = regime * Float(scale) + Float(number / regimes % 8) / 100
            }
            for sensor in 3..<24 { columns[sensor] = Float((number * 7 + sensor * 5) % 64) / 4 - 8 }
            let snapshot = Snapshot(
                cycle: try #require(CycleCount(Int32(number % 640) + 1)), columns: columns)
            repeats.note(snapshot)
            let rul = Float(number % 126)
            windows.add(
                snapshot, of: try Fixture.unit("unit-\(number % 40)"),
                sequence: 1_536 + Int64(number), repeats: repeats,
                prediction: Prediction(
                    rul: rul, rulLow: rul / 2, rulHigh: rul, failureProbability: 1 - rul / 125,
                    flags: number % 5 == 0 ? [.lateStarter] : []),
                runID: "run-1", parameters: parameters)
        }
        return SketchMessage(
            agent: try Fixture.unit("edge-1"), storeID: "store-1", window: windows.windows[0])
    }

    @Test(
        "A sketch comes back from its payload, and merges as it did before", arguments: [1, 3, 32])
    func roundTrip(regimes: Int) throws {
        let message = try Self.message(regimes: regimes)
        #expect(try SketchMessage(payload: message.payload) == message)
        #expect(message.slot == 3)
        #expect(message.payload.count <= ProtocolLimits.sketchSizeMax)
    }

    @Test("The fullest sketch fits its limit")
    func largest() throws {
        let regimeCount = FeatureParameters.regimeCountMax
        let perRegime = UInt32(ProtocolLimits.sketchReadingCountMax) / UInt32(regimeCount)
        var counts: [UInt32] = []
        for _ in 0..<regimeCount {
            for track in SketchTrack.all {
                // The ends are not empty, so that every bin between them is written.
                var bins = [UInt32](repeating: 0, count: track.grid.binCount)
                for bin in 0..<Int(perRegime) - 1 { bins[bin * 17 % (bins.count - 1)] += 1 }
                bins[bins.count - 1] += 1
                counts += bins
            }
        }
        var ages = [UInt32](repeating: 0, count: ReadingSketch.ageBandCount)
        ages[0] = 1
        ages[31] = perRegime - 1
        let all = [[UInt32]](repeating: ages, count: regimeCount).flatMap { $0 }
        let sums = [Int64](
            repeating: -Int64(perRegime) * 16_384,
            count: regimeCount * ReadingSketch.trackCount)
        let sketch = try #require(
            ReadingSketch(
                regimeCount: regimeCount, counts: counts, sums: sums, ages: all,
                predictedAges: all, engines: EngineTally()))
        let name = String(repeating: "x", count: 64)
        let message = SketchMessage(
            agent: try Fixture.unit(name), storeID: name,
            window: SketchWindow(
                number: .max / SketchWindows.rowCount, runID: name, sketch: sketch))
        #expect(message.payload.count <= ProtocolLimits.sketchSizeMax)
        #expect(message.payload.count > ProtocolLimits.sketchSizeMax / 4, "the limit is not idle")
        #expect(try SketchMessage(payload: message.payload) == message)
    }

    /// A change of the payload that makes it something else, and the field that is named.
    struct Misfit: CustomTestStringConvertible, Sendable {
        let testDescription: String
        let find: String
        let replace: String
        let field: String
    }

    @Test(
        "What does not add up is refused, and the field is named",
        arguments: [
            Misfit(
                testDescription: "another format", find: "nacelle-sketch/1",
                replace: "nacelle-sketch/2", field: "format"),
            Misfit(
                testDescription: "a store without a name", find: "\"store-1\"", replace: "\"\"",
                field: "store_id"),
            Misfit(
                testDescription: "a reading more than there are ages", find: "\"ages\":[0,19",
                replace: "\"ages\":[0,20", field: "regimes"),
            Misfit(
                testDescription: "ages out of their bands", find: "\"ages\":[0,19",
                replace: "\"ages\":[32,19", field: "ages"),
            Misfit(
                testDescription: "a negative window", find: "\"window\":3",
                replace: "\"window\":-3",
                field: "window"),
            Misfit(
                testDescription: "a member of another kind", find: "\"window\":3",
                replace: "\"window\":3,\"x\":0", field: "x"),
            Misfit(
                testDescription: "capital letters", find: "\"engines\":\"0",
                replace: "\"engines\":\"A", field: "engines"),
        ])
    func misfits(_ misfit: Misfit) throws {
        let text = String(decoding: try Self.message(regimes: 1).payload, as: UTF8.self)
        let changed = text.replacing(misfit.find, with: misfit.replace, maxReplacements: 1)
        try #require(changed != text, "the payload begins \(text.prefix(900))")
        let error = #expect(throws: JSONError.self) {
            try SketchMessage(payload: Array(changed.utf8))
        }
        #expect("\(error.map { "\($0)" } ?? "")".contains(misfit.field))
    }

    @Test("The window's size is the limit of its counts")
    func window() {
        #expect(ProtocolLimits.sketchReadingCountMax == SketchWindows.rowCount)
        #expect(ProtocolLimits.sketchSizeMax < ProtocolLimits.packetSizeMax)
    }
}
