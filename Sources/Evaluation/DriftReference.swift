package import Datasets
package import Drift
package import Features
package import Inference
import Prognostics

/// What training says the readings of a fleet look like, by regime and age.
///
/// Engines wear, so a fleet of old engines reads unlike one of new engines, and nothing has
/// drifted. The reference therefore knows the distribution of each track for each age band, and
/// weighs the bands as the readings that are judged do. It is made of the data set's trajectories
/// by the code that runs on the device, in the bins of the device.
package struct DriftReference: Sendable {
    /// The feature parameters whose z-scores and regimes are compared.
    package let regimeCount: Int
    /// What sensors read, from every trajectory.
    private let readings: Strata
    /// What the model says, from units that it was not trained on.
    private let predictions: Strata

    /// Runs the device's code over trajectories.
    ///
    /// - Parameters:
    ///   - trained: The units that the parameters were fitted on.
    ///   - held: Units that the model has not seen; only these say what its predictions look like.
    ///   - plan: The bundle's models.
    ///   - parameters: The bundle's scaler.
    package init(
        trained: [Trajectory], held: [Trajectory], plan: InferencePlan,
        parameters: FeatureParameters
    ) {
        regimeCount = parameters.regimeCount
        var readings = Strata(regimeCount: regimeCount)
        var predictions = Strata(regimeCount: regimeCount)
        for trajectory in trained {
            readings.add(
                Self.sketches(trajectory, parameters) { sketch, snapshot, repeats in
                    sketch.addReading(
                        snapshot, of: trajectory.unit, repeats: repeats, using: parameters)
                })
        }
        for trajectory in held {
            var state = FeatureState()
            let sketches = Self.sketches(trajectory, parameters) { sketch, snapshot, repeats in
                state.append(snapshot, services: trajectory.services, using: parameters)
                sketch.add(
                    snapshot, of: trajectory.unit, repeats: repeats,
                    prediction: plan.run(plan.input(from: state, parameters: parameters)),
                    using: parameters)
            }
            readings.add(sketches)
            predictions.add(sketches)
        }
        self.readings = readings.finished()
        self.predictions = predictions.finished()
    }

    /// A unit's readings by age band.
    private static func sketches(
        _ trajectory: Trajectory, _ parameters: FeatureParameters,
        _ add: (inout ReadingSketch, Snapshot, SensorRepeats) -> Void
    ) -> [Int: ReadingSketch] {
        var repeats = SensorRepeats()
        var sketches: [Int: ReadingSketch] = [:]
        for snapshot in trajectory.snapshots {
            repeats.note(snapshot)
            let empty = ReadingSketch(regimeCount: parameters.regimeCount)
            add(
                &sketches[ReadingSketch.ageBand(of: snapshot.cycle), default: empty], snapshot,
                repeats)
        }
        return sketches
    }

    /// What a window's readings should look like; nil when training has too few of their regimes.
    ///
    /// Of the window only regimes and ages matter; `track` is an index among `SketchTrack.all`, and
    /// `regimes` are compared together.
    package func expectation(
        of window: ReadingSketch, track: Int, regimes: Range<Int>
    ) -> DriftExpectation? {
        let strata = SketchTrack.all[track].isPrediction ? predictions : readings
        return strata.expectation(of: window, track: track, regimes: regimes)
    }
}

/// What a track should look like among readings of given ages.
package struct DriftExpectation: Equatable, Sendable {
    /// The share of readings in each bin; they add up to 1.
    package let shares: [Double]
    /// The mean of the values.
    package let mean: Double
    /// The standard deviation of the track in training, over all ages.
    package let deviation: Double
    /// The variance of a reading among readings of these ages.
    package let variance: Double
    /// The variance between engines of one age, which more cycles of one engine do not reduce.
    package let engineVariance: Double
    /// Engines that the expectation was made of.
    package let engineCount: Double
}

/// Sketches of training readings by age band, and how engines of one age differ.
private struct Strata: Sendable {
    /// Values of an age band and regime below which a neighbouring band speaks for it.
    static let valueCountMin = 50

    /// One engine's values in one age band, `[regime, track]`.
    private struct Stay: Sendable {
        let band: Int
        var counts: [Double]
        var means: [Double]
    }

    private let regimeCount: Int
    private var bands: [ReadingSketch]
    private var stays: [Stay] = []
    /// The variance between engines, `[band, track]`.
    private var engineVariances: [Double] = []
    private var engineCount = 0.0

    init(regimeCount: Int) {
        self.regimeCount = regimeCount
        bands = .init(
            repeating: ReadingSketch(regimeCount: regimeCount), count: ReadingSketch.ageBandCount)
    }

