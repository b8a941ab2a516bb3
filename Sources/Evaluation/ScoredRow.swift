package import Prognostics

/// One prediction beside what became of the unit.
package struct ScoredRow: Equatable, Sendable {
    /// The unit that was predicted.
    package let unit: UnitIdentifier
    /// The cycle after which the prediction was made.
    package let cycle: CycleCount
    /// The operating regime of that cycle, numbered as the bundle's centroids are.
    package let regime: Int
    /// What the model said.
    package let prediction: Prediction
    /// Cycles the unit really had left, uncapped.
    package let truth: Double

    package init(
        unit: UnitIdentifier, cycle: CycleCount, regime: Int, prediction: Prediction, truth: Double
    ) {
        self.unit = unit
        self.cycle = cycle
        self.regime = regime
        self.prediction = prediction
        self.truth = truth
    }

    /// The truth as a model learns it, at most 125 cycles.
    package var cappedTruth: Double { min(truth, Double(Prediction.cap)) }

    /// Predicted minus true RUL, the truth capped.
    package var error: Double { Double(prediction.rul) - cappedTruth }

    /// Whether the unit fails within 30 cycles.
    package var isNearFailure: Bool { truth <= FailureMetrics.horizonCycles }

    /// Whether the interval holds the capped truth.
    package var isCovered: Bool {
        (Double(prediction.rulLow)...Double(prediction.rulHigh)).contains(cappedTruth)
    }

    /// Rows by unit, in their order; a unit's rows stand together, and cycles go up in one life.
    package static func byUnit(_ rows: [ScoredRow]) -> [ArraySlice<ScoredRow>] {
        var groups: [ArraySlice<ScoredRow>] = []
        var start = 0
        for index in 1..<max(rows.count, 1)
        where rows[index].unit != rows[index - 1].unit || rows[index].cycle <= rows[index - 1].cycle
        {
            groups.append(rows[start..<index])
            start = index
        }
        if start < rows.count { groups.append(rows[start...]) }
        return groups
    }
}
