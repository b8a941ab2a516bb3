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

    /// Completes a single model: failure probability and threshold from `tune`, the interval from
    /// `calibrate`.
    ///
    /// Everything is learnt from what `Inference` says, on snapshots from each unit's 15th on:
    /// before, predictions are flagged as early.
    package static func calibrate(
        _ model: Model, featureParameters: FeatureParameters, tune: [Trajectory],
        calibrate: [Trajectory]
    ) throws(QuantizationError) -> Result {
        try check(tune: tune, calibrate: calibrate)
        let member: PlanMember
        do {
            let bare = try PlanMember(
                weight: 1, model: model, calibration: FailureCalibration(slope: -1, intercept: 0))
            let tuned = tune.flatMap { trajectory in
                rows(trajectory, featureParameters, model.requiredInputs) {
                    bare.estimate($0).margin
                }
            }
            let fit = try LogisticFit(
                values: tuned.map { Double($0.said) },
                events: tuned.map { RULLabel.isNearFailure($0.trueRUL) })
            member = try PlanMember(
                weight: 1, model: model,
                calibration: FailureCalibration(slope: fit.slope, intercept: fit.intercept))
        } catch let error as QuantizationError {
            throw error
        } catch {
            throw .refused(reason: "\(error)")
        }
        return try complete(
            [member], featureParameters: featureParameters, tune: tune, calibrate: calibrate)
    }

    /// Completes members whose failure probability is calibrated: the threshold of their common
    /// probability from `tune`, the interval of their common RUL from `calibrate`.
    package static func complete(
        _ members: [PlanMember], featureParameters: FeatureParameters, tune: [Trajectory],
        calibrate: [Trajectory]
    ) throws(QuantizationError) -> Result {
        try check(tune: tune, calibrate: calibrate)
        do {
            let bare = try InferencePlan(
                members: members, interval: .none, lateStarterInterval: .none)
            let tuned = tune.flatMap { trajectory in
                rows(trajectory, featureParameters, bare.requiredInputs) {
                    bare.point($0).probability
                }
            }
            let threshold = AlarmThreshold.maximizingF2(
                probabilities: tuned.map(\.said),
                events: tuned.map { RULLabel.isNearFailure($0.trueRUL) })
            let units = calibrate.map { trajectory in
                rows(trajectory, featureParameters, bare.requiredInputs) { bare.point($0).rul }
                    .map {
                        CalibrationRow(
                            rul: $0.said,
                            residual: Double(RULLabel.capped($0.trueRUL)) - Double($0.said))
                    }
            }.filter { !$0.isEmpty }
            guard !units.isEmpty else {
                throw QuantizationError.noUnits(role: UnitRole.calibrate.rawValue)
            }
            let interval = try ConformalCalibration.interval(units)
            let plan = try InferencePlan(
                members: members, interval: interval, lateStarterInterval: interval)
            return Result(plan: plan, alarmThreshold: threshold)
        } catch let error as QuantizationError {
            throw error
        } catch {
            throw .refused(reason: "\(error)")
        }
    }

    private static func check(
        tune: [Trajectory], calibrate: [Trajectory]
    ) throws(QuantizationError) {
        guard !tune.isEmpty else { throw .noUnits(role: UnitRole.tune.rawValue) }
        guard !calibrate.isEmpty else { throw .noUnits(role: UnitRole.calibrate.rawValue) }
        for trajectory in tune + calibrate where !trajectory.endsInFailure {
            throw .censored(unit: trajectory.unit.description)
        }
    }

    /// What is said about each snapshot from the 15th on, with the truth.
    private static func rows(
        _ trajectory: Trajectory, _ parameters: FeatureParameters, _ required: RequiredInputs,
        say: (borrowing ModelInput) -> Float
    ) -> [(said: Float, trueRUL: Int32)] {
        var state = FeatureState()
        var rows: [(said: Float, trueRUL: Int32)] = []
        for (snapshot, trueRUL) in zip(trajectory.snapshots, RULLabel.labels(trajectory)) {
            state.append(snapshot, using: parameters)
            guard state.count >= FeatureSpec.trainedFrom else { continue }
            let input = ModelInput(from: state, parameters: parameters, required: required)
            rows.append((say(input), trueRUL))
        }
        return rows
    }
}
