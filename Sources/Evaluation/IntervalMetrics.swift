import Prognostics

/// How often the prediction interval holds the truth, and how wide it is.
package struct IntervalMetrics: Equatable, Sendable {
    /// Rows compared.
    package let rowCount: Int
    /// The share of rows whose truth lies in the closed interval; nil without rows.
    package let coverage: Double?
    /// Mean width in cycles; nil without rows.
    package let meanWidth: Double?

    /// Compares intervals with the truth, row by row.
    /// - Precondition: There are as many intervals as truths.
    package init(low: [Double], high: [Double], truth: [Double]) {
        precondition(low.count == truth.count && high.count == truth.count)
        rowCount = truth.count
        guard !truth.isEmpty else {
            coverage = nil
            meanWidth = nil
            return
        }
        var covered = 0
        var width = 0.0
        for row in truth.indices {
            if low[row] <= truth[row], truth[row] <= high[row] { covered += 1 }
            width += high[row] - low[row]
        }
        coverage = Double(covered) / Double(truth.count)
        meanWidth = width / Double(truth.count)
    }
}

extension IntervalMetrics {
    /// The intervals of scored rows against the capped truth.
    init(_ rows: [ScoredRow]) {
        self.init(
            low: rows.map { Double($0.prediction.rulLow) },
            high: rows.map { Double($0.prediction.rulHigh) }, truth: rows.map(\.cappedTruth))
    }
}
