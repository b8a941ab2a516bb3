import Features

/// What is known about a health index before a unit's own history is looked at.
///
/// Learnt from train units. Slopes and their changes are per 100 cycles.
package struct TrendPrior: Equatable, Sendable {
    /// Standard deviation of one snapshot's index around the trend.
    package let noise: Double
    /// The fleet's slope now, given the level now: `slopeAtZero + slopePerLevel · level`.
    package let slopeAtZero: Double
    package let slopePerLevel: Double
    /// Standard deviation of a unit's slope around the fleet's.
    package let slopeDeviation: Double
    /// Scale of the Laplace distribution of a change of slope.
    package let changeScale: Double

    /// - Throws: When a number is out of range.
    package init(
        noise: Double, slopeAtZero: Double, slopePerLevel: Double, slopeDeviation: Double,
        changeScale: Double
    ) throws(InferenceError) {
        let scales = [
            ("noise", noise), ("slope deviation", slopeDeviation), ("change scale", changeScale),
        ]
        for (name, value) in scales {
            guard (1e-4...1e3).contains(value) else {
                throw .outOfRange(name: name, value: "\(value)", range: "1e-4 to 1e3")
            }
        }
        for (name, value) in [("slope at zero", slopeAtZero), ("slope per level", slopePerLevel)] {
            guard value.magnitude <= 1e3 else {
                throw .outOfRange(name: name, value: "\(value)", range: "-1e3 to 1e3")
            }
        }
        self.noise = noise
        self.slopeAtZero = slopeAtZero
        self.slopePerLevel = slopePerLevel
        self.slopeDeviation = slopeDeviation
        self.changeScale = changeScale
    }
}

/// A piecewise-linear trend, seen backwards from the latest snapshot.
///
///     value(lag) = level − slope · lag + Σ change_k · max(lag − lag_k, 0)
///
/// with lags in units of 100 cycles. The grid of changepoints is fixed relative to now, so that
/// the slope now means the same at every age.
package struct TrendCurve: Equatable, Sendable {
    /// Cycles in a unit of time.
    package static let cyclesPerUnit = 100.0
    package static let changeCount = 10
    /// Level, slope and changes.
    package static let coefficientCount = changeCount + 2
    /// Lags of the changepoints: closer together where a forecast starts.
    package static let changeLags: InlineArray<10, Double> = [
        0.1, 0.2, 0.3, 0.45, 0.6, 0.8, 1.05, 1.35, 1.7, 2.1,
    ]
    /// Where the Laplace prior of a change is rounded off: |δ| counts as √(δ² + rounding²).
    package static let rounding = 0.02

    /// Level, slope per 100 cycles, changes of slope.
    package var coefficients = InlineArray<12, Double>(repeating: 0)

    package init() {}

    /// The index at the latest snapshot.
    package var level: Double { coefficients[0] }
    /// The change of the index per 100 cycles at the latest snapshot; negative while wearing.
    package var slope: Double { coefficients[1] }

    /// The index `lag` before the latest snapshot, in units of 100 cycles, at least 0.
    package func value(lag: Double) -> Double {
        let row = Self.row(lag: lag)
        var sum = 0.0
        for index in 0..<Self.coefficientCount { sum += row[index] * coefficients[index] }
        return sum
    }

    /// What each coefficient counts for in ``value(lag:)``.
    package static func row(lag: Double) -> InlineArray<12, Double> {
        var row = InlineArray<12, Double>(repeating: 0)
        row[0] = 1
        row[1] = -lag
        for change in 0..<changeCount { row[change + 2] = max(lag - changeLags[change], 0) }
        return row
    }

    package static func == (lhs: Self, rhs: Self) -> Bool {
        (0..<coefficientCount).allSatisfy {
            lhs.coefficients[$0].bitPattern == rhs.coefficients[$0].bitPattern
        }
    }
}

extension LifeHistory {
    /// Means of the index that a trend is fitted to.
    package var pointCount: Int { health.filledCount + (health.restCount > 0 ? 1 : 0) }

    /// One mean: its time before now in units of 100 cycles, its snapshots, its value.
    /// - Precondition: `index` is in `0 ..< pointCount`; 0 is the oldest.
    package func point(_ index: Int) -> (lag: Double, weight: Double, value: Double) {
        let stride = Double(health.stride)
        let isRest = index == health.filledCount
        let weight = isRest ? Double(health.restCount) : stride
        let middle = Double(index) * stride + (weight - 1) / 2
        let lag = (Double(health.count - 1) - middle) * cyclesPerSnapshot / TrendCurve.cyclesPerUnit
        let value = isRest ? health.restMean ?? 0 : Double(health.mean(index))
        return (lag, weight, value)
    }
}

