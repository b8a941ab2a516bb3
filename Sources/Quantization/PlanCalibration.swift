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
            let units = calibrationRows(calibrate.map { [$0] }, bare, featureParameters)
            guard !units.isEmpty else {
                throw QuantizationError.noUnits(role: UnitRole.calibrate.rawValue)
            }
            let interval = try ConformalCalibration.interval(units)
            let plan = try InferencePlan(
                members: members, interval: interval,
                lateStarterInterval: try lateStarterInterval(
                    interval, bare, featureParameters, calibrate))
            return Result(plan: plan, alarmThreshold: threshold)
        } catch let error as QuantizationError {
            throw error
        } catch {
            throw .refused(reason: "\(error)")
        }
    }

    /// Late starts drawn from each calibrate unit's life.
    package static let lateStartCount = 8
    /// The seed of those draws: the same units give the same bytes.
    private static let lateStartSeed: UInt64 = 0x6C61_7465

    /// The interval of late starters: what the calibrate units say from late starts on, each unit
    /// weighing 1 with all of them together, and nowhere narrower than the other interval.
    private static func lateStarterInterval(
        _ interval: ConformalInterval, _ plan: InferencePlan, _ parameters: FeatureParameters,
        _ calibrate: [Trajectory]
    ) throws(InferenceError) -> ConformalInterval {
        let starts = calibrate.map { trajectory in
            (0..<lateStartCount).compactMap {
                LateStart.suffix(of: trajectory, seed: lateStartSeed, copy: $0)
            }
        }
        let units = calibrationRows(starts, plan, parameters)
        // Without a life long enough nothing is known of late starters, but that it is not more.
        guard !units.isEmpty else { return interval }
        return try ConformalCalibration.interval(units).union(interval)
    }

    /// Per unit the residuals of all its lives; units without a row are left out.
    private static func calibrationRows(
        _ units: [[Trajectory]], _ plan: InferencePlan, _ parameters: FeatureParameters
    ) -> [[CalibrationRow]] {
        units.map { lives in
            lives.flatMap { life in
                rows(life, parameters, plan.requiredInputs) { plan.point($0).rul }
            }.map {
                CalibrationRow(
                    rul: $0.said, residual: Double(RULLabel.capped($0.trueRUL)) - Double($0.said))
            }
        }.filter { !$0.isEmpty }
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
            state.append(snapshot, services: trajectory.services, using: parameters)
            guard state.count >= FeatureSpec.trainedFrom else { continue }
            let input = ModelInput(from: state, parameters: parameters, required: required)
            rows.append((say(input), trueRUL))
        }
        return rows
    }
}
