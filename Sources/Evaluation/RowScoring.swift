package import Datasets
package import Features
package import Inference
import Prognostics

/// Runs a bundle's plan over trajectories, cycle by cycle, as the device does.
package struct RowScoring: Sendable {
    private let plan: InferencePlan
    private let parameters: FeatureParameters

    /// Scores with the plan and feature parameters that a bundle's bytes decoded to.
    package init(plan: InferencePlan, parameters: FeatureParameters) {
        self.plan = plan
        self.parameters = parameters
    }

    /// The official protocol: the last recorded cycle of each test unit.
    package func official(_ test: TestUnits) -> [ScoredRow] {
        zip(test.trajectories, test.trueRULs).map { trajectory, trueRUL in
            var state = FeatureState()
            for snapshot in trajectory.snapshots {
                state.append(snapshot, services: trajectory.services, using: parameters)
            }
            return row(trajectory.unit, trajectory.lastCycle, state, trueRUL: trueRUL)
        }
    }

    /// The nightly protocol: every row from the 15th of units that ran to failure.
    /// - Precondition: Every trajectory ends in failure.
    package func nightly(_ trajectories: [Trajectory]) -> [ScoredRow] {
        trajectories.flatMap { trajectory in
            precondition(trajectory.endsInFailure, "unit \(trajectory.unit) still runs")
            var state = FeatureState()
            var rows: [ScoredRow] = []
            for (snapshot, rul) in zip(trajectory.snapshots, RULLabel.labels(trajectory)) {
                state.append(snapshot, services: trajectory.services, using: parameters)
                guard state.count >= EvaluationProtocol.firstSnapshot else { continue }
                rows.append(row(trajectory.unit, snapshot.cycle, state, trueRUL: rul))
            }
            return rows
        }
    }

    /// Settings farther than this from every centroid, in scaled settings, are of another fleet.
    ///
    /// Within a regime of C-MAPSS settings vary by less than 0.001 of their scale, and its two
    /// closest regimes, 35 and 42 thousand feet, are 0.17 apart: this is far from both.
    package static let strangeDistance = 0.05

    /// How many snapshots were taken at settings that the model's fleet did not fly at.
    package func strangeSnapshotCount(_ trajectories: [Trajectory]) -> Int {
        trajectories.reduce(0) { count, trajectory in
            count
                + trajectory.snapshots.count {
                    parameters.nearestRegime(to: $0).squaredDistance
                        > Self.strangeDistance * Self.strangeDistance
                }
        }
    }

    private func row(
        _ unit: UnitIdentifier, _ cycle: CycleCount, _ state: FeatureState, trueRUL: Int32
    ) -> ScoredRow {
        ScoredRow(
            unit: unit, cycle: cycle, regime: Int(state.regime),
            prediction: plan.run(plan.input(from: state, parameters: parameters)),
            truth: Double(trueRUL))
    }
}
