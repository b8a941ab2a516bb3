import Datasets
import Features
import ObjectStore
import Prognostics
import Sodium
import StrictJSON

/// A preprocessed data set: validated snapshots, labels and unit roles; nothing in it is fitted.
struct DataSet: Equatable {
    /// What the data set's bytes and name follow from.
    struct Configuration: Equatable {
        let fingerprint: Digest
        let roles: UnitRoles

        /// Digest of data, feature specification, roles, seed and cap.
        var hash: Digest { SHA256.digest(of: json.bytes) }

        private var json: JSON {
            [
                "format": .string(DataSet.format), "data": .string(fingerprint.description),
                "feature_spec": .string(FeatureSpec.identifier),
                "roles": .string(roles.scheme.rawValue), "seed": .integer(roles.seed),
                "cap": .float(Prediction.cap),
            ]
        }
    }

    static let format = "nacelle-training-data/3"
    /// The largest data set that is read, in bytes: about ten million rows.
    static let sizeMax = 1 << 30

    let configHash: Digest
    /// No two are of one installation of one unit.
    let trajectories: [Trajectory]
    /// The role of each trajectory.
    let roles: [UnitRole]

    /// The trajectories of a role, in the order of the data.
    func trajectories(_ role: UnitRole) -> [Trajectory] {
        zip(roles, trajectories).filter { $0.0 == role }.map(\.1)
    }

    /// The object that holds the data set of a configuration.
    static func key(_ configHash: Digest) throws(ObjectStoreError) -> ObjectKey {
        try ObjectKey("\(configHash)/training.parquet")
    }

    /// SHA-256 of the trajectories' canonical bytes, in their order.
    static func fingerprint(_ trajectories: [Trajectory]) -> Digest {
        var hasher = SHA256()
        for trajectory in trajectories { hasher.update(trajectory.canonicalBytes) }
        return hasher.digest()
    }
}
