package import Prognostics

/// One prediction beside what became of the unit.
package struct ScoredRow: Equatable, Sendable {
    /// The unit that was predicted.
    package let unit: UnitIdentifier
    /// The cycle after which the prediction was made.
    package let cycle: CycleCount
    /// What the model said.
    package let prediction: Prediction
    /// Cycles the unit really had left, uncapped.
    package let truth: Double

    package init(unit: UnitIdentifier, cycle: CycleCount, prediction: Prediction, truth: Double) {
        self.unit = unit
        self.cycle = cycle
        self.prediction = prediction
        self.truth = truth
    }
}
