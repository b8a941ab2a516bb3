import Inference
import TestSupport
import Testing

/// Kernels for processors that this machine is not: under emulation, or in another encoding.
@Suite("Kernels elsewhere")
struct KernelElsewhereTests {
    static let hasCompiler = Subprocess.find("clang") != nil && Subprocess.find("ld.lld") != nil
    static let compilerMessage: Comment = "clang and lld of the Swift toolchain are not in PATH."

    private static func bytes<Number: BitwiseCopyable>(_ numbers: [Number]) -> [UInt8] {
        numbers.withUnsafeBytes { Array($0) }
    }

    /// The contexts that a kernel's program writes, one after the other.
    private static func contexts(
        _ network: some QuantizedRecurrent, _ kind: QuantizedRecurrentTests.Kind,
        _ windows: [[Float]], program: [String]
    ) throws -> [[Float]] {
        let memory = network.kernel.memory
        let head = [kind == .lstm ? 0 : 1, windows.count, memory.image.count].map(Int32.init)
        let finished = try Subprocess.run(
            program[0], Array(program.dropFirst()),
            input: bytes(head) + memory.network + memory.image + bytes(windows.flatMap { $0 }),
            seconds: 120)
        try #require(finished.status == 0, "\(finished.errors)")
        let floats = finished.standardOutput.withUnsafeBytes { raw in
            stride(from: 0, to: raw.count, by: 4).map {
                raw.loadUnaligned(fromByteOffset: $0, as: Float.self)
            }
        }
        let width = RecurrentLimits.unitCountMax
        try #require(floats.count == windows.count * width)
        return windows.indices.map { Array(floats[$0 * width..<($0 + 1) * width]) }
    }

    /// Builds a kernel for a processor, runs it and compares it with the arithmetic in Swift.
    private static func compare(
        kernel: String, processor: String, emulator: String?, kind: QuantizedRecurrentTests.Kind
    ) throws {
        let folder = try TemporaryFolder("kernel")
        let program = try folder.write([UInt8](), to: "kernel")
        let built = try Subprocess.run(
            "\(PackageRoot.path)/Tests/Kernels/elsewhere.sh", [kernel, processor, program],
            directory: PackageRoot.path, seconds: 120)
        try #require(built.status == 0, "\(built.errors)")
        for (widths, extreme) in zip([(64, 32), (24, 40), (64, 64)], KernelTests.Extreme.allCases) {
            let network = try kind.network(first: widths.0, second: widths.1, seed: 3) {
                extreme.weight($0, &$1)
            }
            let windows = KernelTests.windows(seed: 4)
            let contexts = try contexts(
                network, kind, windows, program: (emulator.map { [$0] } ?? []) + [program])
            for (window, context) in zip(windows, contexts) {
                let expected = network.run(window) { _, _ in }
                let seen = context.withUnsafeBufferPointer { context in
                    context.baseAddress.map { network.head.run($0) }
                }
                #expect(
                    seen?.rul.bitPattern == expected.rul.bitPattern
                        && seen?.margin.bitPattern == expected.margin.bitPattern)
            }
        }
    }

    @Test(
        "The kernels of 64-bit ARM give the bits of the arithmetic in Swift, emulated",
        .enabled(if: hasCompiler, compilerMessage),
        .enabled(if: Subprocess.find("qemu-aarch64") != nil, "qemu-user is not installed."),
        arguments: ["neon_dot", "scalar"], QuantizedRecurrentTests.Kind.allCases)
    func arm(kernel: String, kind: QuantizedRecurrentTests.Kind) throws {
        try Self.compare(
            kernel: kernel, processor: "aarch64", emulator: "qemu-aarch64", kind: kind)
    }

    @Test(
        "The AVX-VNNI kernel gives the bits of the arithmetic in Swift, as AVX-512 encodes it",
        .enabled(if: hasCompiler, compilerMessage),
        .enabled(if: KernelVariant.avx512VNNI.isAvailable, "This processor has no AVX-512."),
        arguments: QuantizedRecurrentTests.Kind.allCases)
    func avxVNNI(kind: QuantizedRecurrentTests.Kind) throws {
        try Self.compare(kernel: "avx_vnni", processor: "x86_64", emulator: nil, kind: kind)
    }
}