    /// Takes in one engine's readings by age band.
    mutating func add(_ engine: [Int: ReadingSketch]) {
        engineCount += 1
        for (band, sketch) in engine.sorted(by: { $0.key < $1.key }) {
            bands[band].merge(sketch)
            let cells = cells.map { regime, track in
                sketch.moments(of: track, regime: regime)
            }
            stays.append(Stay(band: band, counts: cells.map(\.count), means: cells.map(\.mean)))
        }
    }

    /// The same with ``engineVariances``, once every engine is in.
    ///
    /// An engine differs by the mean of its values minus the means of its age and regimes: engines
    /// that read high in one regime do so in the others.
    func finished() -> Strata {
        let means = bands.map { band in cells.map { band.moments(of: $0.track, regime: $0.regime) }
        }
        let tracks = ReadingSketch.trackCount
        var squares = [Double](repeating: 0, count: ReadingSketch.ageBandCount * tracks)
        var counts = squares
        for stay in stays {
            for track in 0..<tracks {
                var (excess, count) = (0.0, 0.0)
                for regime in 0..<regimeCount {
                    let cell = regime * tracks + track
                    excess += stay.counts[cell] * (stay.means[cell] - means[stay.band][cell].mean)
                    count += stay.counts[cell]
                }
                guard count > 0 else { continue }
                squares[stay.band * tracks + track] += excess * excess / count
                counts[stay.band * tracks + track] += count
            }
        }
        var finished = self
        finished.engineVariances = zip(squares, counts).map { $1 > 0 ? $0 / $1 : 0 }
        finished.stays = []
        return finished
    }

    func expectation(
        of window: ReadingSketch, track: Int, regimes: Range<Int>
    ) -> DriftExpectation? {
        let total = regimes.reduce(0.0) { $0 + Double(window.valueCount(of: track, regime: $1)) }
        guard total > 0 else { return nil }
        let grid = SketchTrack.all[track].grid
        var shares = [Double](repeating: 0, count: grid.binCount)
        var (mean, engineVariance) = (0.0, 0.0)
        for regime in regimes {
            for (band, values) in window.ages(of: track, regime: regime).enumerated()
            where values > 0 {
                guard let source = nearestBand(to: band, track, regime) else { return nil }
                let weight = Double(values) / total
                let known = bands[source].moments(of: track, regime: regime)
                for (bin, inBin) in bands[source].bins(of: track, regime: regime).enumerated()
                where inBin > 0 {
                    shares[bin] += weight * Double(inBin) / known.count
                }
                mean += weight * known.mean
                engineVariance +=
                    weight * engineVariances[source * ReadingSketch.trackCount + track]
            }
        }
        return DriftExpectation(
            shares: shares, mean: mean, deviation: deviation(track, regimes),
            variance: Self.variance(shares, grid), engineVariance: engineVariance,
            engineCount: engineCount)
    }

    /// Regimes and tracks, regime by regime.
    private var cells: [(regime: Int, track: Int)] {
        (0..<regimeCount * ReadingSketch.trackCount).map {
            ($0 / ReadingSketch.trackCount, $0 % ReadingSketch.trackCount)
        }
    }

    /// The band with enough values that is nearest in age, the younger one of two.
    private func nearestBand(to band: Int, _ track: Int, _ regime: Int) -> Int? {
        func isEnough(_ band: Int) -> Bool {
            bands.indices.contains(band)
                && bands[band].valueCount(of: track, regime: regime) >= Self.valueCountMin
        }
        for step in 0..<ReadingSketch.ageBandCount {
            if isEnough(band - step) { return band - step }
            if isEnough(band + step) { return band + step }
        }
        return nil
    }

    /// The standard deviation of a track over all ages, at least a bin's width.
    private func deviation(_ track: Int, _ regimes: Range<Int>) -> Double {
        let grid = SketchTrack.all[track].grid
        var shares = [Double](repeating: 0, count: grid.binCount)
        var total = 0.0
        for band in bands {
            for regime in regimes {
                for (bin, inBin) in band.bins(of: track, regime: regime).enumerated() {
                    shares[bin] += Double(inBin)
                    total += Double(inBin)
                }
            }
        }
        guard total > 0 else { return grid.width }
        return max(Self.variance(shares.map { $0 / total }, grid).squareRoot(), grid.width)
    }

    /// The variance of a distribution over bins.
    private static func variance(_ shares: [Double], _ grid: SketchGrid) -> Double {
        var (mean, square) = (0.0, 0.0)
        for (bin, share) in shares.enumerated() {
            mean += share * grid.middle(of: bin)
            square += share * grid.middle(of: bin) * grid.middle(of: bin)
        }
        return max(0, square - mean * mean)
    }
}

extension ReadingSketch {
    /// How many values a track has in a regime, and their mean; 0 without any.
    func moments(of track: Int, regime: Int) -> (count: Double, mean: Double) {
        let count = Double(valueCount(of: track, regime: regime))
        let sum = Double(sum(of: track, regime: regime)) / Self.one
        return (count, count > 0 ? sum / count : 0)
    }
}
