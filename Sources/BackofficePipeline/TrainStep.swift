import Datasets
import Features
import ModelBundle
import ObjectStore
import Prognostics
import Quantization
package import Registry
import Sodium
import StrictJSON
package import Training

/// Trains one model type on the newest data set, quantizes it and registers the bundle.
package struct TrainStep {
    /// The types that this program can train by themselves; an ensemble combines their runs.
    package static let modelTypes = ["xgboost", "lstm", "gru", "trend"]

    /// The types that can be trained without some of their inputs.
    package static let maskedTypes = ["xgboost", "lstm"]

    /// What became of a run.
    package struct Report: Equatable, Sendable {
        package let runID: String
        package let modelType: String
        /// The model version, from 1.
        package let version: Int64
        package let bundle: Run.Bundle
        /// Whether the very run had succeeded before, so that nothing new was registered.
        package let isUnchanged: Bool
    }

    private let workspace: Workspace
    private let modelType: String
    private let seed: UInt32
    private let progress: ProgressReport
    private let recipe: Recipe

    package init(
        workspace: Workspace, modelType: String, seed: UInt32, without: InputMask = [],
        progress: ProgressReport
    ) throws(BackofficeError) {
        self.init(
            workspace: workspace, recipe: try Recipe(modelType: modelType, without: without),
            modelType: modelType, seed: seed, progress: progress)
    }

    /// Combines runs of the same configuration; members without a seed are those under `seed`.
    package init(
        workspace: Workspace, ensemble: EnsembleRecipe, seed: UInt32, progress: ProgressReport
    ) {
        self.init(
            workspace: workspace, recipe: .ensemble(ensemble),
            modelType: EnsembleRecipe.modelType, seed: seed, progress: progress)
    }

    private init(
        workspace: Workspace, recipe: Recipe, modelType: String, seed: UInt32,
        progress: ProgressReport
    ) {
        self.workspace = workspace
        self.modelType = modelType
        self.seed = seed
        self.recipe = recipe
        self.progress = progress
    }

    /// Trains, unless this run has succeeded before; a failure is on record before it is thrown.
    ///
    /// A registered bundle that was lost or damaged since is made again, from the same inputs.
    package func run() throws -> Report {
        guard let newest = try workspace.registry.newestDataSet() else {
            throw BackofficeError.noDataSet
        }
        let runID = try Self.runID(
            recipe, modelType, seed: seed, configHash: newest.configHash)
        if let known = try registered(runID) {
            if try !isIntact(known.bundle) { try mend(known) }
            return known
        }
        let dataSet = try PreprocessStep.newest(in: workspace)
        if case .ensemble(let ensemble) = recipe {
            // Not a failure of this run: it may begin when the others have succeeded.
            _ = try ensemble.bundles(
                configHash: newest.configHash, seed: seed, in: workspace)
        }
        try workspace.registry.beginRun(
            runID: runID, configHash: newest.configHash, modelType: modelType,
            parameters: recipe.canonicalText, seed: Int64(seed),
            startTimeMillis: WallClock.nowMillis())
        do {
            let bundle = try build(runID: runID, dataSet: dataSet)
            let version = try workspace.registry.succeedRun(
                runID, bundle: bundle, endTimeMillis: WallClock.nowMillis())
            return Report(
                runID: runID, modelType: modelType, version: version, bundle: bundle,
                isUnchanged: false)
        } catch {
            try workspace.registry.failRun(
                runID, reason: "\(error)", endTimeMillis: WallClock.nowMillis())
            throw error
        }
    }

    /// The first 16 hexadecimal digits of SHA-256 over what determines the bundle's bytes.
    private static func runID(
        _ recipe: Recipe, _ modelType: String, seed: UInt32, configHash: String
    ) throws(BackofficeError) -> String {
        let content: String
        if case .ensemble(let ensemble) = recipe {
            content = try ensemble.runs(configHash: configHash, seed: seed)
                .map { "\($0.runID)=\($0.member.weight)" }.joined(separator: ",")
        } else {
            content = recipe.canonicalText + "\n" + String(seed)
        }
        let text = [Manifest.format, configHash, modelType, content].joined(separator: "\n")
        return String(SHA256.digest(of: Array(text.utf8)).description.prefix(16))
    }

    /// The run that training a type under a seed makes of a configuration.
    static func runID(
        _ modelType: String, seed: UInt32, configHash: String
    ) throws(BackofficeError) -> String {
        try runID(try Recipe(modelType: modelType), modelType, seed: seed, configHash: configHash)
    }

    private func registered(_ runID: String) throws -> Report? {
        let versions = try workspace.registry.modelVersions()
        guard let version = versions.first(where: { $0.run.runID == runID }),
            let bundle = version.run.bundle
        else { return nil }
        return Report(
            runID: runID, modelType: modelType, version: version.version, bundle: bundle,
            isUnchanged: true)
    }

    private func isIntact(_ bundle: Run.Bundle) throws -> Bool {
        let key = try ObjectKey(bundle.key)
        guard try workspace.objects.exists(bucket: .models, key: key) else { return false }
        let bytes = try workspace.objects.get(bucket: .models, key: key)
        return SHA256.digest(of: bytes) == bundle.digest
    }

    private func mend(_ known: Report) throws {
        progress.step("The bundle of run \(known.runID) is lost or damaged; making it again")
        let bundle = try build(
            runID: known.runID, dataSet: PreprocessStep.newest(in: workspace))
        guard bundle.digest == known.bundle.digest else {
            throw BackofficeError.bundleChanged(
                key: bundle.key, registered: known.bundle.digest, found: bundle.digest)
        }
    }

    private func build(runID: String, dataSet: DataSet) throws -> Run.Bundle {
        let train = dataSet.trajectories(.train)
        if case .ensemble = recipe {
            progress.step("Combining an ensemble, run \(runID)")
        } else {
            progress.step("Training \(modelType), run \(runID), on \(train.count) units")
        }
        // A run that did not succeed may have left objects of an older program; this one replaces
        // them. A successful run's objects are written again only to mend its bundle.
        let objects: [(name: String, bytes: [UInt8])]
        switch recipe {
        case .xgboost(let parameters):
            objects = self.objects(
                try xgboost(parameters, runID: runID, train: train, dataSet: dataSet))
        case .recurrent(let parameters):
            objects = self.objects(
                try recurrent(parameters, runID: runID, train: train, dataSet: dataSet))
        case .trend(let parameters):
            objects = self.objects(
                try trend(parameters, runID: runID, train: train, dataSet: dataSet))
        case .ensemble(let ensemble):
            objects = [
                ("bundle.safetensors", try combine(ensemble, runID: runID, dataSet: dataSet))
            ]
        }
        let bundle = objects[objects.count - 1].bytes
        for (name, bytes) in objects {
            try workspace.objects.put(
                bytes, bucket: .models, key: ObjectKey("\(runID)/\(name)"), replace: true)
        }
        return Run.Bundle(
            key: "\(runID)/bundle.safetensors", digest: SHA256.digest(of: bundle),
            size: Int64(bundle.count))
    }

    /// What a trained model leaves, the bundle last; says what quantization changed.
    private func objects(
        _ trained: (floatModel: (String, [UInt8]), built: BuiltBundle)
    ) -> [(name: String, bytes: [UInt8])] {
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
        let trained = try XGBoostTrainer.train(train, parameters: parameters, seed: seed) { step in
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
            train, parameters: parameters, seed: seed
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

/// How a model type is trained.
private enum Recipe {
    case xgboost(XGBoostParameters)
    case recurrent(RecurrentParameters)
    case trend(TrendParameters)
    case ensemble(EnsembleRecipe)

    /// The recipe of a type that is trained by itself.
    init(modelType: String, without: InputMask = []) throws(BackofficeError) {
        switch modelType {
        case "xgboost":
            var parameters = XGBoostParameters.shipped
            parameters.without = without
            self = .xgboost(parameters)
        case "lstm":
            var parameters = RecurrentParameters.shipped(.lstm)
            parameters.without = without
            self = .recurrent(parameters)
        case "gru": self = .recurrent(.shipped(.gru))
        case "trend": self = .trend(.shipped)
        default: throw .unknownModelType(modelType, known: TrainStep.modelTypes)
        }
    }

    /// The parameters as text: run ids derive from it.
    var canonicalText: String {
        switch self {
        case .xgboost(let parameters): parameters.canonicalText
        case .recurrent(let parameters): parameters.canonicalText
        case .trend(let parameters): parameters.canonicalText
        case .ensemble(let ensemble): ensemble.text
        }
    }
}
