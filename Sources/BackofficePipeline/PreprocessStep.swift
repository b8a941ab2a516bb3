package import Datasets
import EdgeProtocol
import Features
import ObjectStore
package import Prognostics
import Registry
import Sodium
package import StrictJSON

/// Turns raw runs into a data set with roles and labels, named by what it follows from.
package enum PreprocessStep {
    /// What to preprocess.
    package struct Request: Equatable, Sendable {
        package let folder: String
        package let subset: String
        package let scheme: RoleScheme
        package let rolesSeed: UInt64
        /// Whether lives of engines in the field, as the pulled logs tell them, are in it, too.
        package let includesField: Bool

        package init(
            folder: String, subset: String, scheme: RoleScheme, rolesSeed: UInt64,
            includesField: Bool = true
        ) {
            self.folder = folder
            self.subset = subset
            self.scheme = scheme
            self.rolesSeed = rolesSeed
            self.includesField = includesField
        }
    }

    /// What was stored.
    package struct Report: Equatable, Sendable {
        package let configHash: Digest
        /// Whether this very data set was there before.
        package let isUnchanged: Bool
        /// The claim check with a description of the data set, the same for the same data set.
        package let json: JSON
        /// What was left out, and why; this may change while the data set does not.
        package let validation: ValidationReport
    }

    /// Stores the data set, unless these very bytes are there, and makes it the newest.
    ///
    /// So a data set that was damaged is mended by preprocessing it again.
    package static func run(
        _ request: Request, workspace: Workspace, progress: ProgressReport
    ) throws -> Report {
        var validation = ValidationReport()
        let trajectories = try lives(
            request, workspace: workspace, report: &validation, progress: progress)
        let roles = UnitRoles(seed: request.rolesSeed, scheme: request.scheme)
        let assigned = roles.assign(trajectories)
        try roles.validate(assigned)
        let configuration = DataSet.Configuration(
            fingerprint: DataSet.fingerprint(trajectories), roles: roles)
        let configHash = configuration.hash
        let key = try DataSet.key(configHash)
        let bytes = try DataSet(
            configHash: configHash, trajectories: trajectories, roles: assigned
        ).encoded()
        let json = metadata(
            request, configuration, assigned, trajectories, field: validation.field,
            digest: SHA256.digest(of: bytes), size: bytes.count)
        let outcomes = [
            try workspace.objects.put(bytes, bucket: .processedData, key: key, replace: true),
            try workspace.objects.put(
                json.bytes, bucket: .processedData, key: metadataKey(configHash), replace: true),
        ]
        try workspace.objects.put(
            validation.json.bytes, bucket: .processedData,
            key: ObjectKey("\(configHash)/validation.json"), replace: true)
        try workspace.registry.useDataSet(
            configHash: configHash.description, objectKey: key.description)
        return Report(
            configHash: configHash, isUnchanged: outcomes == [.unchanged, .unchanged], json: json,
            validation: validation)
    }

    /// The lives of the base data, then those of the field.
    private static func lives(
        _ request: Request, workspace: Workspace, report: inout ValidationReport,
        progress: ProgressReport
    ) throws -> [Trajectory] {
        progress.step("Reading train_\(request.subset) in \(request.folder)")
        let runs = try DatasetFolder(request.folder).validatedTrain(subset: request.subset)
        let base = runs.trajectories
        report.add(runs)
        var field = FieldLives()
        if request.includesField {
            let readings = try FieldReadings(
                workspace: workspace, nowMillis: WallClock.nowMillis(), report: &report,
                progress: progress)
            field = FieldLives(readings, base: base, report: &report)
        }
        for line in report.lines { progress.step(line) }
        return base + field.trajectories
    }

    /// Stores a data set with the least claim check that ``newest(in:)`` asks for, as the newest.
    static func store(_ dataSet: DataSet, in workspace: Workspace) throws {
        let key = try DataSet.key(dataSet.configHash)
        let bytes = try dataSet.encoded()
        let check = ClaimCheck(
            key: key.description, digest: SHA256.digest(of: bytes), configHash: dataSet.configHash)
        try workspace.objects.put(bytes, bucket: .processedData, key: key, replace: true)
        try workspace.objects.put(
            check.payload, bucket: .processedData, key: metadataKey(dataSet.configHash),
            replace: true)
        try workspace.registry.useDataSet(
            configHash: dataSet.configHash.description, objectKey: key.description)
    }

    private static func metadataKey(_ configHash: Digest) throws(ObjectStoreError) -> ObjectKey {
        try ObjectKey("\(configHash)/metadata.json")
    }

    private static func metadata(
        _ request: Request, _ configuration: DataSet.Configuration, _ assigned: [UnitRole],
        _ trajectories: [Trajectory], field: ValidationReport.Extent, digest: Digest, size: Int
    ) -> JSON {
        let counts = UnitRole.allCases.map { role in
            JSON.Member(
                key: role.rawValue, value: .integer(assigned.count { $0 == role }))
        }
        return [
            "config_hash": .string(configuration.hash.description),
            "bucket": .string(ClaimCheck.bucket),
            "key": .string("\(configuration.hash)/training.parquet"),
            "digest": .string(digest.description),
            "bytes": .integer(size),
            "rows": .integer(trajectories.reduce(0) { $0 + $1.snapshots.count }),
            "units": .integer(trajectories.count),
            "unit_roles": .object(counts),
            "field_units": .integer(field.unitsUsed), "field_rows": .integer(field.rowsUsed),
            "roles": .string(request.scheme.rawValue),
            "roles_seed": .integer(request.rolesSeed),
            "data_fingerprint": .string(configuration.fingerprint.description),
            "feature_spec": .string(FeatureSpec.identifier),
            "cap": .float(Prediction.cap),
        ]
    }

    /// The newest data set of a workspace; its bytes must be those that its claim check names.
    static func newest(in workspace: Workspace) throws -> DataSet {
        guard let newest = try workspace.registry.newestDataSet() else {
            throw BackofficeError.noDataSet
        }
        return try dataSet(newest.configHash, in: workspace)
    }

    /// The claim check of a stored data set.
    static func claimCheck(
        _ configHash: String, in workspace: Workspace
    ) throws -> ClaimCheck {
        guard let configHash = Digest(hex: configHash) else {
            throw BackofficeError.badClaim(reason: "'\(configHash)' is no configuration hash.")
        }
        let metadata = try workspace.objects.get(
            bucket: .processedData, key: metadataKey(configHash))
        do {
            return try ClaimCheck(payload: metadata)
        } catch {
            throw BackofficeError.badDataSet(
                key: try DataSet.key(configHash).description,
                reason: "its claim check is refused: \(error)")
        }
    }

    /// The data set of a configuration; its bytes must be those that its claim check names.
    static func dataSet(_ configHash: String, in workspace: Workspace) throws -> DataSet {
        let claim = try claimCheck(configHash, in: workspace)
        let bytes = try workspace.objects.get(
            bucket: .processedData, key: ObjectKey(claim.key), sizeMax: DataSet.sizeMax)
        guard claim.configHash.description == configHash,
            SHA256.digest(of: bytes) == claim.digest
        else {
            throw BackofficeError.badDataSet(
                key: claim.key, reason: "its bytes are not those of its claim check.")
        }
        return try DataSet(decoding: bytes, configHash: claim.configHash)
    }
}
