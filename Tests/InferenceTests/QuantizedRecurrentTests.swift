import Glibc
import Inference
import Testing

@Suite("Quantized recurrent nets")
struct QuantizedRecurrentTests {
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

    /// The nets under test, small ones of either kind.
    enum Kind: CaseIterable {
        case lstm, gru

        func network(
            first: Int = 16, second: Int = 8, seed: UInt64, slope: Float = 125,
            weight: Weight = QuantizedRecurrentTests.weight
        ) throws -> any QuantizedRecurrent {
            switch self {
            case .lstm:
                try QuantizedRecurrentTests.lstm(
                    first: first, second: second, seed: seed, slope: slope, weight: weight)
            case .gru:
                try QuantizedRecurrentTests.gru(
                    first: first, second: second, seed: seed, slope: slope, weight: weight)
            }
        }
    }

    /// Makes the weight of an index.
    typealias Weight = (Int, inout Noise) -> Int8

    static func weight(_ index: Int, _ noise: inout Noise) -> Int8 { Int8(noise.next() * 127) }

    static func matrix(
        rows: Int, columns: Int, noise: inout Noise, weight: Weight = weight
    ) throws -> QuantizedMatrix {
        try QuantizedMatrix(
            columnCount: columns, weights: (0..<rows * columns).map { weight($0, &noise) },
            rowScales: noise.list(rows, times: 1).map { 1e-5 + abs($0) * 1e-4 },
            biases: noise.list(rows, times: 1))
    }

    static func scales(_ count: Int, noise: inout Noise) throws -> ActivationScales {
        try ActivationScales(
            "hidden scales", noise.list(count, times: 1).map { 0.001 + abs($0) * 0.01 })
    }

    static func lstmLayer(
        inputs: Int, units: Int, noise: inout Noise, weight: Weight = weight
    ) throws -> QuantizedLSTMLayer {
        try QuantizedLSTMLayer(
            gates: matrix(rows: 4 * units, columns: inputs + units, noise: &noise, weight: weight),
            hiddenScales: scales(units, noise: &noise))
    }

    static func gruLayer(
        inputs: Int, units: Int, noise: inout Noise, weight: Weight = weight
    ) throws -> QuantizedGRULayer {
        try QuantizedGRULayer(
            gates: matrix(rows: 2 * units, columns: inputs + units, noise: &noise, weight: weight),
            inputPart: matrix(rows: units, columns: inputs, noise: &noise, weight: weight),
            statePart: matrix(rows: units, columns: units, noise: &noise, weight: weight),
            hiddenScales: scales(units, noise: &noise))
    }

    static func dense(_ width: Int, noise: inout Noise) throws -> DenseLayer {
        try DenseLayer(
            inputCount: width, weights: noise.list(width * width, times: 1),
            biases: noise.list(width, times: 1))
    }

    static func head(_ width: Int, slope: Float, noise: inout Noise) throws -> RecurrentHead {
        try RecurrentHead(
            dense: dense(width, noise: &noise), outputWeights: noise.list(2 * width, times: 1),
            outputBiases: [0.1, -0.2], slope: slope, intercept: 1)
    }

    static let inputScales = [Float](repeating: 0.02, count: 29)

    static func lstm(
        first: Int = 16, second: Int = 8, seed: UInt64, slope: Float = 125,
        weight: Weight = weight
    ) throws -> QuantizedLSTM {
        var noise = Noise(bits: seed)
        return try QuantizedLSTM(
            inputScales: ActivationScales("input scales", inputScales),
            first: lstmLayer(inputs: 29, units: first, noise: &noise, weight: weight),
            second: lstmLayer(inputs: first, units: second, noise: &noise, weight: weight),
            attention: dense(second, noise: &noise), attentionScore: noise.list(second, times: 1),
            head: head(second, slope: slope, noise: &noise))
    }

    static func gru(
        first: Int = 16, second: Int = 8, seed: UInt64, slope: Float = 125,
        weight: Weight = weight
    ) throws -> QuantizedGRU {
        var noise = Noise(bits: seed)
        return try QuantizedGRU(
            inputScales: ActivationScales("input scales", inputScales),
            first: gruLayer(inputs: 29, units: first, noise: &noise, weight: weight),
            second: gruLayer(inputs: first, units: second, noise: &noise, weight: weight),
            head: head(second, slope: slope, noise: &noise))
    }

    @Test("A greater reading of another channel gives another prediction", arguments: Kind.allCases)
    func readsItsWindow(kind: Kind) throws {
        let network = try kind.network(seed: 1)
        var window = [Float](repeating: 0.1, count: 870)
        let before = network.run(window)
        window[29 * 29 + 3] = 0.9
        let after = network.run(window)
        #expect(before.rul != after.rul && before.margin != after.margin)
        #expect(network.run(window) == after, "no state is left behind")
    }

