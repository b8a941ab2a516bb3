package import Datasets
package import Features
package import Inference
import Prognostics

/// A trained trend model and the features it reads.
package struct TrainedTrend: Equatable, Sendable {
    package let model: TrendModel
    package let featureParameters: FeatureParameters

    /// What was learnt, by name: slopes per 100 cycles, deviations and readout in their own units.
    package var numbers: [(name: String, values: [Double])] {
        let prior = model.prior
        return [
            ("noise", [prior.noise]),
            ("slope_at_zero_and_per_level", [prior.slopeAtZero, prior.slopePerLevel]),
            ("slope_deviation", [prior.slopeDeviation]), ("change_scale", [prior.changeScale]),
            ("failure_level_and_deviation", [model.failureLevel, model.failureDeviation]),
            ("readout_cycles", model.readout), ("fleet_deviation_cycles", [model.fleetDeviation]),
        ]
    }
}

/// Choices of the training; none of them comes from a test file.
package struct TrendParameters: Equatable, Sendable {
    /// Cycles of a piece of life whose slope is measured, at least 4.
    package let pieceLength: Int
    /// Added to the mean square of each standardized term of the readout, which is 1.
    package let ridge: Double

    /// Where one snapshot's noise is 0.05, as in FD001, a piece of 21 cycles tells its slope to
    /// within 0.18 per 100 cycles; near failure it is -1.6.
    package static let shipped = Self(pieceLength: 21, ridge: 1e-4)

    /// The parameters as text: run ids derive from it.
    package var canonicalText: String {
        "trend changepoints=\(TrendCurve.changeCount) passes=\(TrendFit.passCount) "
            + "terms=\(TrendModel.termCount) piece=\(pieceLength) ridge=\(ridge)"
    }
}

/// Learns from a fleet what a single unit's trend does not say.
///
/// Draws no random number: the same units give the same model.
package enum TrendTrainer {
    /// Fits features, prior, failure level and readout on units that ran to failure.
    ///
    /// Every trend is fitted by the code that the device runs, on what the unit had shown by then.
    package static func train(
        _ trajectories: [Trajectory], parameters: TrendParameters = .shipped
    ) throws(TrainingError) -> TrainedTrend {
        let featureParameters = try FeatureFitting.fit(trajectories)
        let indices = trajectories.map { $0.snapshots.map(featureParameters.healthIndex) }
        let prior = try FleetSlopes(indices, pieceLength: parameters.pieceLength).prior()
        var ends: [Double] = []
        var lives: [[(history: LifeHistory, fit: TrendFit)]] = []
        for trajectory in trajectories {
            let life = life(of: trajectory, featureParameters, prior)
            guard let last = life.last else { continue }
            ends.append(last.fit.curve.level)
            lives.append(life)
        }
        guard ends.count > 1 else { throw .noTrainingRows }
        let failureLevel = ends.reduce(0, +) / Double(ends.count)
        let spread = ends.reduce(0) { $0 + ($1 - failureLevel) * ($1 - failureLevel) }
        let rows = zip(lives, trajectories.filter { $0.snapshots.count >= FeatureSpec.trainedFrom })
            .flatMap { life, trajectory in
                zip(life, RULLabel.labels(trajectory).dropFirst(FeatureSpec.trainedFrom - 1))
                    .map { row, rul in
                        ReadoutRow(
                            terms: TrendModel.terms(
                                TrendModel.Summary(
                                    curve: row.fit.curve, history: row.history,
                                    failureLevel: failureLevel)),
                            rul: Double(RULLabel.capped(rul)))
                    }
            }
        let readout = ReadoutFit.fit(rows, ridge: parameters.ridge)
        do {
            let model = try TrendModel(
                prior: prior, failureLevel: failureLevel,
                failureDeviation: max((spread / Double(ends.count - 1)).squareRoot(), 1e-3),
                readout: readout, fleetDeviation: ReadoutFit.deviation(rows, readout: readout))
            return TrainedTrend(model: model, featureParameters: featureParameters)
        } catch {
            throw .trendModel(reason: "\(error)")
        }
    }

    /// What the device would fit at each snapshot from the 15th on.
    private static func life(
        of trajectory: Trajectory, _ parameters: FeatureParameters, _ prior: TrendPrior
    ) -> [(history: LifeHistory, fit: TrendFit)] {
        var state = FeatureState()
        var rows: [(history: LifeHistory, fit: TrendFit)] = []
        for snapshot in trajectory.snapshots {
            state.append(snapshot, services: trajectory.services, using: parameters)
            guard state.count >= FeatureSpec.trainedFrom else { continue }
            let input = ModelInput(from: state, parameters: parameters, required: .history)
            guard let history = input.history else { continue }
            rows.append((history, TrendFit(history, prior: prior)))
        }
        return rows
    }
}

/// Slopes of the index in pieces of all lives: what the prior of a trend is made of.
struct FleetSlopes {
    /// One piece's mean index and slope per 100 cycles; pieces of a life are neighbours.
    private var lives: [[(level: Double, slope: Double)]] = []
    /// Sum of squared residuals around the pieces' lines, and its degrees of freedom.
    private var residual = (sum: 0.0, freedom: 0.0)

