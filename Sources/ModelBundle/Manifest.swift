import Features
package import Prognostics

/// Where a bundle comes from: the strings of its `__metadata__`.
package struct Manifest: Equatable, Sendable {
    /// The layout of the tensors, version 2: models are members of a plan.
    package static let format = "nacelle-bundle/2"
    /// The greatest length of a run id or model type in bytes.
    package static let nameSizeMax = 64

    /// One model of the bundle.
    package struct Member: Equatable, Sendable {
        /// The run that trained it, by the rule of names.
        package let runID: String
        /// What it is, such as `lstm`; same rule.
        package let modelType: String
        /// Its share of the plan's answers, as `Double.description` writes it.
        package let weight: String

        package init(runID: String, modelType: String, weight: Double) {
            self.init(runID: runID, modelType: modelType, weight: weight.description)
        }

        fileprivate init(runID: String, modelType: String, weight: String) {
            self.runID = runID
            self.modelType = modelType
            self.weight = weight
        }

        /// `{type}:{run}={weight}`.
        package var text: String { "\(modelType):\(runID)=\(weight)" }
    }

    /// The training run, `[A-Za-z0-9._-]{1,64}`.
    package let runID: String
    /// The expected model type that the run filled, such as `xgboost`; same rule.
    package let modelType: String
    /// The digest of data, feature specification, roles and seed.
    package let configHash: Digest
    /// SHA-256 of ``FeatureParameters/canonicalBytes``; whoever has SHA-256 compares it.
    package let featureParametersDigest: Digest
    /// The models in the order of the plan; a single model is its own and only member.
    package let members: [Member]

    /// The manifest of a single model.
    /// - Throws: When a name breaks its rule.
    package init(
        runID: String, modelType: String, configHash: Digest, featureParametersDigest: Digest
    ) throws(ModelBundleError) {
        try self.init(
            runID: runID, modelType: modelType, configHash: configHash,
            featureParametersDigest: featureParametersDigest,
            members: [Member(runID: runID, modelType: modelType, weight: 1)])
    }

    /// The manifest of a plan with these members.
    /// - Throws: When a name breaks its rule, or a single member is not the run itself.
    package init(
        runID: String, modelType: String, configHash: Digest, featureParametersDigest: Digest,
        members: [Member]
    ) throws(ModelBundleError) {
        let names =
            [("run_id", runID), ("model_type", modelType)]
            + members.flatMap { [("members", $0.runID), ("members", $0.modelType)] }
        for (key, name) in names {
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
        self.members = members
        // A run that is one of several members would be made from itself.
        guard members.contains(where: { $0.runID == runID }) == (members.count == 1) else {
            throw .metadata(
                key: "members", expected: "the run itself, or several others",
                seen: "`\(membersText)`")
        }
    }

    /// The members as the header has them: `{type}:{run}={weight}`, comma-separated.
    var membersText: String { members.map(\.text).joined(separator: ",") }

    /// Reads ``membersText``; the weights stay text until they meet the plan's.
    private static func members(_ text: String) -> [Member] {
        var members: [Member] = []
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            let type = part.prefix { $0 != ":" }
            let rest = part.dropFirst(type.count + 1)
            let run = rest.prefix { $0 != "=" }
            members.append(
                Member(
                    runID: String(run), modelType: String(type),
                    weight: String(rest.dropFirst(run.count + 1))))
        }
        return members
    }

    /// The strings of the container's header.
    var metadata: [String: String] {
        [
            "format": Self.format, "feature_spec": FeatureSpec.identifier, "run_id": runID,
            "model_type": modelType, "config_hash": configHash.description,
            "feature_parameters": featureParametersDigest.description, "members": membersText,
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
            featureParametersDigest: try digest("feature_parameters"),
            members: Self.members(try text("members")))
        guard self.metadata["members"] == metadata["members"] else {
            throw .metadata(
                key: "members", expected: "{type}:{run}={weight}, comma-separated",
                seen: "`\(try text("members").prefix(80))`")
        }
        for key in metadata.keys.sorted() where self.metadata[key] == nil {
            throw .metadata(key: key, expected: "no such key", seen: "present")
        }
    }
}
