import Glibc

/// A logistic regression of an event on one number, fitted by Newton's method.
///
/// Minimizes `Σ log(1 + exp(−y·(slope·x + intercept))) + ridge/2 · (slope·σ)²` with `y` = ±1 and σ
/// the deviation of `x`. The ridge is small enough to leave a fit of overlapping classes alone (it
/// weighs as much as a hundred-thousandth of a row) and keeps the slope finite when a threshold
/// separates the classes. The objective is convex and every step is halved until it falls, so the
/// fit converges from the flat start and gives the same result each time.
package struct LogisticFit: Equatable, Sendable {
    /// The change of the log-odds per unit of `x`.
    package let slope: Double
    /// The log-odds at `x` = 0.
    package let intercept: Double

    /// The weight of the ridge on the slope in units of the deviation of `x`.
    package static let ridge = 1e-5
    /// Newton steps after which the fit is taken as it is; separated classes take about 20.
    package static let stepMax = 100

    /// Fits `events[i]` on `values[i]`.
    /// - Precondition: As many values as events.
    package init(
        values: [Double], events: [Bool]
    ) throws(QuantizationError) {
        precondition(values.count == events.count, "an event per value")
        guard events.contains(true), events.contains(false) else {
            throw .oneOutcomeOnly(rowCount: events.count, failing: events.contains(true))
        }
        let count = Double(values.count)
        let mean = values.reduce(0, +) / count
        let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / count
        let deviation = variance > 0 ? variance.squareRoot() : 1
        let problem = Problem(values: values.map { ($0 - mean) / deviation }, events: events)
        var (slope, intercept) = (0.0, 0.0)
        var loss = problem.loss(slope, intercept)
        for _ in 0..<Self.stepMax {
            let step = problem.newtonStep(slope, intercept)
            var share = 1.0
            var next = problem.loss(slope - step.slope, intercept - step.intercept)
            while next > loss && share > 1e-6 {
                share /= 2
                next = problem.loss(slope - share * step.slope, intercept - share * step.intercept)
            }
            guard next < loss else { break }
            slope -= share * step.slope
            intercept -= share * step.intercept
            loss = next
        }
        self.slope = slope / deviation
        self.intercept = intercept - slope * mean / deviation
    }

    /// The standardized values and their events.
    private struct Problem {
        let values: [Double]
        let events: [Bool]

        /// The penalized negative log-likelihood.
        func loss(_ slope: Double, _ intercept: Double) -> Double {
            var sum = LogisticFit.ridge / 2 * slope * slope
            for (value, event) in zip(values, events) {
                let margin = (event ? 1 : -1) * (slope * value + intercept)
                // log(1 + exp(−m)) without overflow for a very negative margin.
                sum += margin > 0 ? log1p(exp(-margin)) : log1p(exp(margin)) - margin
            }
            return sum
        }

        /// The inverse of the Hessian times the gradient.
        func newtonStep(
            _ slope: Double, _ intercept: Double
        ) -> (slope: Double, intercept: Double) {
            var (gradientSlope, gradientIntercept) = (LogisticFit.ridge * slope, 0.0)
            // The intercept's own ridge only keeps the matrix regular when all weights vanish.
            var (slopes, mixed, intercepts) = (LogisticFit.ridge, 0.0, 1e-12)
            for (value, event) in zip(values, events) {
                let margin = slope * value + intercept
                let probability = 1 / (1 + exp(-margin))
                let residual = probability - (event ? 1 : 0)
                let weight = probability * (1 - probability)
                gradientSlope += residual * value
                gradientIntercept += residual
                slopes += weight * value * value
                mixed += weight * value
                intercepts += weight
            }
            let determinant = slopes * intercepts - mixed * mixed
            return (
                (intercepts * gradientSlope - mixed * gradientIntercept) / determinant,
                (slopes * gradientIntercept - mixed * gradientSlope) / determinant
            )
        }
    }
}
