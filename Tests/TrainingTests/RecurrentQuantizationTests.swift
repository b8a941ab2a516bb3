import Datasets
import Features
import Inference
import ModelBundle
import Prognostics
import Quantization
import TestSupport
import Testing
import Training

/// From float recurrent nets to the device's integers, judged by an independent program.
@Suite("Quantizing recurrent nets")
struct RecurrentQuantizationTests {
    static let kinds: [RecurrentKind] = [.lstm, .gru]

    /// Widths as shipped, trained far too short: enough for numbers of every size.
    static func train(
        _ kind: RecurrentKind, _ units: [Trajectory]
    ) throws -> TrainedRecurrent {
        let parameters = RecurrentParameters(
            shape: .shipped(kind), stepCount: 40, batchSize: 64, warmUpStepCount: 4)
        return try RecurrentTrainer.train(units, parameters: parameters, seed: 1)
    }

    static func build(
        _ trained: TrainedRecurrent,
        _ units: [Trajectory] = MadeUpFleet.trajectories(count: 17, seed: 1)
    ) throws -> BuiltBundle {
        let digest = try #require(Digest(bytes: [UInt8](repeating: 7, count: Digest.size)))
        return try BundleBuilder.build(
            trained, train: Array(units.prefix(8)), tune: Array(units.dropFirst(8).prefix(3)),
            calibrate: Array(units.dropFirst(11)),
            manifest: try Manifest(
                runID: "run-1", modelType: trained.kind.rawValue, configHash: digest,
                featureParametersDigest: digest))
    }

    /// Compares the network's bits with those of the program that follows the specification.
    static func compare(_ built: BuiltBundle, windows: [[Float]]) throws {
        let network: any QuantizedRecurrent
        switch built.bundle.plan.members[0].model {
        case .lstm(let lstm): network = lstm
        case .gru(let gru): network = gru
        default: throw TestSupportError("the bundle holds no recurrent net")
        }
        let folder = try TemporaryFolder("int8")
        let bundle = try folder.write(built.bytes, to: "bundle.safetensors")
        let input = try folder.write(
            windows.joined().flatMap { value in
                [0, 8, 16, 24].map { UInt8(truncatingIfNeeded: value.bitPattern >> $0) }
            }, to: "windows.f32")
        let printed = try OraclePython.run(
            file: "Tests/TrainingTests/Oracles/int8_oracle.py", [bundle, input])
        let expected = printed.split(whereSeparator: \.isWhitespace).compactMap { UInt32($0) }
        try #require(expected.count == 2 * windows.count)
        var differing = 0
        for (index, window) in windows.enumerated() {
            let seen = network.run(window)
            if [seen.rul.bitPattern, seen.margin.bitPattern]
                != Array(expected[2 * index...2 * index + 1])
            {
                differing += 1
            }
        }
        #expect(differing == 0, "\(differing) of \(windows.count) windows")
    }

    /// The window after every snapshot, as a device has it.
    static func windows(
        _ trajectories: [Trajectory], _ parameters: FeatureParameters
    ) -> [[Float]] {
        trajectories.flatMap { trajectory in
            var state = FeatureState()
            return trajectory.snapshots.map { snapshot in
                state.append(snapshot, using: parameters)
                var window = [Float](repeating: 0, count: 870)
                state.window(into: &window)
                return window
            }
        }
    }

    @Test(
        "A bundle with the shipped widths has under 100 KB and is within 0.35 cycle RMS of float",
        arguments: kinds)
    func content(kind: RecurrentKind) throws {
        let trained = try Self.train(kind, MadeUpFleet.trajectories(count: 8, seed: 1))
        let built = try Self.build(trained)
        #expect(try Self.build(trained) == built, "the same input gives the same bytes")
        #expect(try ModelBundle(decoding: built.bytes) == built.bundle)
        let difference = built.report.difference
        #expect(difference.rms > 0 && difference.rms < 0.35, "\(difference.rms)")
        #expect(difference.rms <= difference.max && difference.count > 0)
        #expect(built.bundle.plan.requiredInputs == .window)
        #expect(built.bytes.count < 100_000)
    }

