import Datasets
import Drift
import Evaluation
import Features
import Prognostics
import TestSupport
import Testing

@Suite("Sketches of readings")
struct ReadingSketchTests {
    /// Two regimes, far apart; sensors of the simulated fleet fall into the grid and beyond it.
    static func parameters() throws -> FeatureParameters {
        let ageMax = try #require(CycleCount(300))
        let first = try #require(Self.fleet().first).snapshots[0]
        let means = FeatureSpec.sensors.map { Double(first.sensor($0)) }
        return try FeatureParameters(
            centroids: [0, 0, 1, 0.5, 0.5, 1], means: means + means,
            deviations: means.map { $0 * 0.002 } + means.map { $0 * 0.02 },
            healthWeights: .init(repeating: -0.05, count: 14) + [1], ageMax: ageMax)
    }

    static func fleet(units: Int = 12, seed: UInt64 = 5) throws -> [Trajectory] {
        FleetSimulator(
            try #require(FleetConfiguration(units: units, seed: seed, regimes: .six))
        ).training()
    }

    /// A scored reading.
    struct Row {
        let unit: UnitIdentifier
        let snapshot: Snapshot
        let repeats: SensorRepeats
        let prediction: Prediction
    }

    static func rows() throws -> [Row] {
        try fleet().flatMap { life in
            var repeats = SensorRepeats()
            return life.snapshots.map { snapshot in
                repeats.note(snapshot)
                let rul = Float(snapshot.cycle.cycles % 126)
                return Row(
                    unit: life.unit, snapshot: snapshot, repeats: repeats,
                    prediction: Prediction(
                        rul: rul, rulLow: rul / 2, rulHigh: min(rul + 9, 125),
                        failureProbability: 1 - rul / 125, flags: []))
            }
        }
    }

    static func sketch(_ rows: some Sequence<Row>) throws -> ReadingSketch {
        let parameters = try parameters()
        var sketch = ReadingSketch(regimeCount: 2)
        for row in rows {
            sketch.add(
                row.snapshot, of: row.unit, repeats: row.repeats, prediction: row.prediction,
                using: parameters)
        }
        return sketch
    }

    @Test("Merged sketches equal the sketch of the merged readings, however they were split")
    func merging() throws {
        let rows = try Self.rows()
        let whole = try Self.sketch(rows)
        var random = SplitMix64(seed: 9)
        for partCount in [1, 2, 3, 7, 50] {
            var parts = [[Row]](repeating: [], count: partCount)
            for row in rows.shuffled(using: &random) {
                parts[Int(random.next() % UInt64(partCount))].append(row)
            }
            var merged = ReadingSketch(regimeCount: 2)
            for part in parts { merged.merge(try Self.sketch(part)) }
            #expect(merged == whole)
        }
    }

    @Test("Every reading has one bin in every track, one age, and its mean is that of the values")
    func counts() throws {
        let rows = try Self.rows()
        let sketch = try Self.sketch(rows)
        #expect(sketch.readingCount == rows.count)
        #expect(ReadingSketch.trackCount == SketchTrack.all.count)
        #expect(
            ReadingSketch.binCount == SketchTrack.all.reduce(0) { $0 + $1.grid.binCount })
        for regime in 0..<2 {
            for (track, kind) in SketchTrack.all.enumerated() {
                let bins = sketch.bins(of: track, regime: regime)
                #expect(bins.count == kind.grid.binCount, "\(kind.name)")
                #expect(
                    bins.reduce(0) { $0 + Int($1) }
                        == sketch.valueCount(of: track, regime: regime), "\(kind.name)")
            }
        }
        let rul = try #require(SketchTrack.all.firstIndex(of: .rul))
        let total = (0..<2).reduce(0.0) { $0 + Double(sketch.sum(of: rul, regime: $1)) }
        let expected = rows.reduce(0.0) { $0 + Double($1.prediction.rul) }
        #expect(abs(total / ReadingSketch.one - expected) < 1e-3)
    }

    @Test(
        "A value lies in the bin that holds it, and beyond the grid in an open one",
        arguments: [
            (-1e6, 0), (-6.000_1, 0), (-6, 1), (-5.76, 1), (-5.75, 2), (0, 25), (5.99, 48),
            (6, 49), (1e6, 49), (.nan, 0),
        ] as [(Double, Int)])
    func bins(value: Double, bin: Int) {
        #expect(SketchTrack.levelGrid.bin(of: value) == bin)
    }

    @Test("Engines are counted to a few percent, once each")
    func engines() throws {
        for (count, error) in [(1, 0.01), (50, 0.05), (1_000, 0.06)] {
            var tally = EngineTally()
            for number in 0..<count {
                let unit = try #require(UnitIdentifier("engine-\(number)"))
                tally.insert(unit)
                tally.insert(unit)
            }
            #expect(abs(tally.estimate / Double(count) - 1) <= error, "\(count)")
        }
    }

    @Test("A sensor that repeats its value is counted until it changes")
    func repeats() throws {
        let life = try #require(Self.fleet().first)
        var repeats = SensorRepeats()
        for turn in 0..<300 {
            repeats.note(life.snapshots[0])
            #expect(repeats.counts[3] == UInt8(min(turn, 255)))
        }
        var columns = life.snapshots[0].columns
        columns[Snapshot.settingCount + FeatureSpec.sensors[3] - 1] += 1
        repeats.note(Snapshot(cycle: life.snapshots[0].cycle, columns: columns))
        #expect(repeats.counts[3] == 0)
        #expect(repeats.counts[4] == 255)
    }
}
