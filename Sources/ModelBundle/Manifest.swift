import Features
package import Prognostics

/// Where a bundle comes from: the strings of its `__metadata__`.
package struct Manifest: Equatable, Sendable {
    /// The layout of the tensors, version 1.
    package static let format = "nacelle-bundle/1"
    /// The greatest length of a run id or model type in bytes.
    package static let nameSizeMax = 64

    /// The training run, `[A-Za-z0-9._-]{1,64}`.
    package let runID: String
    /// The expected model type that the run filled, such as `xgboost`; same rule.
    package let modelType: String
    /// The digest of data, feature specification, roles and seed.
    package let configHash: Digest
    /// SHA-256 of ``FeatureParameters/canonicalBytes``; whoever has SHA-256 compares it.
    package let featureParametersDigest: Digest

    /// - Throws: When a name breaks its rule.
    package init(
        runID: String, modelType: String, configHash: Digest, featureParametersDigest: Digest
    ) throws(ModelBundleError) {
        for (key, name) in [("run_id", runID), ("model_type", modelType)] {
            guard (1...Self.nameSizeMax).contains(name.utf8.count),
                name.utf8.allSatisfy(UnitIdentifier.isAllowed)
            else {
                throw .metadata(
                    key: key, expected: "[A-Za-z0-9._-]{1,64}", seen: "`\(name.prefix(80))`")
            }
        }
        self.runID = runID
        self.modelType = modelType
        self.configHash = configHash
        self.featureParametersDigest = featureParametersDigest
    }

    /// The strings of the container's header.
    var metadata: [String: String] {
        [
            "format": Self.format, "feature_spec": FeatureSpec.identifier, "run_id": runID,
            "model_type": modelType, "config_hash": configHash.description,
            "feature_parameters": featureParametersDigest.description,
        ]
    }

    /// Reads the strings of a container's header.
    init(metadata: [String: String]) throws(ModelBundleError) {
        func text(_ key: String) throws(ModelBundleError) -> String {
            guard let text = metadata[key] else {
                throw .metadata(key: key, expected: "a text", seen: "missing")
            }
            return text
        }
        func digest(_ key: String) throws(ModelBundleError) -> Digest {
            let hex = try text(key)
            guard let digest = Digest(hex: hex) else {
                throw .metadata(
                    key: key, expected: "64 lower-case hexadecimal digits",
                    seen: "`\(hex.prefix(80))`")
            }
            return digest
        }
        let format = try text("format")
        guard format == Self.format else {
            throw .metadata(
                key: "format", expected: "`\(Self.format)`", seen: "`\(format.prefix(80))`")
        }
        let spec = try text("feature_spec")
        guard spec == FeatureSpec.identifier else {
            throw .featureSpec(bundle: String(spec.prefix(80)), program: FeatureSpec.identifier)
        }
        try self.init(
            runID: try text("run_id"), modelType: try text("model_type"),
            configHash: try digest("config_hash"),
            featureParametersDigest: try digest("feature_parameters"))
        for key in metadata.keys.sorted() where self.metadata[key] == nil {
            throw .metadata(key: key, expected: "no such key", seen: "present")
        }
    }
}
