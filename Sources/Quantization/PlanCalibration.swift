package import Datasets
package import Features
package import Inference
import Prognostics

/// Completes a model with what is learnt from units it was not trained on.
package enum PlanCalibration {
    /// A complete plan, and the probability from which it calls a unit failing.
    package struct Result: Equatable, Sendable {
        /// The model with its failure probability and interval.
        package let plan: InferencePlan
        /// Alarm from this probability on; maximizes F2 on the tune units.
        package let alarmThreshold: Float
    }

    /// Calibrates probability and threshold on `tune`, the interval on `calibrate`.
    ///
    /// Everything is learnt from what `Inference` says, on snapshots from each unit's 15th on:
    /// before, predictions are flagged as early.
    package static func calibrate(
        _ model: Model, featureParameters: FeatureParameters, tune: [Trajectory],
        calibrate: [Trajectory]
    ) throws(QuantizationError) -> Result {
        guard !tune.isEmpty else { throw .noUnits(role: UnitRole.tune.rawValue) }
        guard !calibrate.isEmpty else { throw .noUnits(role: UnitRole.calibrate.rawValue) }
        for trajectory in tune + calibrate where !trajectory.endsInFailure {
            throw .censored(unit: trajectory.unit.description)
        }
        do {
            let bare = InferencePlan(
                model: model, calibration: try FailureCalibration(slope: -1, intercept: 0),
                interval: .none)
            let tuned = tune.flatMap { run(bare, on: $0, parameters: featureParameters) }
            let events = tuned.map { RULLabel.isNearFailure($0.trueRUL) }
            let fit = try LogisticFit(values: tuned.map { Double($0.margin) }, events: events)
            let calibration = try FailureCalibration(
                slope: fit.slope, intercept: fit.intercept)
            let threshold = AlarmThreshold.maximizingF2(
                probabilities: tuned.map { calibration.probability(margin: $0.margin) },
                events: events)
            let units = calibrate.map { trajectory in
                run(bare, on: trajectory, parameters: featureParameters).map {
                    CalibrationRow(
                        rul: $0.rul,
                        residual: Double(RULLabel.capped($0.trueRUL)) - Double($0.rul))
                }
            }.filter { !$0.isEmpty }
            guard !units.isEmpty else {
                throw QuantizationError.noUnits(role: UnitRole.calibrate.rawValue)
            }
            let interval = try ConformalCalibration.interval(units)
            let plan = InferencePlan(model: model, calibration: calibration, interval: interval)
            return Result(plan: plan, alarmThreshold: threshold)
        } catch let error as QuantizationError {
            throw error
        } catch {
            throw .refused(reason: "\(error)")
        }
    }

    /// What the plan says about each snapshot from the 15th on, with the truth.
    private static func run(
        _ plan: InferencePlan, on trajectory: Trajectory, parameters: FeatureParameters
    ) -> [(rul: Float, margin: Float, trueRUL: Int32)] {
        var state = FeatureState()
        var rows: [(rul: Float, margin: Float, trueRUL: Int32)] = []
        for (snapshot, trueRUL) in zip(trajectory.snapshots, RULLabel.labels(trajectory)) {
            state.append(snapshot, using: parameters)
            guard state.count >= FeatureSpec.trainedFrom else { continue }
            let estimate = plan.estimate(plan.input(from: state, parameters: parameters))
            rows.append((estimate.rul, estimate.margin, trueRUL))
        }
        return rows
    }
}
