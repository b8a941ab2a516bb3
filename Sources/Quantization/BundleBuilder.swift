package import Datasets
import Features
import Inference
package import ModelBundle
import Prognostics
package import Training

/// A finished bundle and what it cost to quantize.
package struct BuiltBundle: Equatable, Sendable {
    /// The bundle that ``bytes`` decode to.
    package let bundle: ModelBundle
    /// What is stored, pushed and run.
    package let bytes: [UInt8]
    /// Float against quantized.
    package let report: QuantizationReport
}

/// Turns a trained model into the file that a device receives.
package enum BundleBuilder {
    /// Quantizes, calibrates, records golden trajectories and encodes.
    ///
    /// The same model, units and manifest give the same bytes. Before they are returned, the bytes
    /// are decoded and their golden trajectories reproduced, by the code that a device runs.
    package static func build(
        _ trained: TrainedXGBoost, tune: [Trajectory], calibrate: [Trajectory], manifest: Manifest
    ) throws(QuantizationError) -> BuiltBundle {
        let ensemble = try TreeQuantization.quantize(
            trained.model, keptFeatures: trained.keptFeatures)
        let (bundle, bytes) = try finish(
            .trees(ensemble), trained.featureParameters, tune: tune, calibrate: calibrate,
            manifest: manifest)
        let difference = try difference(trained, ensemble, on: tune + calibrate)
        let report = QuantizationReport(
            difference: difference, bundleSize: bytes.count,
            details: .trees(
                roundingBound: TreeQuantization.roundingBound(ensemble),
                cutCountMax: ensemble.cuts.map(\.count).max() ?? 0))
        return BuiltBundle(bundle: bundle, bytes: bytes, report: report)
    }

    /// The same for a recurrent network, whose scales come from `train` and `tune`.
    package static func build(
        _ trained: TrainedRecurrent, train: [Trajectory], tune: [Trajectory],
        calibrate: [Trajectory], manifest: Manifest
    ) throws(QuantizationError) -> BuiltBundle {
        // Before anything is quantized, so that the reason names the role and not a number.
        guard !tune.isEmpty else { throw .noUnits(role: UnitRole.tune.rawValue) }
        let parameters = trained.featureParameters
        let tuneWindows = try windows(tune, parameters)
        let learnt = try windows(train + tune, parameters)
        let judge = QuantizationJudge(
            float: trained.weights, rows: try windows(tune + calibrate, parameters),
            tuneCount: tuneWindows.count)
        let (model, judgement): (Model, QuantizationJudge.Judgement)
        switch trained.kind {
        case .lstm:
            let network = try RecurrentQuantization.lstm(
                trained.weights, windows: learnt, tune: tuneWindows)
            (model, judgement) = (.lstm(network), judge.judge(network))
        case .gru:
            let network = try RecurrentQuantization.gru(
                trained.weights, windows: learnt, tune: tuneWindows)
            (model, judgement) = (.gru(network), judge.judge(network))
        }
        let (bundle, bytes) = try finish(
            model, parameters, tune: tune, calibrate: calibrate, manifest: manifest)
        let report = QuantizationReport(
            difference: judgement.difference, bundleSize: bytes.count,
            details: .recurrent(judgement.details))
        return BuiltBundle(bundle: bundle, bytes: bytes, report: report)
    }

    /// The same for a trend, which runs in `Double` as it was trained: nothing is quantized.
    ///
    /// The report says instead how far the device's fixed passes end from the full search, on every
    /// 16th snapshot.
    package static func build(
        _ trained: TrainedTrend, tune: [Trajectory], calibrate: [Trajectory], manifest: Manifest
    ) throws(QuantizationError) -> BuiltBundle {
        let (bundle, bytes) = try finish(
            .trend(trained.model), trained.featureParameters, tune: tune, calibrate: calibrate,
            manifest: manifest)
        let difference = try difference(trained, on: tune + calibrate)
        let report = QuantizationReport(
            difference: difference, bundleSize: bytes.count, details: .trend)
        return BuiltBundle(bundle: bundle, bytes: bytes, report: report)
    }

    /// The RUL of the search against that of the passes, neither clamped.
    private static func difference(
        _ trained: TrainedTrend, on trajectories: [Trajectory]
    ) throws(QuantizationError) -> QuantizationReport.Difference {
        let model = trained.model
        var (search, passes) = ([Float](), [Float]())
        for trajectory in trajectories {
            var state = FeatureState()
            for snapshot in trajectory.snapshots {
                state.append(
                    snapshot, services: trajectory.services, using: trained.featureParameters)
                let input = ModelInput(
                    from: state, parameters: trained.featureParameters, required: .history)
                guard state.count % 16 == 0, let history = input.history else { continue }
                do {
                    let curve = try TrendReference.fit(history, prior: model.prior)
                    search.append(Float(model.rul(of: curve, history)))
                } catch {
                    throw .refused(reason: "\(error)")
                }
                passes.append(model.run(history).rul)
            }
        }
        guard !search.isEmpty else { throw .noUnits(role: UnitRole.tune.rawValue) }
        return .init(float: search, quantized: passes)
    }

    private static func windows(
        _ trajectories: [Trajectory], _ parameters: FeatureParameters
    ) throws(QuantizationError) -> LabelledWindows {
        do {
            let windows = try LabelledWindows(trajectories, using: parameters)
            guard windows.count > 0 else {
                throw QuantizationError.noUnits(role: UnitRole.tune.rawValue)
            }
            return windows
        } catch let error as QuantizationError {
            throw error
        } catch {
            throw .refused(reason: "\(error)")
        }
    }

    private static func finish(
        _ model: Model, _ parameters: FeatureParameters, tune: [Trajectory],
        calibrate: [Trajectory], manifest: Manifest
    ) throws(QuantizationError) -> (bundle: ModelBundle, bytes: [UInt8]) {
        try seal(
            try PlanCalibration.calibrate(
                model, featureParameters: parameters, tune: tune, calibrate: calibrate),
            parameters, goldenUnits: tune + calibrate, manifest: manifest)
    }

    /// Records golden trajectories for a complete plan, encodes, and checks the bytes.
    private static func seal(
        _ calibrated: PlanCalibration.Result, _ parameters: FeatureParameters,
        goldenUnits: [Trajectory], manifest: Manifest
    ) throws(QuantizationError) -> (bundle: ModelBundle, bytes: [UInt8]) {
        let snapshots = try GoldenSnapshots.choose(from: goldenUnits, parameters: parameters)
        do {
            let golden = try snapshots.map { snapshots in
                try GoldenTrajectory.record(
                    calibrated.plan, parameters, snapshots: snapshots,
                    restartAfter: snapshots.count / 2)
            }
            let bytes = try ModelBundle(
                manifest: manifest, featureParameters: parameters, plan: calibrated.plan,
                alarmThreshold: calibrated.alarmThreshold, golden: golden
            ).encoded()
            let bundle = try ModelBundle(decoding: bytes)
            try bundle.checkGolden()
            return (bundle, bytes)
        } catch {
            throw .refused(reason: "\(error)")
        }
    }

    /// Combines the models of finished single bundles into one, weighted.
    ///
    /// Models and failure calibrations stay as they are; threshold and intervals are learnt anew,
    /// from what the members say together.
    package static func combine(
        _ members: [(weight: Double, bundle: ModelBundle)], tune: [Trajectory],
        calibrate: [Trajectory], manifest: Manifest
    ) throws(QuantizationError) -> (bundle: ModelBundle, bytes: [UInt8]) {
        precondition(!members.isEmpty, "an ensemble has members")
        let parameters = members[0].bundle.featureParameters
        for (_, bundle) in members where bundle.featureParameters != parameters {
            throw .differentFeatures(
                runIDs: [members[0].bundle.manifest.runID, bundle.manifest.runID])
        }
        let plan: [PlanMember]
        do {
            plan = try members.map { weight, bundle in
                let single = bundle.plan.members[0]
                return try PlanMember(
                    weight: weight, model: single.model, calibration: single.calibration)
            }
        } catch {
            throw .refused(reason: "\(error)")
        }
        return try seal(
            try PlanCalibration.complete(
                plan, featureParameters: parameters, tune: tune, calibrate: calibrate),
            parameters, goldenUnits: tune + calibrate, manifest: manifest)
    }

    /// libxgboost's prediction against the quantized one, neither clamped, on every snapshot.
    private static func difference(
        _ trained: TrainedXGBoost, _ ensemble: TreeEnsemble, on trajectories: [Trajectory]
    ) throws(QuantizationError) -> QuantizationReport.Difference {
        let rows: LabelledRows
        let float: [Float]
        do {
            rows = try LabelledRows(trajectories, using: trained.featureParameters)
            float = try trained.predict(rows.features)
        } catch {
            throw .refused(reason: "\(error)")
        }
        return .init(
            float: float,
            quantized: float.indices.map { ensemble.rul(of: Array(rows.features.row($0))) })
    }
}
