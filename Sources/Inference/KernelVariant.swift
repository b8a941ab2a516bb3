import CInt8Kernels

/// Instruction sets that a network can run on; all give the same bits.
package enum KernelVariant: String, CaseIterable, Sendable {
    /// Plain C, for every processor.
    case scalar
    case avx2
    case avxVNNI = "avx-vnni"
    case avx512VNNI = "avx512-vnni"
    case neonDotProduct = "neon-dot-product"

    /// Whether this processor and its operating system have the instructions.
    package var isAvailable: Bool { int8_is_available(code) }

    /// The fastest that is available.
    package static var fastest: Self {
        let preferred: [Self] = [.avx512VNNI, .avxVNNI, .avx2, .neonDotProduct]
        return preferred.first(where: \.isAvailable) ?? .scalar
    }

    /// The variant's number in C.
    var code: int8_variant {
        switch self {
        case .scalar: INT8_SCALAR
        case .avx2: INT8_AVX2
        case .avxVNNI: INT8_AVX_VNNI
        case .avx512VNNI: INT8_AVX512_VNNI
        case .neonDotProduct: INT8_NEON_DOT
        }
    }
}
