import Inference
import Testing

/// Every instruction set against the same arithmetic in Swift, bit for bit.
@Suite("Kernels")
struct KernelTests {
    /// Weights and windows as extreme as a bundle may hold them.
    enum Extreme: CaseIterable {
        case random, lowest, highest, alternating

        func weight(_ index: Int, _ noise: inout QuantizedRecurrentTests.Noise) -> Int8 {
            switch self {
            case .random: Int8(clamping: Int((noise.next() * 128.5).rounded()))
            case .lowest: -128
            case .highest: 127
            case .alternating: index.isMultiple(of: 2) ? -128 : 127
            }
        }

        func value(_ index: Int, _ noise: inout QuantizedRecurrentTests.Noise) -> Float {
            switch self {
            case .random: noise.next() * 3
            case .lowest: -1e30
            case .highest: 1e30
            case .alternating: index % 3 == 0 ? 1e30 : -1e30
            }
        }
    }

    /// Widths of the first and second layer: as shipped, and every remainder of a block.
    static let layerWidths = [(64, 32), (8, 8), (16, 8), (24, 40), (48, 56), (64, 64)]

    /// Those that this processor has; `isAvailable` is looked at when the suite runs.
    static let variants = KernelVariant.allCases.filter(\.isAvailable)

    /// Windows of noise of different strength, and extreme ones.
    static func windows(seed: UInt64) -> [[Float]] {
        var noise = QuantizedRecurrentTests.Noise(bits: seed)
        var windows = (0..<12).map { index in
            noise.list(870, times: [0.1, 1, 4, 1e6][index % 4])
        }
        for extreme in Extreme.allCases {
            windows.append((0..<870).map { extreme.value($0, &noise) })
        }
        return windows
    }

    /// Expects that a network's kernels give the bits of the arithmetic in Swift.
    static func compare(_ network: some QuantizedRecurrent, _ windows: [[Float]]) {
        for (index, window) in windows.enumerated() {
            let expected = network.run(window) { _, _ in }
            for variant in variants {
                let seen = network.run(window, on: variant)
                #expect(
                    seen.rul.bitPattern == expected.rul.bitPattern
                        && seen.margin.bitPattern == expected.margin.bitPattern,
                    "window \(index) on \(variant): \(seen), expected \(expected)")
            }
        }
    }

    @Test(
        "Every instruction set gives the bits of the arithmetic in Swift",
        arguments: QuantizedRecurrentTests.Kind.allCases, layerWidths)
    func widths(kind: QuantizedRecurrentTests.Kind, widths: (Int, Int)) throws {
        let network = try kind.network(first: widths.0, second: widths.1, seed: 1)
        Self.compare(network, Self.windows(seed: 1))
    }

    @Test(
        "The greatest sums that weights and values can make do not overflow",
        arguments: QuantizedRecurrentTests.Kind.allCases, Extreme.allCases)
    func extremes(kind: QuantizedRecurrentTests.Kind, extreme: Extreme) throws {
        let network = try kind.network(first: 64, second: 64, seed: 8) { index, noise in
            extreme.weight(index, &noise)
        }
        Self.compare(network, Self.windows(seed: 8))
    }

    @Test("The fastest instruction set is available, and plain C always is")
    func fastest() {
        #expect(KernelVariant.fastest.isAvailable)
        #expect(KernelVariant.scalar.isAvailable)
    }
}
