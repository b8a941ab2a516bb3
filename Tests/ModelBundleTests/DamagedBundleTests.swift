import Features
import Inference
import ModelBundle
import Prognostics
import StrictJSON
import TestSupport
import Testing

@Suite("Damaged and foreign bundles")
struct DamagedBundleTests {
    /// The file of the small bundle, for a test to change.
    static func file() throws -> SafetensorsFile {
        try SafetensorsFile(decoding: try SmallBundle.bundle().encoded())
    }

    static func decode(_ metadata: [String: String], _ tensors: [Tensor]) throws {
        let file = SafetensorsFile(metadata: metadata, tensors: tensors)
        _ = try ModelBundle(decoding: file.encoded())
    }

    /// A safetensors file of a header text and data bytes.
    static func raw(_ header: String, _ data: [UInt8] = []) -> [UInt8] {
        let count = UInt64(header.utf8.count)
        return (0..<8).map { UInt8(truncatingIfNeeded: count >> UInt64(8 * $0)) }
            + Array(header.utf8) + data
    }

    @Test("One flipped bit at any byte never crashes, and is refused or changes the value")
    func flipped() throws {
        let bundle = try SmallBundle.bundle()
        let bytes = bundle.encoded()
        var accepted = 0
        for index in bytes.indices {
            var damaged = bytes
            damaged[index] ^= 1 << UInt8(index % 8)
            guard let decoded = try? ModelBundle(decoding: damaged) else { continue }
            accepted += 1
            #expect(decoded.encoded() == damaged, "byte \(index)")
        }
        // Data bytes carry values, most of which are possible ones: the digest tells those apart.
        #expect(accepted < bytes.count)
    }

    @Test("A flipped bit in a golden reading, feature or output is found on the device")
    func flippedGolden() throws {
        let file = try Self.file()
        for name in ["golden.0.fingerprints", "golden.0.outputs", "golden.0.flags"] {
            let index = try #require(file.tensors.firstIndex { $0.name == name })
            let tensor = file.tensors[index]
            for byte in stride(from: 0, to: tensor.bytes.count, by: 7) {
                var bytes = tensor.bytes
                bytes[byte] ^= 1
                var tensors = file.tensors
                tensors[index] = Tensor(
                    name: name, type: tensor.type, shape: tensor.shape, bytes: bytes)
                let changed = SafetensorsFile(metadata: file.metadata, tensors: tensors)
                let bundle = try ModelBundle(decoding: changed.encoded())
                #expect(throws: ModelBundleError.self) { try bundle.checkGolden() }
            }
        }
    }