    @Test(
        "Readings that no sensor sends give finite predictions", arguments: Kind.allCases,
        [-Float.greatestFiniteMagnitude, -1e6, 1e6, .greatestFiniteMagnitude])
    func extremes(kind: Kind, value: Float) throws {
        let output = try kind.network(seed: 2).run(.init(repeating: value, count: 870))
        #expect(output.rul.isFinite && output.margin.isFinite)
    }

    @Test("An observer hears of both layers' states at every step", arguments: Kind.allCases)
    func observed(kind: Kind) throws {
        let network = try kind.network(seed: 6)
        let window = [Float](repeating: 0.4, count: 870)
        var states: [RecurrentLayerIndex: [Float]] = [:]
        let output = network.run(window) { layer, hidden in
            states[layer, default: []] += hidden
        }
        #expect(output == network.run(window))
        #expect(states[.first]?.count == 30 * 16 && states[.second]?.count == 30 * 8)
        #expect(states.values.joined().allSatisfy { abs($0) <= 1 && $0 != 0 })
    }

    @Test(
        "A layer's units fill lanes of eight, and there are at most 64", arguments: [0, 4, 65, 72])
    func unitCount(units: Int) {
        var noise = Noise(bits: 3)
        #expect(throws: InferenceError.layerSize(inputs: 29, units: units)) {
            try Self.lstmLayer(inputs: 29, units: units, noise: &noise)
        }
        #expect(throws: InferenceError.layerSize(inputs: 29, units: units)) {
            try Self.gruLayer(inputs: 29, units: units, noise: &noise)
        }
    }

    @Test("The widest layers run", arguments: Kind.allCases)
    func widest(kind: Kind) throws {
        let output = try kind.network(first: 64, second: 64, seed: 5)
            .run(.init(repeating: 0.3, count: 870))
        #expect(output.rul.isFinite)
    }

    @Test("Numbers that could not come from training are refused")
    func refused() throws {
        #expect(throws: InferenceError.self) {
            try QuantizedMatrix(
                columnCount: 10, weights: .init(repeating: 1, count: 320),
                rowScales: .init(repeating: 0, count: 32), biases: .init(repeating: 0, count: 32))
        }
        #expect(throws: InferenceError.self) { try ActivationScales("hidden scales", [.nan]) }
        #expect(throws: InferenceError.self) {
            try DenseLayer(inputCount: 2, weights: [1, .nan], biases: [0])
        }
        #expect(throws: InferenceError.self) {
            try DenseLayer(inputCount: 2, weights: [1, 2, 3], biases: [0])
        }
        for kind in Kind.allCases {
            #expect(throws: InferenceError.self) { try kind.network(seed: 1, slope: .infinity) }
        }
    }

    @Test("A GRU layer's matrices fit each other")
    func gruSizes() throws {
        var noise = Noise(bits: 7)
        let hidden = try Self.scales(8, noise: &noise)
        func layer(gateRows: Int, gateColumns: Int, inputRows: Int, stateColumns: Int) throws {
            _ = try QuantizedGRULayer(
                gates: Self.matrix(rows: gateRows, columns: gateColumns, noise: &noise),
                inputPart: Self.matrix(rows: inputRows, columns: 5, noise: &noise),
                statePart: Self.matrix(rows: 8, columns: stateColumns, noise: &noise),
                hiddenScales: hidden)
        }
        try layer(gateRows: 16, gateColumns: 13, inputRows: 8, stateColumns: 8)
        for (gateRows, gateColumns, inputRows, stateColumns) in [
            (24, 13, 8, 8), (16, 12, 8, 8), (16, 13, 16, 8), (16, 13, 8, 16),
        ] {
            #expect(throws: InferenceError.self) {
                try layer(
                    gateRows: gateRows, gateColumns: gateColumns, inputRows: inputRows,
                    stateColumns: stateColumns)
            }
        }
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

    @Test("One value and eight side by side become the nearest multiples of their scales")
    func activations() throws {
        let scales = try ActivationScales("states", [Float](repeating: 0.5, count: 8))
        // Ties go to the even multiple, and none is beyond 127.
        let lanes = Lanes(0.25, 0.75, -0.25, -0.75, 1.25, 0.74, 63.9, -100)
        let multiples: [Int16] = [0, 2, 0, -2, 2, 1, 127, -127]
        var quantized = [Int16](repeating: 0, count: 8)
        quantized.withUnsafeMutableBufferPointer { values in
            guard let start = values.baseAddress else { return }
            scales.quantize(lanes, at: 0, into: start)
        }
        #expect(quantized == multiples)
        for (index, multiple) in multiples.enumerated() {
            #expect(scales.represented(lanes[index], at: index) == 0.5 * Float(multiple))
        }
    }
}
