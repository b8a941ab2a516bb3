import Glibc
import Inference
import Testing

@Suite("Quantized LSTM")
struct QuantizedLSTMTests {
    /// Numbers that look random and are the same everywhere.
    struct Noise {
        var bits: UInt64

        /// In `-1...1`.
        mutating func next() -> Float {
            bits = bits &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Float(Int32(truncatingIfNeeded: bits >> 32)) / 2_147_483_648
        }

        mutating func list(_ count: Int, times scale: Float) -> [Float] {
            (0..<count).map { _ in next() * scale }
        }
    }

    static func layer(inputs: Int, units: Int, noise: inout Noise) throws -> QuantizedLSTMLayer {
        try QuantizedLSTMLayer(
            inputCount: inputs,
            weights: noise.list(4 * units * (inputs + units), times: 127).map { Int8($0) },
            rowScales: noise.list(4 * units, times: 1).map { 1e-5 + abs($0) * 1e-4 },
            biases: noise.list(4 * units, times: 1),
            hiddenScales: noise.list(units, times: 1).map { 0.001 + abs($0) * 0.01 })
    }

    static func network(
        first: Int = 16, second: Int = 8, seed: UInt64, slope: Float = 125
    ) throws -> QuantizedLSTM {
        var noise = Noise(bits: seed)
        let lower = try layer(inputs: 29, units: first, noise: &noise)
        let upper = try layer(inputs: first, units: second, noise: &noise)
        func dense() throws -> DenseLayer {
            try DenseLayer(
                inputCount: second, weights: noise.list(second * second, times: 1),
                biases: noise.list(second, times: 1))
        }
        return try QuantizedLSTM(
            inputScales: .init(repeating: 0.02, count: 29), first: lower, second: upper,
            attention: dense(), attentionScore: noise.list(second, times: 1), head: dense(),
            outputWeights: noise.list(2 * second, times: 1), outputBiases: [0.1, -0.2],
            slope: slope, intercept: 1)
    }

    @Test("A greater reading of another channel gives another prediction")
    func readsItsWindow() throws {
        let network = try Self.network(seed: 1)
        var window = [Float](repeating: 0.1, count: 870)
        let before = network.run(window)
        window[29 * 29 + 3] = 0.9
        let after = network.run(window)
        #expect(before.rul != after.rul && before.margin != after.margin)
        #expect(network.run(window) == after, "no state is left behind")
    }

    @Test(
        "Readings that no sensor sends give finite predictions",
        arguments: [-Float.greatestFiniteMagnitude, -1e6, 1e6, .greatestFiniteMagnitude])
    func extremes(value: Float) throws {
        let output = try Self.network(seed: 2).run(.init(repeating: value, count: 870))
        #expect(output.rul.isFinite && output.margin.isFinite)
    }

    @Test(
        "A layer's units fill lanes of eight, and there are at most 64", arguments: [0, 4, 65, 72])
    func unitCount(units: Int) {
        var noise = Noise(bits: 3)
        #expect(throws: InferenceError.layerSize(inputs: 29, units: units)) {
            try Self.layer(inputs: 29, units: units, noise: &noise)
        }
    }

    @Test("The widest layers run")
    func widest() throws {
        let output = try Self.network(first: 64, second: 64, seed: 5)
            .run(.init(repeating: 0.3, count: 870))
        #expect(output.rul.isFinite)
    }

    @Test("Numbers that could not come from training are refused")
    func refused() throws {
        #expect(throws: InferenceError.self) {
            try QuantizedLSTMLayer(
                inputCount: 2, weights: .init(repeating: 1, count: 4 * 8 * 10),
                rowScales: .init(repeating: 0, count: 32), biases: .init(repeating: 0, count: 32),
                hiddenScales: .init(repeating: 1, count: 8))
        }
        #expect(throws: InferenceError.self) {
            try DenseLayer(inputCount: 2, weights: [1, .nan], biases: [0])
        }
        #expect(throws: InferenceError.self) {
            try DenseLayer(inputCount: 2, weights: [1, 2, 3], biases: [0])
        }
        #expect(throws: InferenceError.self) { try Self.network(seed: 1, slope: .infinity) }
    }

    @Test("Eight exponentials are within 3e-7 of glibc's, relatively, and saturate at 60")
    func exponential() {
        var worst = 0.0
        for step in 0...200_000 {
            let x = -59.9 + 119.8 * Float(step) / 200_000
            let expected = Glibc.exp(Double(x))
            let seen = Double(PortableMath.exp(Lanes(repeating: x))[step % 8])
            worst = max(worst, abs(seen - expected) / expected)
        }
        #expect(worst < 3e-7, "\(worst)")
        #expect(
            PortableMath.exp(Lanes(repeating: 1e30)) == PortableMath.exp(Lanes(repeating: 60)))
        #expect(PortableMath.tanh(Lanes(repeating: -1e30)) == Lanes(repeating: -1))
    }

    @Test("Lanes round to the nearest whole number, ties to even")
    func rounding() {
        let lanes = Lanes(0.5, 1.5, -0.5, -1.5, 2.5, 126.4999, -32_767.6, 0.49999997)
        #expect(PortableMath.rounded(lanes) == Lanes(0, 2, 0, -2, 2, 126, -32_768, 0))
    }
}