    /// - Throws: When no life has two pieces.
    init(_ indices: [[Double]], pieceLength: Int) throws(TrainingError) {
        precondition(pieceLength >= 4, "a line through \(pieceLength) points has no residual")
        for life in indices {
            var pieces: [(level: Double, slope: Double)] = []
            var end = life.count
            while end >= pieceLength {
                pieces.append(measure(life[end - pieceLength..<end]))
                end -= pieceLength
            }
            lives.append(pieces)
        }
        guard lives.contains(where: { $0.count > 1 }) else {
            throw .livesTooShort(
                longest: indices.map(\.count).max() ?? 0, needed: 2 * pieceLength)
        }
    }

    private mutating func measure(_ piece: ArraySlice<Double>) -> (level: Double, slope: Double) {
        let count = Double(piece.count)
        let level = piece.reduce(0, +) / count
        var (spread, moment, square) = (0.0, 0.0, 0.0)
        for (step, value) in piece.enumerated() {
            let time = Double(step) - (count - 1) / 2
            spread += time * time
            moment += time * (value - level)
            square += (value - level) * (value - level)
        }
        residual.sum += max(square - moment * moment / spread, 0)
        residual.freedom += count - 2
        return (level, moment / spread * TrendCurve.cyclesPerUnit)
    }

    /// Noise around the pieces' lines, the line of slope on level, the scatter around it, and the
    /// mean change from piece to piece: the maximum-likelihood scale of a Laplace distribution.
    func prior() throws(TrainingError) -> TrendPrior {
        let pieces = lives.flatMap { $0 }
        let count = Double(pieces.count)
        let level = pieces.reduce(0) { $0 + $1.level } / count
        let slope = pieces.reduce(0) { $0 + $1.slope } / count
        var (spread, moment) = (0.0, 0.0)
        for piece in pieces {
            spread += (piece.level - level) * (piece.level - level)
            moment += (piece.level - level) * (piece.slope - slope)
        }
        let perLevel = spread > 0 ? moment / spread : 0
        let scatter = pieces.reduce(0) { sum, piece in
            let rest = piece.slope - slope - perLevel * (piece.level - level)
            return sum + rest * rest
        }
        let changes = lives.flatMap { life in
            zip(life, life.dropFirst()).map { ($0.slope - $1.slope).magnitude }
        }
        do {
            return try TrendPrior(
                noise: max((residual.sum / residual.freedom).squareRoot(), 1e-3),
                slopeAtZero: slope - perLevel * level, slopePerLevel: perLevel,
                slopeDeviation: max((scatter / count).squareRoot(), 1e-3),
                changeScale: max(changes.reduce(0, +) / Double(changes.count), 1e-3))
        } catch {
            throw .trendModel(reason: "\(error)")
        }
    }
}

/// The terms of a trend and the capped RUL that they should lead to.
struct ReadoutRow {
    let terms: InlineArray<30, Double>
    let rul: Double
}

/// Ridge regression of the capped RUL on a trend's terms.
enum ReadoutFit {
    /// The RUL up to which ``deviation(_:readout:)`` looks: twice the failure horizon.
    private static let nearRUL = 60.0

    /// Cycles per term; terms are standardized for the fit, so that the penalty meets all alike.
    static func fit(_ rows: [ReadoutRow], ridge: Double) -> [Double] {
        let size = TrendModel.termCount
        let count = Double(rows.count)
        var means = [Double](repeating: 0, count: size)
        var deviations = [Double](repeating: 0, count: size)
        for row in rows { for term in 1..<size { means[term] += row.terms[term] / count } }
        for row in rows {
            for term in 1..<size {
                let rest = row.terms[term] - means[term]
                deviations[term] += rest * rest / count
            }
        }
        deviations = deviations.map { $0 > 1e-12 ? $0.squareRoot() : 1 }
        var products = [Double](repeating: 0, count: size * size)
        var target = [Double](repeating: 0, count: size)
        var scaled = [Double](repeating: 1, count: size)
        for row in rows {
            for term in 1..<size {
                scaled[term] = (row.terms[term] - means[term]) / deviations[term]
            }
            for left in 0..<size {
                target[left] += scaled[left] * row.rul
                for right in 0...left {
                    products[left * size + right] += scaled[left] * scaled[right]
                }
            }
        }
        for term in 1..<size { products[term * size + term] += ridge * count }
        var weights = PositiveDefinite.solve(products, target)
        for term in 1..<size {
            weights[term] /= deviations[term]
            weights[0] -= weights[term] * means[term]
        }
        return weights
    }

    /// Root mean square of the rest near failure, in cycles.
    static func deviation(_ rows: [ReadoutRow], readout: [Double]) -> Double {
        var (sum, count) = (0.0, 0.0)
        for row in rows where row.rul <= nearRUL {
            var rul = 0.0
            for term in readout.indices { rul += readout[term] * row.terms[term] }
            sum += (rul - row.rul) * (rul - row.rul)
            count += 1
        }
        return min(max((sum / max(count, 1)).squareRoot(), 1), 125)
    }
}