    @Test("Every missing tensor and every additional one is named")
    func tensorSet() throws {
        let file = try Self.file()
        for tensor in file.tensors {
            let others = file.tensors.filter { $0.name != tensor.name }
            do {
                try Self.decode(file.metadata, others)
                Issue.record("\(tensor.name) is not missed")
            } catch let error as ModelBundleError {
                if !tensor.name.hasPrefix("golden") {
                    #expect(error == .missingTensor(name: tensor.name))
                }
            }
        }
        let extra = Tensor(name: "golden.1.extra", type: .u8, shape: [1], bytes: [0])
        #expect(throws: ModelBundleError.unknownTensor(name: "golden.1.extra")) {
            try Self.decode(file.metadata, file.tensors + [extra])
        }
    }

    @Test("Every tensor of another type, shape or with NaN is refused")
    func tensorContent() throws {
        let file = try Self.file()
        for (index, tensor) in file.tensors.enumerated() {
            func replaced(_ tensor: Tensor) -> [Tensor] {
                var tensors = file.tensors
                tensors[index] = tensor
                return tensors
            }
            let flat = Tensor(
                name: tensor.name, type: .u8, shape: [tensor.bytes.count, 1], bytes: tensor.bytes)
            #expect(throws: ModelBundleError.self) {
                try Self.decode(file.metadata, replaced(flat))
            }
            let short = Tensor(name: tensor.name, type: tensor.type, shape: [0], bytes: [])
            #expect(throws: ModelBundleError.self, "\(tensor.name)") {
                try Self.decode(file.metadata, replaced(short))
            }
            guard tensor.type == .f32 || tensor.type == .f64 else { continue }
            let noNumber = Tensor(
                name: tensor.name, type: tensor.type, shape: tensor.shape,
                bytes: [UInt8](repeating: 0xFF, count: tensor.bytes.count))
            #expect(throws: ModelBundleError.self, "\(tensor.name)") {
                try Self.decode(file.metadata, replaced(noNumber))
            }
        }
    }

    @Test(
        "Metadata that is missing, additional or of another kind is refused",
        arguments: [
            ("format", nil), ("format", "nacelle-bundle/1"), ("run_id", nil), ("run_id", ""),
            ("run_id", "a/b"), ("run_id", String(repeating: "a", count: 65)), ("model_type", "+"),
            ("config_hash", nil), ("config_hash", String(repeating: "0A", count: 32)),
            ("feature_parameters", "12"), ("note", "more"), ("members", nil), ("members", ""),
            ("members", "xgboost:xgboost-0123456789ab"),
            ("members", "xgboost:xgboost-0123456789ab=0.5"),
            ("members", "xgboost:another=1.0"), ("members", "xgboost:xgboost-0123456789ab=1.0,"),
            ("members", "xgboost-0123456789ab:xgboost=1.0"),
            ("members", "xgboost:xgboost-0123456789ab=1.0,lstm:a=1.0"),
            ("members", "lstm:b=1.0,lstm:a=1.0"),
        ] as [(String, String?)])
    func metadata(key: String, value: String?) throws {
        let file = try Self.file()
        var metadata = file.metadata
        metadata[key] = value
        #expect {
            try Self.decode(metadata, file.tensors)
        } throws: { error in
            guard case .metadata(key, _, _)? = error as? ModelBundleError else { return false }
            return true
        }
    }

    @Test("A bundle for other features is refused with both names")
    func featureSpec() throws {
        let file = try Self.file()
        var metadata = file.metadata
        metadata["feature_spec"] = "turbofan-features/3"
        let error = ModelBundleError.featureSpec(
            bundle: "turbofan-features/3", program: "turbofan-features/2")
        #expect(throws: error) { try Self.decode(metadata, file.tensors) }
        #expect(error.description.contains("turbofan-features/3"))
        #expect(error.description.contains("turbofan-features/2"))
    }

    @Test(
        "A container with overlaps, gaps, impossible shapes or doubled names is refused",
        arguments: [
            raw(""), raw("[]"), raw("{"), raw("{}x"), raw("null"),
            raw("{}", [1]),
            raw(#"{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}}"#, [1]),
            raw(#"{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}"#, [1, 2]),
            raw(#"{"a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}"#, [1, 2]),
            raw(
                #"{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"#
                    + #""b":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}}"#, [1, 2, 3]),
            raw(
                #"{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"#
                    + #""b":{"dtype":"U8","shape":[1],"data_offsets":[2,3]}}"#, [1, 2, 3]),
            raw(
                #"{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"#
                    + #""a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}"#, [1, 2]),
            raw(#"{"a":{"dtype":"F16","shape":[1],"data_offsets":[0,2]}}"#, [1, 2]),
            raw(#"{"a":{"dtype":"U8","shape":[-1],"data_offsets":[0,1]}}"#, [1]),
            raw(#"{"a":{"dtype":"U8","shape":[1.0],"data_offsets":[0,1]}}"#, [1]),
            raw(#"{"a":{"dtype":"U8","shape":[1],"data_offsets":[1,0]}}"#, [1]),
            raw(#"{"a":{"dtype":"U8","shape":[1],"data_offsets":[0]}}"#, [1]),
            raw(#"{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1],"x":1}}"#, [1]),
            raw(#"{"a":{"dtype":"U8","shape":[1,1,1,1,1],"data_offsets":[0,1]}}"#, [1]),
            raw(
                #"{"a":{"dtype":"F64","shape":[1048576,1048576,1048576,1048576],"#
                    + #""data_offsets":[0,0]}}"#),
            raw(
                #"{"a":{"dtype":"U8","shape":[9223372036854775807,9223372036854775807],"#
                    + #""data_offsets":[0,1]}}"#, [1]),
            raw(String(repeating: "[", count: 100_000)),
            raw(String(repeating: #"{"a":"#, count: 20_000)),
            raw(#"{"__metadata__":{"a":1}}"#), raw(#"{"__metadata__":[]}"#),
            [255, 255, 255, 255, 255, 255, 255, 255, 0x7B], [0, 0, 1, 0, 0, 0, 0, 0],
            [UInt8](repeating: 0, count: SafetensorsFile.sizeMax + 1),
        ])
    func container(bytes: [UInt8]) {
        #expect(throws: ModelBundleError.self) { try SafetensorsFile(decoding: bytes) }
    }

    @Test("A valid container in another order or spacing is read, but is no canonical bundle")
    func notCanonical() throws {
        let bytes = try SmallBundle.bundle().encoded()
        let size = Int(bytes[0]) | Int(bytes[1]) << 8
        let spaced =
            [UInt8(truncatingIfNeeded: size + 8), UInt8(truncatingIfNeeded: (size + 8) >> 8)]
            + bytes[2..<8 + size] + [UInt8](repeating: 0x20, count: 8) + bytes[(8 + size)...]
        _ = try SafetensorsFile(decoding: spaced)
        #expect(throws: ModelBundleError.notCanonical) { try ModelBundle(decoding: spaced) }
    }
}

@Suite("Bundles in Python")
struct PythonBundleTests {
    @Test(
        "Python's safetensors opens a bundle and sees the same values",
        .enabled(if: OraclePython.isPresent, "\(OraclePython.skipMessage)"))
    func python() throws {
        let bundle = try SmallBundle.bundle()
        let folder = try TemporaryFolder("bundle")
        let path = try folder.write(bundle.encoded(), to: "bundle.safetensors")
        let output = try OraclePython.run(
            """
            import json, sys
            from safetensors import safe_open
            with safe_open(sys.argv[1], framework="numpy") as f:
                t = {k: f.get_tensor(k) for k in f.keys()}
                print(json.dumps({"metadata": f.metadata(), "names": sorted(t),
                    "values": {k: [str(x) for x in v.reshape(-1).tolist()]
                               for k, v in t.items()},
                    "shapes": {k: list(v.shape) for k, v in t.items()}}))
            """, [path])
        let seen = try JSONReader(parsing: Array(output.utf8))
        let file = try SafetensorsFile(decoding: bundle.encoded())
        #expect(try seen.strings("names") == file.tensors.map(\.name).sorted())
        for (key, value) in file.metadata {
            #expect(try seen.object("metadata").string(key) == value)
        }
        let shapes = try seen.object("shapes")
        for tensor in file.tensors {
            #expect(try shapes.array(tensor.name) == tensor.shape.map { .integer($0) })
        }
        let values = try seen.object("values")
        guard case .trees(let trees) = bundle.plan.members[0].model else { return }
        #expect(try values.strings("member0.trees.leaves") == trees.leaves.map { "\($0)" })
        #expect(
            try values.strings("member0.trees.cuts").map { Float($0) } == trees.cuts.flatMap { $0 })
        #expect(try values.strings("member0.trees.nodes_bin") == trees.nodeBins.map { "\($0)" })
        #expect(
            try values.strings("features.deviation").map { Double($0) }
                == bundle.featureParameters.deviations)
        #expect(
            try values.strings("golden.0.cycles")
                == bundle.golden[0].snapshots.map { "\($0.cycle)" })
        #expect(
            try values.strings("golden.0.readings").map { Float($0) }
                == bundle.golden[0].snapshots.flatMap { snapshot in
                    (0..<24).map { snapshot.columns[$0] }
                })
    }
}
