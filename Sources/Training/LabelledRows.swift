package import Datasets
package import Features
import Prognostics

/// Engineered features with the true RUL of each row, made by the code that the device runs.
package struct LabelledRows: Equatable, Sendable {
    /// The engineered features of each row, in the order of `FeatureSpec.engineeredNames`.
    package private(set) var features = FeatureMatrix(columnCount: FeatureSpec.engineeredCount)
    /// The true RUL of each row, in cycles, uncapped.
    package private(set) var ruls: [Int32] = []

    /// Rows of every snapshot of `trajectories`, in their order.
    ///
    /// Boosted trees learn from a unit's first cycle on. Rows before the 15th know little of their
    /// unit, but most of them carry the saturated target, and leaving them out made the model no
    /// better (PyPI's xgboost, capped RMSE, mean of 4 seeds: FD001 12.0 with them, 12.5 without).
    package init(
        _ trajectories: [Trajectory], using parameters: FeatureParameters
    ) throws(TrainingError) {
        var row = [Float](repeating: 0, count: FeatureSpec.engineeredCount)
        for trajectory in trajectories {
            guard trajectory.endsInFailure else {
                throw .censored(unit: trajectory.unit.description)
            }
            var state = FeatureState()
            for snapshot in trajectory.snapshots {
                state.append(snapshot, services: trajectory.services, using: parameters)
                state.engineered(into: &row, using: parameters)
                features.append(row)
            }
            ruls += RULLabel.labels(trajectory)
        }
    }

    /// The rows at `indices`, in that order.
    package func selecting(_ indices: [Int]) -> LabelledRows {
        var selected = self
        selected.features = FeatureMatrix(columnCount: features.columnCount)
        for index in indices { selected.features.append(features.row(index)) }
        selected.ruls = indices.map { ruls[$0] }
        return selected
    }

    /// Sets masked features to 0 in every row.
    mutating func clear(_ mask: InputMask) { features.clear(mask.features) }

    /// What a model learns: the RULs, capped.
    package var targets: [Float] { ruls.map(RULLabel.capped) }
}
