import Datasets
import Features
import ModelBundle
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

    static let format = "nacelle-training-data/1"
    /// The largest data set that is read, in bytes: about ten million rows.
    static let sizeMax = 1 << 30

    let configHash: Digest
    let trajectories: [Trajectory]
    /// The role of each trajectory.
    let roles: [UnitRole]

    /// The trajectories of a role, in the order of the data.
    func trajectories(_ role: UnitRole) -> [Trajectory] {
        zip(roles, trajectories).filter { $0.0 == role }.map(\.1)
    }

    /// The object that holds the data set of a configuration.
    static func key(_ configHash: Digest) throws(ObjectStoreError) -> ObjectKey {
        try ObjectKey("\(configHash)/training.safetensors")
    }

    /// SHA-256 of the trajectories' canonical bytes, in their order.
    static func fingerprint(_ trajectories: [Trajectory]) -> Digest {
        var hasher = SHA256()
        for trajectory in trajectories { hasher.update(trajectory.canonicalBytes) }
        return hasher.digest()
    }
}

extension DataSet {
    /// The data set as a safetensors file; equal data sets give equal bytes.
    ///
    /// `columns` [row, 24], `cycles` and `ruls` [row]; per unit its number of rows, installation,
    /// role (index in train, tune, calibrate, evaluate) and name, ended by a newline.
    func encoded() -> [UInt8] {
        let snapshots = trajectories.flatMap(\.snapshots)
        var columns: [UInt32] = []
        columns.reserveCapacity(snapshots.count * Snapshot.columnCount)
        for snapshot in snapshots {
            for index in 0..<Snapshot.columnCount {
                columns.append(snapshot.columns[index].bitPattern)
            }
        }
        let names = trajectories.flatMap { Array("\($0.unit)\n".utf8) }
        let codes = roles.map { UInt8(UnitRole.allCases.firstIndex(of: $0) ?? 0) }
        let units = trajectories.count
        let tensors = [
            Self.tensor("columns", .f32, [snapshots.count, Snapshot.columnCount], columns),
            Self.tensor(
                "cycles", .i32, [snapshots.count],
                snapshots.map { UInt32(bitPattern: $0.cycle.cycles) }),
            Self.tensor(
                "ruls", .i32, [snapshots.count],
                trajectories.flatMap { RULLabel.labels($0) }.map { UInt32(bitPattern: $0) }),
            Self.tensor(
                "unit_rows", .u32, [units], trajectories.map { UInt32($0.snapshots.count) }),
            Self.tensor(
                "unit_installations", .i32, [units],
                trajectories.map { UInt32(bitPattern: $0.installation) }),
            Tensor(name: "unit_roles", type: .u8, shape: [units], bytes: codes),
            Tensor(name: "unit_names", type: .u8, shape: [names.count], bytes: names),
        ]
        let metadata = ["format": Self.format, "config_hash": configHash.description]
        return SafetensorsFile(metadata: metadata, tensors: tensors).encoded()
    }

    private static func tensor(
        _ name: String, _ type: Tensor.ElementType, _ shape: [Int], _ words: [UInt32]
    ) -> Tensor {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(words.count * 4)
        for word in words {
            for shift: UInt32 in [0, 8, 16, 24] {
                bytes.append(UInt8(truncatingIfNeeded: word >> shift))
            }
        }
        return Tensor(name: name, type: type, shape: shape, bytes: bytes)
    }
}

extension DataSet {
    /// Reads a data set that this program wrote; anything else is damage.
    init(decoding bytes: [UInt8], configHash: Digest) throws {
        let key = "\(configHash)/training.safetensors"
        func damaged(_ reason: String) -> BackofficeError {
            .badDataSet(key: key, reason: reason)
        }
        let file: SafetensorsFile
        do throws(ModelBundleError) {
            file = try SafetensorsFile(decoding: bytes, sizeMax: Self.sizeMax)
        } catch {
            throw damaged(Self.reason(error))
        }
        guard file.metadata["format"] == Self.format,
            file.metadata["config_hash"] == configHash.description
        else { throw damaged("its header names another data set.") }
        let tensors = Dictionary(
            file.tensors.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
        func words(_ name: String, _ type: Tensor.ElementType) throws -> [UInt32] {
            guard let tensor = tensors[name], tensor.type == type else {
                throw damaged("it has no tensor '\(name)' of type \(type.rawValue).")
            }
            return stride(from: 0, to: tensor.bytes.count, by: 4).map { start in
                (0..<4).reduce(0) { $0 | UInt32(tensor.bytes[start + $1]) << UInt32(8 * $1) }
            }
        }
        guard let codes = tensors["unit_roles"]?.bytes, let text = tensors["unit_names"]?.bytes
        else { throw damaged("it has no unit roles or names.") }
        var rows = RowReader(columns: try words("columns", .f32), cycles: try words("cycles", .i32))
        let counts = try words("unit_rows", .u32)
        let installations = try words("unit_installations", .i32)
        let names = text.split(separator: UInt8(ascii: "\n"))
        guard counts.count == installations.count, counts.count == codes.count,
            counts.count == names.count
        else { throw damaged("its units disagree in number.") }
        var trajectories: [Trajectory] = []
        for unit in counts.indices {
            guard let name = UnitIdentifier(String(decoding: names[unit], as: UTF8.self)),
                let snapshots = rows.next(Int(counts[unit])), codes[unit] < UnitRole.allCases.count,
                (1...Int32.max).contains(Int32(bitPattern: installations[unit]))
            else { throw damaged("unit \(unit + 1) is not readable.") }
            trajectories.append(
                Trajectory(
                    unit: name, installation: Int32(bitPattern: installations[unit]),
                    snapshots: snapshots, endsInFailure: true))
        }
        self.configHash = configHash
        self.trajectories = trajectories
        roles = codes.map { UnitRole.allCases[Int($0)] }
    }

    /// What is wrong with the container, in a data set's words: the error's own are a bundle's.
    private static func reason(_ error: ModelBundleError) -> String {
        switch error {
        case .tooLarge(let size, let limit): "it has \(size) bytes, the limit is \(limit)."
        case .container(let detail): "it is no safetensors file: \(detail)."
        case .tensor(let name, let detail): "its tensor '\(name)' \(detail)."
        case .header(let error): "its header cannot be read. \(error)"
        default: "\(error)"
        }
    }

    /// Takes rows off the front of the tensors, unit by unit.
    private struct RowReader {
        let columns: [UInt32]
        let cycles: [UInt32]
        var row = 0

        /// The next `count` snapshots; nil unless they are whole, finite and ascending.
        mutating func next(_ count: Int) -> [Snapshot]? {
            guard count > 0, row + count <= cycles.count,
                columns.count == cycles.count * Snapshot.columnCount
            else { return nil }
            var snapshots: [Snapshot] = []
            for row in row..<row + count {
                var values = InlineArray<24, Float>(repeating: 0)
                for index in 0..<Snapshot.columnCount {
                    values[index] = Float(bitPattern: columns[row * Snapshot.columnCount + index])
                    guard values[index].isFinite else { return nil }
                }
                guard let cycle = CycleCount(Int32(bitPattern: cycles[row])),
                    snapshots.last.map({ $0.cycle < cycle }) ?? true
                else { return nil }
                snapshots.append(Snapshot(cycle: cycle, columns: values))
            }
            row += count
            return snapshots
        }
    }
}
