import Datasets
import Features
import ModelBundle
import Prognostics
import Quantization
import Sodium
import StrictJSON
import Training

/// Makes what one run leaves: the float model, what quantization changed, and the bundle.
struct BundleMaker {
    /// One object of a run, by its name under the run's id.
    typealias Object = (name: String, bytes: [UInt8])

    let workspace: Workspace
    let recipe: TrainingRecipe
    let modelType: String
    let seed: UInt32
    /// 1 or 2; the bytes are the same.
    let threadCount: Int
    let progress: ProgressReport

    /// The objects of a run, the bundle last.
    func make(runID: String, dataSet: DataSet) throws -> [Object] {
        let train = dataSet.trajectories(.train)
        if case .ensemble = recipe {
            progress.step("Combining an ensemble, run \(runID)")
        } else {
            progress.step("Training \(modelType), run \(runID), on \(train.count) units")
        }
        switch recipe {
        case .xgboost(let parameters):
            return objects(
                try xgboost(parameters, runID: runID, train: train, dataSet: dataSet))
        case .recurrent(let parameters):
            return objects(
                try recurrent(parameters, runID: runID, train: train, dataSet: dataSet))
        case .trend(let parameters):
            return objects(
                try trend(parameters, runID: runID, train: train, dataSet: dataSet))
        case .ensemble(let ensemble):
            return [
                ("bundle.safetensors", try combine(ensemble, runID: runID, dataSet: dataSet))
            ]
        }
    }

    /// What a trained model leaves, the bundle last; says what quantization changed.
    private func objects(
        _ trained: (floatModel: (String, [UInt8]), built: BuiltBundle)
    ) -> [Object] {
        for line in trained.built.report.lines { progress.step(line) }
        return [
            trained.floatModel, ("quantization.json", trained.built.report.json.bytes),
            ("bundle.safetensors", trained.built.bytes),
        ]
    }

    private func combine(
        _ ensemble: EnsembleRecipe, runID: String, dataSet: DataSet
    ) throws -> [UInt8] {
        let members = try ensemble.bundles(
            configHash: dataSet.configHash.description, seed: seed, in: workspace)
        progress.step(
            "Its members: "
                + members.map { "\($0.run.name) (run \($0.run.runID))" }.joined(separator: ", "))
        return try BundleBuilder.combine(
            members.map { ($0.run.member.weight, $0.bundle.bundle) },
            tune: dataSet.trajectories(.tune), calibrate: dataSet.trajectories(.calibrate),
            manifest: try Manifest(
                runID: runID, modelType: modelType, configHash: dataSet.configHash,
                featureParametersDigest: members[0].bundle.bundle.manifest.featureParametersDigest,
                members: members.map { member in
                    Manifest.Member(
                        runID: member.run.runID, modelType: member.run.member.modelType,
                        weight: member.run.member.weight)
                })
        ).bytes
    }

    private func xgboost(
        _ parameters: XGBoostParameters, runID: String, train: [Trajectory], dataSet: DataSet
    ) throws -> (floatModel: (String, [UInt8]), built: BuiltBundle) {
        let trained = try XGBoostTrainer.train(
            train, parameters: parameters, seed: seed, threadCount: threadCount
        ) { step in
            progress.advance(
                "\(step.fit.rawValue) fit", done: step.round, of: step.roundCount)
            return .goOn
        }
        progress.step("Quantizing and calibrating")
        let built = try BundleBuilder.build(
            trained, tune: dataSet.trajectories(.tune),
            calibrate: dataSet.trajectories(.calibrate),
            manifest: manifest(runID, dataSet, trained.featureParameters))
        return (("float-model.json", trained.savedModel), built)
    }

    private func recurrent(
        _ parameters: RecurrentParameters, runID: String, train: [Trajectory], dataSet: DataSet
    ) throws -> (floatModel: (String, [UInt8]), built: BuiltBundle) {
        let startMillis = WallClock.nowMillis()
        let trained = try RecurrentTrainer.train(
            train, parameters: parameters, seed: seed, threadCount: threadCount
        ) { step in
            let elapsedMillis = WallClock.nowMillis() - startMillis
            let left = elapsedMillis * Int64(step.stepCount - step.step) / Int64(step.step)
            progress.advance(
                "loss \(step.loss.text(4)), rate \(step.rate.text(4)), "
                    + "\(left / 1_000) s left", done: step.step, of: step.stepCount)
            return .goOn
        }
        progress.step("Quantizing and calibrating")
        let built = try BundleBuilder.build(
            trained, train: train, tune: dataSet.trajectories(.tune),
            calibrate: dataSet.trajectories(.calibrate),
            manifest: manifest(runID, dataSet, trained.featureParameters))
        return (("float-model.safetensors", Self.safetensors(trained.weights)), built)
    }

    private func trend(
        _ parameters: TrendParameters, runID: String, train: [Trajectory], dataSet: DataSet
    ) throws -> (floatModel: (String, [UInt8]), BuiltBundle) {
        let trained = try TrendTrainer.train(train, parameters: parameters)
        progress.step("Calibrating, and comparing with a full search")
        let built = try BundleBuilder.build(
            trained, tune: dataSet.trajectories(.tune),
            calibrate: dataSet.trajectories(.calibrate),
            manifest: manifest(runID, dataSet, trained.featureParameters))
        return (("float-model.json", Self.json(trained).bytes), built)
    }

    private func manifest(
        _ runID: String, _ dataSet: DataSet, _ parameters: FeatureParameters
    ) throws -> Manifest {
        try Manifest(
            runID: runID, modelType: modelType, configHash: dataSet.configHash,
            featureParametersDigest: SHA256.digest(of: parameters.canonicalBytes))
    }

    /// The float weights under the names that PyTorch gives them.
    private static func safetensors(_ weights: RecurrentWeights) -> [UInt8] {
        let tensors = weights.shape.tensors.map { tensor in
            let extent = weights.shape.extent(of: tensor)
            let isVector = tensor.rawValue.contains("bias")
            return Tensor(
                name: tensor.rawValue, type: .f32,
                shape: isVector ? [extent.rows] : [extent.rows, extent.columns],
                bytes: weights[tensor].flatMap { value in
                    [0, 8, 16, 24].map { UInt8(truncatingIfNeeded: value.bitPattern >> $0) }
                })
        }
        return SafetensorsFile(metadata: ["format": "pt"], tensors: tensors).encoded()
    }

    private static func json(_ trained: TrainedTrend) -> JSON {
        .object(
            trained.numbers.map { name, values in
                JSON.Member(key: name, value: .array(values.map { .double($0) }))
            })
    }
}