/// The most probable trend of a history under a prior, by a fixed number of ridge regressions.
///
/// Least squares on the means, a normal prior on the slope now, a Laplace prior on every change of
/// slope (Taylor and Letham 2018, section 3.1). The Laplace prior is imitated by iteratively
/// reweighted ridge: the penalty `δ² / (2 · scale · √(δ₀² + rounding²))`, up to a constant, touches
/// the prior's at the last value δ₀ from above, so every pass comes nearer to the one minimum
/// (Hunter and Li 2005).
/// Total: the matrix is positive definite for every history of at least one snapshot.
package struct TrendFit: Equatable, Sendable {
    /// Passes; `TrendReferenceTests` hold what they leave to be desired against a full search.
    package static let passCount = 16

    package private(set) var curve = TrendCurve()
    /// Variances of level and slope now, and their covariance, given the last pass' weights.
    package private(set) var levelVariance = 0.0
    package private(set) var slopeVariance = 0.0
    package private(set) var covariance = 0.0

    /// - Precondition: The history holds a snapshot.
    package init(_ history: LifeHistory, prior: TrendPrior) {
        precondition(history.pointCount > 0, "a trend needs a snapshot")
        let equations = NormalEquations(history, prior: prior)
        var factor = CholeskyFactor()
        for _ in 0..<Self.passCount {
            factor.decompose(equations, changes: curve, scale: prior.changeScale)
            curve.coefficients = factor.solve(equations.right)
        }
        var unit = InlineArray<12, Double>(repeating: 0)
        unit[0] = 1
        let first = factor.solve(unit)
        unit[0] = 0
        unit[1] = 1
        levelVariance = max(first[0], 0)
        covariance = first[1]
        slopeVariance = max(factor.solve(unit)[1], 0)
    }
}

/// The least-squares part of the fit, which no pass changes.
private struct NormalEquations {
    /// `[row, column]` up to the diagonal.
    private(set) var matrix = InlineArray<144, Double>(repeating: 0)
    private(set) var right = InlineArray<12, Double>(repeating: 0)

    init(_ history: LifeHistory, prior: TrendPrior) {
        let precision = 1 / (prior.noise * prior.noise)
        for index in 0..<history.pointCount {
            let point = history.point(index)
            add(
                TrendCurve.row(lag: point.lag), value: point.value,
                weight: point.weight * precision)
        }
        // slope − slopePerLevel · level = slopeAtZero, as if it had been measured.
        var row = InlineArray<12, Double>(repeating: 0)
        row[0] = -prior.slopePerLevel
        row[1] = 1
        let deviation = prior.slopeDeviation
        add(row, value: prior.slopeAtZero, weight: 1 / (deviation * deviation))
    }

    private mutating func add(_ row: InlineArray<12, Double>, value: Double, weight: Double) {
        for line in 0..<TrendCurve.coefficientCount where row[line] != 0 {
            let weighted = row[line] * weight
            right[line] += weighted * value
            for column in 0...line { matrix[line * 12 + column] += weighted * row[column] }
        }
    }
}

/// The lower triangle whose square is the matrix of a pass.
private struct CholeskyFactor {
    private var lower = InlineArray<144, Double>(repeating: 0)
    /// Keeps rounding from turning a pivot of a nearly singular matrix negative.
    private static let pivotMin = 1e-9

    mutating func decompose(_ equations: NormalEquations, changes: TrendCurve, scale: Double) {
        let size = TrendCurve.coefficientCount
        let rounding = TrendCurve.rounding * TrendCurve.rounding
        for row in 0..<size {
            for column in 0...row {
                var sum = equations.matrix[row * 12 + column]
                if row == column, row >= 2 {
                    let change = changes.coefficients[row]
                    sum += 1 / (scale * (change * change + rounding).squareRoot())
                }
                for inner in 0..<column {
                    sum -= lower[row * 12 + inner] * lower[column * 12 + inner]
                }
                lower[row * 12 + column] =
                    row == column
                    ? max(sum, Self.pivotMin).squareRoot() : sum / lower[column * 12 + column]
            }
        }
    }

    func solve(_ right: InlineArray<12, Double>) -> InlineArray<12, Double> {
        let size = TrendCurve.coefficientCount
        var solution = right
        for row in 0..<size {
            for inner in 0..<row { solution[row] -= lower[row * 12 + inner] * solution[inner] }
            solution[row] /= lower[row * 12 + row]
        }
        for row in stride(from: size - 1, through: 0, by: -1) {
            for inner in row + 1..<size {
                solution[row] -= lower[inner * 12 + row] * solution[inner]
            }
            solution[row] /= lower[row * 12 + row]
        }
        return solution
    }
}
