import Evaluation
import Features
import ModelBundle
import ObjectStore
import Prognostics
import Registry
import Sodium

/// A registered bundle, read back from the bucket `models` and decoded from those bytes.
struct StoredBundle {
    let version: Int64
    let run: Run
    let digest: Digest
    let bytes: [UInt8]
    let bundle: ModelBundle

    var runID: String { run.runID }
    /// A bundle of another specification does not decode.
    var featureSpec: String { FeatureSpec.identifier }

    /// Reads the bundle of a version and checks that it is the one its run registered.
    init(_ version: ModelVersion, in workspace: Workspace) throws {
        guard let registered = version.run.bundle else {
            throw BackofficeError.noVersion(version.version)
        }
        do {
            bytes = try workspace.objects.get(
                bucket: .models, key: ObjectKey(registered.key), sizeMax: SafetensorsFile.sizeMax)
        } catch ObjectStoreError.missing {
            throw BackofficeError.bundlePruned(
                version: version.version, runID: version.run.runID, key: registered.key)
        }
        digest = SHA256.digest(of: bytes)
        guard digest == registered.digest else {
            throw BackofficeError.bundleChanged(
                key: registered.key, registered: registered.digest, found: digest)
        }
        bundle = try ModelBundle(decoding: bytes)
        self.version = version.version
        run = version.run
    }

    /// The bundle of a version number.
    static func version(_ number: Int64, in workspace: Workspace) throws -> StoredBundle {
        let versions = try workspace.registry.modelVersions()
        guard let version = versions.first(where: { $0.version == number }) else {
            throw BackofficeError.noVersion(number)
        }
        return try StoredBundle(version, in: workspace)
    }

    /// Whether an error of reading a bundle is about its bytes, so that reading again is no help.
    ///
    /// What the operating system refuses is not: permissions and disks are mended in place.
    static func isDamage(_ error: any Error) -> Bool {
        switch error {
        case is ModelBundleError, BackofficeError.bundleChanged, BackofficeError.bundlePruned,
            ObjectStoreError.missing, ObjectStoreError.tooLarge, ObjectStoreError.damaged:
            true
        default: false
        }
    }

    /// The promoted bundle.
    static func promoted(in workspace: Workspace) throws -> StoredBundle {
        guard let number = try workspace.registry.promotedVersion() else {
            throw BackofficeError.noPromotedModel
        }
        return try version(number, in: workspace)
    }

    /// Who it is, for a report.
    var subject: EvaluationReport.Subject {
        EvaluationReport.Subject(
            modelType: run.modelType, runID: run.runID, version: version,
            configHash: run.configHash, bundleDigest: digest, bundleBytes: bytes.count,
            alarmThreshold: Double(bundle.alarmThreshold))
    }

    /// The code that the device runs, with what these bytes decoded to.
    var scoring: RowScoring {
        RowScoring(plan: bundle.plan, parameters: bundle.featureParameters)
    }
}
