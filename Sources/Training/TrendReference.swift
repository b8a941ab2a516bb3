import CLBFGS
package import Inference

/// The most probable trend by a full search with liblbfgs: what the device's fixed passes are
/// compared with.
///
/// The same objective as ``TrendFit``'s, written as a function and its gradient (Nocedal 1980 for
/// the search), from a start that knows nothing of the device's solution.
package enum TrendReference {
    /// Steps at most; a rounded Laplace prior converges slowly.
    private static let stepCountMax: Int32 = 5_000

    /// The curve at the minimum.
    /// - Precondition: The history holds a snapshot.
    package static func fit(
        _ history: LifeHistory, prior: TrendPrior
    ) throws(TrainingError) -> TrendCurve {
        precondition(history.pointCount > 0, "a trend needs a snapshot")
        var objective = Objective(history, prior: prior)
        let size = TrendCurve.coefficientCount
        var position = [Double](repeating: 0, count: size)
        var settings = lbfgs_parameter_t()
        lbfgs_parameter_init(&settings)
        settings.m = Int32(size)
        settings.epsilon = 1e-9
        settings.max_iterations = stepCountMax
        settings.max_linesearch = 60
        let status = withUnsafeMutablePointer(to: &objective) { objective in
            lbfgs(
                Int32(size), &position, nil,
                { instance, position, gradient, count, _ in
                    guard let instance, let position, let gradient else { return .infinity }
                    return instance.assumingMemoryBound(to: Objective.self).pointee.evaluate(
                        UnsafeBufferPointer(start: position, count: Int(count)),
                        UnsafeMutableBufferPointer(start: gradient, count: Int(count)))
                }, nil, objective, &settings)
        }
        // Where the objective is flat to the last bit, the line search ends the run, not epsilon.
        let accepted = [
            LBFGS_SUCCESS, LBFGS_STOP, LBFGS_ALREADY_MINIMIZED, LBFGSERR_ROUNDING_ERROR,
            LBFGSERR_MAXIMUMLINESEARCH, LBFGSERR_MINIMUMSTEP, LBFGSERR_MAXIMUMITERATION,
        ]
        guard accepted.contains(Int(status)) else { throw .search(status: status) }
        var curve = TrendCurve()
        for index in 0..<size {
            curve.coefficients[index] = position[index] * objective.scales[index]
        }
        return curve
    }

    /// The negative logarithm of a curve's probability, up to a constant.
    package static func cost(
        of curve: TrendCurve, _ history: LifeHistory, prior: TrendPrior
    ) -> Double {
        let objective = Objective(history, prior: prior)
        let position = (0..<TrendCurve.coefficientCount).map {
            curve.coefficients[$0] / objective.scales[$0]
        }
        var gradient = position
        return position.withUnsafeBufferPointer { position in
            gradient.withUnsafeMutableBufferPointer { objective.evaluate(position, $0) }
        }
    }
}

/// The objective over scaled coefficients, so that a step is about as long in each direction.
private struct Objective {
    private let rows: [[Double]]
    private let values: [Double]
    private let weights: [Double]
    private let changeScale: Double
    /// A coefficient per unit of position.
    let scales: [Double]

    init(_ history: LifeHistory, prior: TrendPrior) {
        let size = TrendCurve.coefficientCount
        var rows: [[Double]] = []
        var values: [Double] = []
        var weights: [Double] = []
        for index in 0..<history.pointCount {
            let point = history.point(index)
            let row = TrendCurve.row(lag: point.lag)
            rows.append((0..<size).map { row[$0] })
            values.append(point.value)
            weights.append(point.weight / (prior.noise * prior.noise))
        }
        rows.append([-prior.slopePerLevel, 1] + [Double](repeating: 0, count: size - 2))
        values.append(prior.slopeAtZero)
        weights.append(1 / (prior.slopeDeviation * prior.slopeDeviation))
        var curvature = [Double](repeating: 1 / prior.changeScale, count: size)
        for (row, weight) in zip(rows, weights) {
            for index in 0..<size { curvature[index] += weight * row[index] * row[index] }
        }
        self.rows = rows
        self.values = values
        self.weights = weights
        changeScale = prior.changeScale
        scales = curvature.map { 1 / $0.squareRoot() }
    }

    /// The cost at a position, and its gradient.
    func evaluate(
        _ position: UnsafeBufferPointer<Double>, _ gradient: UnsafeMutableBufferPointer<Double>
    ) -> Double {
        for index in gradient.indices { gradient[index] = 0 }
        var cost = 0.0
        for (line, row) in rows.enumerated() {
            var rest = -values[line]
            for index in row.indices { rest += row[index] * position[index] * scales[index] }
            cost += weights[line] * rest * rest / 2
            for index in row.indices {
                gradient[index] += weights[line] * rest * row[index] * scales[index]
            }
        }
        for index in 2..<position.count {
            let change = position[index] * scales[index]
            let rounded =
                (change * change + TrendCurve.rounding * TrendCurve.rounding).squareRoot()
            cost += rounded / changeScale
            gradient[index] += change / (rounded * changeScale) * scales[index]
        }
        return cost
    }
}
