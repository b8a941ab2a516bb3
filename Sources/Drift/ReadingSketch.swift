package import Features
package import Prognostics

/// The distributions of what some readings of a fleet said, by operating regime: whole numbers of
/// bounded size.
///
/// Every number is a count, a sum of fixed-point numbers or a bit, so a sketch of two sets of
/// readings is the merger of their sketches exactly, in whichever order. ``add`` looks up one bin
/// per track and allocates nothing while the value is uniquely referenced. A sketch belongs to one
/// set of feature parameters: sketches of different ones do not merge.
package struct ReadingSketch: Equatable, Sendable {
    /// The fixed-point one of ``sums``.
    package static let one = 65_536.0
    /// Cycles of an age band.
    package static let ageBandLength: Int32 = 20
    /// Age bands; the last is open.
    package static let ageBandCount = 32
    /// Tracks of a sketch.
    package static let trackCount = 2 * FeatureSpec.sensorCount + 5
    /// Bins of all tracks of one regime.
    package static let binCount = trackOffset(trackCount)

    /// Regimes of the feature parameters.
    package let regimeCount: Int
    /// Readings by bin, `[regime, bin]`: the bins of each track, one track after the other.
    package private(set) var counts: [UInt32]
    /// Sums of the values in ``one``ths, `[regime, track]`; a value counts at most one bin's width
    /// beyond its grid.
    package private(set) var sums: [Int64]
    /// Readings by age, `[regime, age band]`.
    package private(set) var ages: [UInt32]
    /// Those among them whose prediction is in the tracks of predictions, likewise by age.
    package private(set) var predictedAges: [UInt32]
    /// The engines that were seen.
    package private(set) var engines = EngineTally()

    /// Creates an empty sketch.
    package init(regimeCount: Int) {
        precondition((1...FeatureParameters.regimeCountMax).contains(regimeCount))
        self.regimeCount = regimeCount
        counts = .init(repeating: 0, count: regimeCount * Self.binCount)
        sums = .init(repeating: 0, count: regimeCount * Self.trackCount)
        ages = .init(repeating: 0, count: regimeCount * Self.ageBandCount)
        predictedAges = ages
    }

    /// Creates a sketch from its numbers; nil unless they belong together.
    ///
    /// Each track of a regime has as many values as the regime has ages, there are no more
    /// predictions than readings, and no sum is beyond what its values can add up to.
    package init?(
        regimeCount: Int, counts: [UInt32], sums: [Int64], ages: [UInt32],
        predictedAges: [UInt32], engines: EngineTally
    ) {
        guard (1...FeatureParameters.regimeCountMax).contains(regimeCount),
            counts.count == regimeCount * Self.binCount,
            sums.count == regimeCount * Self.trackCount,
            ages.count == regimeCount * Self.ageBandCount,
            zip(ages, predictedAges).allSatisfy({ $0 >= $1 }), ages.count == predictedAges.count
        else { return nil }
        self.regimeCount = regimeCount
        self.counts = counts
        self.sums = sums
        self.ages = ages
        self.predictedAges = predictedAges
        self.engines = engines
        for regime in 0..<regimeCount {
            for (track, kind) in SketchTrack.all.enumerated() {
                let values = valueCount(of: track, regime: regime)
                let inBins = bins(of: track, regime: regime).reduce(0) { $0 + Int($1) }
                let reach = max(kind.grid.low.magnitude, kind.grid.high.magnitude)
                let most = (reach + kind.grid.width) * Self.one * Double(values)
                guard inBins == values, Double(sum(of: track, regime: regime)).magnitude <= most
                else { return nil }
            }
        }
    }

    /// Takes in a reading and what the model said about it.
    ///
    /// What it said about a late starter is left out: such predictions are wider by design.
    /// - Precondition: `parameters` have ``regimeCount`` regimes.
    package mutating func add(
        _ snapshot: Snapshot, of unit: UnitIdentifier, repeats: SensorRepeats,
        prediction: Prediction, using parameters: FeatureParameters
    ) {
        let regime = addReading(snapshot, of: unit, repeats: repeats, using: parameters)
        guard !prediction.flags.contains(.lateStarter) else { return }
        predictedAges[regime * Self.ageBandCount + Self.ageBand(of: snapshot.cycle)] += 1
        let first = 2 * FeatureSpec.sensorCount + 2
        add(Double(prediction.rul), to: first, SketchTrack.cyclesGrid, regime)
        add(
            Double(prediction.rulHigh) - Double(prediction.rulLow), to: first + 1,
            SketchTrack.cyclesGrid, regime)
        add(
            Double(prediction.failureProbability), to: first + 2, SketchTrack.probabilityGrid,
            regime)
    }

    /// Takes in a reading that no model spoke about; returns its regime.
    @discardableResult
    package mutating func addReading(
        _ snapshot: Snapshot, of unit: UnitIdentifier, repeats: SensorRepeats,
        using parameters: FeatureParameters
    ) -> Int {
        precondition(parameters.regimeCount == regimeCount, "the parameters are another sketch's")
        let (regime, squaredDistance) = parameters.nearestRegime(to: snapshot)
        var health = parameters.healthWeights[FeatureSpec.sensorCount]
        for sensor in 0..<FeatureSpec.sensorCount {
            let score = parameters.score(snapshot, regime: regime, index: sensor)
            health += parameters.healthWeights[sensor] * score
            add(score, to: sensor, SketchTrack.levelGrid, regime)
            add(
                Double(repeats.counts[sensor]), to: FeatureSpec.sensorCount + sensor,
                SketchTrack.repeatsGrid, regime)
        }
        let scalars = 2 * FeatureSpec.sensorCount
        add(health, to: scalars, SketchTrack.indexGrid, regime)
        add(squaredDistance.squareRoot(), to: scalars + 1, SketchTrack.distanceGrid, regime)
        let band = Self.ageBand(of: snapshot.cycle)
        ages[regime * Self.ageBandCount + band] += 1
        engines.insert(unit)
        return regime
    }

    /// Takes in the readings of another sketch.
    /// - Precondition: It has as many regimes.
    package mutating func merge(_ other: Self) {
        precondition(other.regimeCount == regimeCount, "the sketches are of other parameters")
        for index in counts.indices { counts[index] += other.counts[index] }
        for index in sums.indices { sums[index] += other.sums[index] }
        for index in ages.indices {
            ages[index] += other.ages[index]
            predictedAges[index] += other.predictedAges[index]
        }
        engines.formUnion(other.engines)
    }

    /// The age band of a cycle.
    package static func ageBand(of cycle: CycleCount) -> Int {
        min(Int(cycle.cycles / ageBandLength), ageBandCount - 1)
    }

    /// Readings of all regimes.
    package var readingCount: Int { ages.reduce(0) { $0 + Int($1) } }

    /// Values of a track in a regime by age band.
    package func ages(of track: Int, regime: Int) -> ArraySlice<UInt32> {
        let bands = regime * Self.ageBandCount..<(regime + 1) * Self.ageBandCount
        return SketchTrack.all[track].isPrediction ? predictedAges[bands] : ages[bands]
    }

    /// Values of a track in a regime.
    package func valueCount(of track: Int, regime: Int) -> Int {
        ages(of: track, regime: regime).reduce(0) { $0 + Int($1) }
    }

    /// Values of a regime by bin of a track, named by its index among ``SketchTrack/all``.
    package func bins(of track: Int, regime: Int) -> ArraySlice<UInt32> {
        let start = regime * Self.binCount
        return counts[start + Self.trackOffset(track)..<start + Self.trackOffset(track + 1)]
    }

    /// The sum of a track's values in ``one``ths.
    package func sum(of track: Int, regime: Int) -> Int64 {
        sums[regime * Self.trackCount + track]
    }

    /// Bins before those of a track; the grids are written out, because this runs for each value.
    private static func trackOffset(_ track: Int) -> Int {
        let sensors = FeatureSpec.sensorCount
        if track < sensors { return track * 50 }
        if track < 2 * sensors { return sensors * 50 + (track - sensors) * 18 }
        return sensors * 68
            + (track > 2 * sensors ? 50 : 0) + (track > 2 * sensors + 1 ? 66 : 0)
            + (track > 2 * sensors + 2 ? 34 : 0) + (track > 2 * sensors + 3 ? 34 : 0)
            + (track > 2 * sensors + 4 ? 35 : 0)
    }

    private mutating func add(_ value: Double, to track: Int, _ grid: SketchGrid, _ regime: Int) {
        let bin = grid.bin(of: value)
        counts[regime * Self.binCount + Self.trackOffset(track) + bin] += 1
        let bounded = min(max(value, grid.low - grid.width), grid.high + grid.width)
        // At most 132 · 65,536: far within 64 bits for any number of readings.
        sums[regime * Self.trackCount + track] += Int64((bounded * Self.one).rounded())
    }
}
