import EdgeProtocol
import ModelBundle
import ObjectStore
import Prognostics
import Quantization
package import Registry
import Sodium
package import Training

/// Makes one run: trains a model type on a data set, quantizes it and registers the bundle.
///
/// A run is made under a lease of its claim, by whoever has it: this process while it holds the
/// workspace, or a trainer process. The bytes are the same.
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

    let modelType: String
    private let workspace: Workspace
    private let seed: UInt32
    private let progress: ProgressReport
    private let recipe: TrainingRecipe
    private let threadCount: Int
    /// Nil for the newest data set.
    private let configHash: String?

    package init(
        workspace: Workspace, modelType: String, seed: UInt32, without: InputMask = [],
        configHash: String? = nil, progress: ProgressReport
    ) throws(BackofficeError) {
        self.init(
            workspace: workspace,
            recipe: try TrainingRecipe(modelType: modelType, without: without),
            modelType: modelType, seed: seed, configHash: configHash, progress: progress)
    }

    /// Combines runs of the same configuration; members without a seed are those under `seed`.
    package init(
        workspace: Workspace, ensemble: EnsembleRecipe, seed: UInt32, configHash: String? = nil,
        progress: ProgressReport
    ) {
        self.init(
            workspace: workspace, recipe: .ensemble(ensemble),
            modelType: EnsembleRecipe.modelType, seed: seed, configHash: configHash,
            progress: progress)
    }

    /// Makes the run of an order, on its data set.
    /// - Throws: `otherProgram` when this program would make another run of it.
    init(
        workspace: Workspace, order: TrainingOrder, threadCount: Int, progress: ProgressReport
    ) throws {
        let recipe: TrainingRecipe =
            if order.modelType == EnsembleRecipe.modelType {
                .ensemble(try EnsembleRecipe(order.members))
            } else {
                try TrainingRecipe(modelType: order.modelType)
            }
        self.init(
            workspace: workspace, recipe: recipe, modelType: order.modelType, seed: order.seed,
            configHash: order.configHash, threadCount: threadCount, progress: progress)
        let own = try self.order()
        guard own == order else {
            throw BackofficeError.otherProgram(ordered: order.runID, own: own.runID)
        }
    }

    private init(
        workspace: Workspace, recipe: TrainingRecipe, modelType: String, seed: UInt32,
        configHash: String?, threadCount: Int = 2, progress: ProgressReport
    ) {
        self.workspace = workspace
        self.modelType = modelType
        self.seed = seed
        self.recipe = recipe
        self.configHash = configHash
        self.threadCount = threadCount
        self.progress = progress
    }

    /// Trains in this process, which holds the workspace, unless this run has succeeded before.
    ///
    /// A failure is on record before it is thrown. A registered bundle that was lost or damaged
    /// since is made again, from the same inputs.
    package func run() throws -> Report {
        if let known = try known() { return known }
        let order = try order()
        try checkMembers(order)
        try workspace.registry.post([order], attemptsMax: 1)
        let lease = try workspace.registry.lease(
            order.runID, holder: ThisProcess.name("train"), seconds: nil,
            startTimeMillis: WallClock.nowMillis())
        guard let lease else {
            throw BackofficeError.claimHeld(runID: order.runID, holder: try holder(order.runID))
        }
        return try run(under: lease)
    }

    /// Says on `pipeline/model-training` how the run ended, if it was begun.
    package func announce(broker: FleetBroker?) {
        // A run that cannot be looked up is told from the registry by whoever asks later.
        guard let order = try? order(), let run = try? workspace.registry.run(order.runID) else {
            return
        }
        PipelineChannel(broker: broker, listens: false, progress: progress).announce(run)
    }

    /// Trains under a lease; a failure is on record before it is thrown, unless the lease is lost.
    ///
    /// `note` is a sentence that every reason of a failure ends with.
    func run(under lease: Lease, note: String = "") throws -> Report {
        let registry = workspace.registry
        func fail(_ error: any Error, isFinal: Bool) throws {
            try registry.failRun(
                under: lease, reason: "\(error)\(note)", isFinal: isFinal,
                endTimeMillis: WallClock.nowMillis())
        }
        do {
            let order = try order()
            try checkMembers(order)
            let bundle = try build(
                runID: lease.runID, dataSet: try dataSet(order.configHash), lease: lease)
            let version = try registry.succeedRun(
                under: lease, bundle: bundle, endTimeMillis: WallClock.nowMillis())
            return Report(
                runID: lease.runID, modelType: modelType, version: version, bundle: bundle,
                isUnchanged: false)
        } catch let error as RegistryError {
            if case .leaseLost = error { throw error }
            try fail(error, isFinal: false)
            throw error
        } catch {
            try fail(error, isFinal: Self.repeats(error))
            throw error
        }
    }

    /// The run of this step, if it has succeeded; a bundle lost or damaged since is made again.
    func known() throws -> Report? {
        guard let known = try registered(try order().runID) else { return nil }
        if try !isIntact(known.bundle) { try mend(known) }
        return known
    }

    /// What is to be made, as a claim says it.
    func order() throws -> TrainingOrder {
        guard let configHash = try configHash ?? workspace.registry.newestDataSet()?.configHash
        else { throw BackofficeError.noDataSet }
        var members = ""
        if case .ensemble(let ensemble) = recipe { members = ensemble.text }
        return TrainingOrder(
            runID: try Self.runID(recipe, modelType, seed: seed, configHash: configHash),
            configHash: configHash, modelType: modelType, parameters: recipe.canonicalText,
            members: members, seed: seed)
    }

    /// Whether the same inputs end in the same error, so that another attempt is no help.
    private static func repeats(_ error: any Error) -> Bool {
        error is TrainingError || error is QuantizationError || error is ModelBundleError
    }

    /// The first 16 hexadecimal digits of SHA-256 over what determines the bundle's bytes.
    private static func runID(
        _ recipe: TrainingRecipe, _ modelType: String, seed: UInt32, configHash: String
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
        try runID(
            try TrainingRecipe(modelType: modelType), modelType, seed: seed, configHash: configHash)
    }

    /// Not a failure of an ensemble's run: it may begin when the others have succeeded.
    func checkMembers(_ order: TrainingOrder) throws {
        guard case .ensemble(let ensemble) = recipe else { return }
        _ = try ensemble.bundles(configHash: order.configHash, seed: seed, in: workspace)
    }

    private func holder(_ runID: String) throws -> String {
        try workspace.registry.claim(runID)?.lease?.holder ?? "a process that just ended"
    }

    private func dataSet(_ configHash: String) throws -> DataSet {
        try PreprocessStep.dataSet(configHash, in: workspace)
    }

    /// The run as it is registered; nil until it has succeeded.
    func registered(_ runID: String, isUnchanged: Bool = true) throws -> Report? {
        let versions = try workspace.registry.modelVersions()
        guard let version = versions.first(where: { $0.run.runID == runID }),
            let bundle = version.run.bundle
        else { return nil }
        return Report(
            runID: runID, modelType: modelType, version: version.version, bundle: bundle,
            isUnchanged: isUnchanged)
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
            runID: known.runID, dataSet: try dataSet(try order().configHash), lease: nil)
        guard bundle.digest == known.bundle.digest else {
            throw BackofficeError.bundleChanged(
                key: bundle.key, registered: known.bundle.digest, found: bundle.digest)
        }
    }

    /// Makes a run's objects and stores them.
    private func build(runID: String, dataSet: DataSet, lease: Lease?) throws -> Run.Bundle {
        let maker = BundleMaker(
            workspace: workspace, recipe: recipe, modelType: modelType, seed: seed,
            threadCount: threadCount, progress: progress)
        let objects = try maker.make(runID: runID, dataSet: dataSet)
        // Who lost the lease while it trained leaves the objects to the next holder.
        if let lease, try !workspace.registry.holds(lease) {
            throw RegistryError.leaseLost(runID: runID, attempt: lease.attempt)
        }
        // A run that did not succeed may have left objects of an older program; this one replaces
        // them. A successful run's objects are written again only to mend its bundle.
        for (name, bytes) in objects {
            try workspace.objects.put(
                bytes, bucket: .models, key: ObjectKey("\(runID)/\(name)"), replace: true)
        }
        let bundle = objects[objects.count - 1].bytes
        return Run.Bundle(
            key: "\(runID)/bundle.safetensors", digest: SHA256.digest(of: bundle),
            size: Int64(bundle.count))
    }
}
