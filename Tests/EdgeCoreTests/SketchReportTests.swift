import Drift
import EdgeCore
import EdgeProtocol
import Features
import Prognostics
import Simulation
import Testing

@Suite("Sketches of the device")
struct SketchReportTests {
    let model: ActiveModel

    init() throws { model = try Fixture.model("a") }

    /// The windows that the broker holds, oldest first.
    static func windows(_ device: SimulatedDevice) throws -> [SketchWindow] {
        try device.sketches.values.map { try SketchMessage(payload: $0).window }
            .sorted { $0.number < $1.number }
    }

    /// What the rows of a window look like, made from the log by another way.
    static func sketch(
        _ rows: [ReadingEntry], window: Int64, model: ActiveModel
    ) -> ReadingSketch {
        var repeats: [UnitIdentifier: SensorRepeats] = [:]
        var sketch = ReadingSketch(regimeCount: model.parameters.regimeCount)
        for row in rows {
            repeats[row.key.unit, default: SensorRepeats()].note(row.snapshot)
            guard row.sequence / 512 == window, let scoring = row.scoring,
                let repeats = repeats[row.key.unit]
            else { continue }
            sketch.add(
                row.snapshot, of: row.key.unit, repeats: repeats, prediction: scoring.prediction,
                using: model.parameters)
        }
        return sketch
    }

    func device(count: Int32) throws -> SimulatedDevice {
        var device = try SimulatedDevice(model: model)
        device.feed(.controlConnected(Fixture.now()))
        for start in stride(from: Int32(1), through: count, by: 100) {
            try device.batch("7", start...min(start + 99, count))
            try device.batch("8", start...min(start + 99, count))
        }
        return device
    }

    @Test("What is said of a window is what its committed rows look like")
    func content() throws {
        var device = try device(count: 700)
        device.feed(.tick(Fixture.now(seconds: 5)))
        let windows = try Self.windows(device)
        #expect(windows.map(\.number) == [0, 1, 2])
        for window in windows {
            #expect(window.runID == model.runID)
            let rows = device.store.readings
            #expect(
                window.sketch == Self.sketch(rows, window: window.number, model: model),
                "window \(window.number)")
        }
        #expect(windows.reduce(0) { $0 + $1.sketch.readingCount } == 1_400)
        #expect(windows[0].sketch.readingCount == 511, "sequences begin with 1")
    }

    @Test("Six windows are kept, in six slots")
    func bounded() throws {
        var device = try device(count: 2_200)
        device.feed(.tick(Fixture.now(seconds: 5)))
        #expect(try Self.windows(device).map(\.number) == [3, 4, 5, 6, 7, 8])
        #expect(device.sketches.count == 6)
        let topics = try Fixture.identity().topics
        for (topic, payload) in device.sketches {
            let message = try SketchMessage(payload: payload)
            #expect(topics.route(topic) == .sketch(agent: message.agent, slot: message.slot))
        }
    }

    @Test("A batch that was not committed is not counted, nor is one twice that comes again")
    func commits() throws {
        var device = try device(count: 100)
        device.commitsToFail = 1
        try device.batch("7", 101...150)
        try device.batch("7", 101...150)
        try device.batch("7", 101...150)
        device.feed(.tick(Fixture.now(seconds: 5)))
        #expect(try Self.windows(device).map(\.sketch.readingCount) == [250])
    }

    @Test("A device that restarts sketches its open stretch of the log again, and the one before")
    func restart() throws {
        var device = try device(count: 700)
        device.feed(.tick(Fixture.now(seconds: 5)))
        let before = try Self.windows(device)
        device.sketches = [:]
        _ = try device.restart()
        device.feed(.controlConnected(Fixture.now(seconds: 6)))
        device.feed(.tick(Fixture.now(seconds: 7)))
        let again = try Self.windows(device)
        #expect(again.map(\.number) == [1, 2])
        for (window, known) in zip(again, before.dropFirst()) {
            // Repeats begin anew with the first row that is read.
            let levels = 0..<14
            for track in levels {
                #expect(
                    window.sketch.bins(of: track, regime: 0)
                        == known.sketch.bins(of: track, regime: 0))
            }
            #expect(window.sketch.ages == known.sketch.ages)
            #expect(window.sketch.engines == known.sketch.engines)
        }
    }

    @Test("Another model starts the open window over, and closed ones stay")
    func swap() throws {
        var device = try device(count: 300)
        let second = try Fixture.model("b")
        try device.push(second, counter: 1)
        #expect(device.core.activeRunID == second.runID)
        try device.batch("7", 301...320)
        device.feed(.tick(Fixture.now(seconds: 60)))
        let windows = try Self.windows(device)
        #expect(windows.map(\.runID) == [model.runID, second.runID])
        #expect(windows.map(\.sketch.readingCount) == [511, 20])
    }

    @Test("Without a connection nothing is said, without a model nothing is counted")
    func silent() throws {
        var device = try SimulatedDevice(model: model)
        try device.batch("7", 1...50)
        device.feed(.tick(Fixture.now(seconds: 5)))
        #expect(device.sketches.isEmpty)
        var unmodelled = try SimulatedDevice()
        unmodelled.feed(.controlConnected(Fixture.now()))
        try unmodelled.batch("7", 1...50)
        unmodelled.feed(.tick(Fixture.now(seconds: 5)))
        #expect(unmodelled.sketches.isEmpty)
    }

    @Test("The open window is said at once, then twice a minute at most")
    func interval() throws {
        var device = try device(count: 10)
        device.feed(.tick(Fixture.now(seconds: 5)))
        #expect(try Self.windows(device).map(\.sketch.readingCount) == [20])
        try device.batch("7", 11...20)
        device.feed(.tick(Fixture.now(seconds: 34)))
        #expect(try Self.windows(device).map(\.sketch.readingCount) == [20])
        device.feed(.tick(Fixture.now(seconds: 35)))
        #expect(try Self.windows(device).map(\.sketch.readingCount) == [30])
        device.sketches = [:]
        device.feed(.tick(Fixture.now(seconds: 90)))
        #expect(device.sketches.isEmpty, "nothing is new")
    }
}