    @Test("The report compares every layer and both metrics with float", arguments: kinds)
    func report(kind: RecurrentKind) throws {
        let trained = try Self.train(kind, MadeUpFleet.trajectories(count: 8, seed: 1))
        guard case .recurrent(let report) = try Self.build(trained).report.details else {
            throw TestSupportError("the report is not about a recurrent net")
        }
        #expect(report.layers.map(\.name) == ["input", "first layer", "second layer"])
        // 5 made-up units have more than the 300 windows that are compared.
        #expect(report.layers.map(\.difference.count) == [29, 64, 32].map { 300 * 30 * $0 })
        // Half a step of 127 is 0.4 % of the range; what lies beyond the range is cut.
        let input = report.layers[0]
        #expect(input.difference.rms > 0 && input.difference.rms < 0.004 * input.range)
        for layer in report.layers.dropFirst() {
            #expect(layer.range > 0 && layer.range <= 1)
            #expect(layer.difference.rms > 0 && layer.difference.rms < 0.03 * layer.range)
            #expect(layer.difference.max < 0.3 * layer.range)
        }
        #expect(abs(report.quantized.rmse - report.float.rmse) < 0.3)
        #expect(report.float.rmse > 0 && report.float.rmse < 125)
        #expect((0...1).contains(report.float.f2) && (0...1).contains(report.quantized.f2))
    }

    @Test(
        "Every bit of made-up engines' and of extreme windows is what the specification says",
        .enabled(if: OraclePython.isPresent, Comment(rawValue: OraclePython.skipMessage)),
        arguments: kinds)
    func oracle(kind: RecurrentKind) throws {
        let units = MadeUpFleet.trajectories(count: 8, seed: 1)
        let trained = try Self.train(kind, units)
        var generator = SplitMix64(seed: 9)
        let extreme = (0..<200).map { index in
            (0..<870).map { _ in
                Float((generator.uniform() - 0.5) * [1, 10, 1e3, 2e6][index % 4])
            }
        }
        try Self.compare(
            try Self.build(trained),
            windows: Self.windows(units, trained.featureParameters) + extreme)
    }

    @Test(
        "Every bit of all rows of NASA's test file is what the specification says",
        .enabled(if: CMAPSS.isPresent, Comment(rawValue: CMAPSS.skipMessage)),
        .enabled(if: OraclePython.isPresent, Comment(rawValue: OraclePython.skipMessage)),
        arguments: kinds)
    func nasa(kind: RecurrentKind) throws {
        let folder = DatasetFolder(try #require(CMAPSS.folder))
        let units = Array(try folder.train(subset: "FD001").prefix(17))
        let trained = try Self.train(kind, units)
        let windows = Self.windows(
            try folder.test(subset: "FD001").trajectories, trained.featureParameters)
        #expect(windows.count == 13_096)
        try Self.compare(try Self.build(trained, units), windows: windows)
    }

    @Test("Weights rounded by second moments change products less than weights rounded alone")
    func rounding() {
        var generator = SplitMix64(seed: 4)
        let (rows, width) = (4, 12)
        let weights = (0..<rows * width).map { _ in generator.uniform() * 2 - 1 }
        let scales = [Double](repeating: 0.1, count: rows)
        // Columns that move together, as hidden states do.
        let samples = (0..<200).map { _ -> [Double] in
            let common = generator.uniform()
            return (0..<width).map { _ in common + 0.1 * generator.uniform() }
        }
        var moments = [Double](repeating: 0, count: width * width)
        for sample in samples {
            for index in moments.indices {
                moments[index] += sample[index / width] * sample[index % width]
            }
        }
        func error(_ rounded: [Int8]) -> Double {
            samples.reduce(0) { sum, sample in
                sum
                    + (0..<rows).reduce(0) { sum, row in
                        let difference = (0..<width).reduce(0.0) { sum, column in
                            let index = row * width + column
                            return sum + (weights[index] - 0.1 * Double(rounded[index]))
                                * sample[column]
                        }
                        return sum + difference * difference
                    }
            }
        }
        let nearest = weights.map { Int8(($0 / 0.1).rounded(.toNearestOrEven)) }
        let compensated = WeightRounding.round(
            weights: weights, scales: scales, moments: moments)
        #expect(error(compensated) < 0.5 * error(nearest))
        #expect(compensated.allSatisfy { $0.magnitude <= 127 })
    }
}
