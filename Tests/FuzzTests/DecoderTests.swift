import FuzzDecoders
import ModelBundle
import TestSupport
import Testing

@Suite("Decoders")
struct DecoderTests {
    @Test(
        "A real payload keeps every promise, and so does all that is cut off of it",
        arguments: DecoderCheck.allCases)
    func seeds(decoder: DecoderCheck) throws {
        let seeds = try decoder.seeds()
        #expect(!seeds.isEmpty)
        for seed in seeds {
            try decoder.check(seed)
            let step = max(1, seed.count / 64)
            for count in stride(from: 0, to: seed.count, by: step) {
                try decoder.check(Array(seed.prefix(count)))
            }
        }
    }

    @Test(
        "Kept inputs keep every promise: files of other programs, and what once broke a decoder",
        arguments: DecoderCheck.allCases)
    func kept(decoder: DecoderCheck) throws {
        for kind in ["Seeds", "Crashers"] {
            let folder = PackageRoot.file("Tests/Fuzz/\(kind)/\(decoder.rawValue)")
            for name in FileBytes.names(in: folder) {
                do { try decoder.check(try FileBytes.read("\(folder)/\(name)")) } catch {
                    Issue.record("\(kind)/\(decoder.rawValue)/\(name): \(error)")
                }
            }
        }
    }

    @Test("Every folder of kept inputs is named for a decoder", arguments: ["Seeds", "Crashers"])
    func folders(kind: String) {
        let names = FileBytes.names(in: PackageRoot.file("Tests/Fuzz/\(kind)"))
        #expect(!names.isEmpty)
        for name in names { #expect(DecoderCheck(rawValue: name) != nil, "\(kind)/\(name)") }
    }

    /// The check itself compares what the device says with what the trajectories say.
    @Test("A bundle with any other golden output, features or parameters serves nowhere")
    func golden() throws {
        for seed in try DecoderCheck.bundle.seeds() {
            let file = try SafetensorsFile(decoding: seed)
            for (index, tensor) in file.tensors.enumerated()
            where ["golden.0.outputs", "golden.0.fingerprints", "features.mean"].contains(
                tensor.name)
            {
                var bytes = tensor.bytes
                bytes[0] ^= 1
                var tensors = file.tensors
                tensors[index] = Tensor(
                    name: tensor.name, type: tensor.type, shape: tensor.shape, bytes: bytes)
                let changed = SafetensorsFile(metadata: file.metadata, tensors: tensors).encoded()
                #expect(changed.count == seed.count)
                try DecoderCheck.bundle.check(changed)
            }
        }
    }
}
