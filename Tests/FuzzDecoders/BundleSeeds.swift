import Features
import Inference
import ModelBundle
import Prognostics
import Sodium

/// Small bundles of every kind of model.
extension Seeds {
    static func bundles() throws -> [[UInt8]] {
        let models: [Model] = [
            .trees(try trees()), .lstm(try lstm()), .gru(try gru()), .trend(trend),
        ]
        let single = try models.map { try bundle([$0]).encoded() }
        return single + [try bundle(models).encoded()]
    }

    static let parameters: FeatureParameters = {
        guard let ageMax = CycleCount(300) else { preconditionFailure("300 is a cycle") }
        let made = try? FeatureParameters(
            centroids: (0..<6).map { Double($0 / 3) }, means: (0..<28).map { 100 + Double($0) },
            deviations: (0..<28).map { 1 + Double($0) / 8 },
            healthWeights: (0..<15).map { Double($0 - 7) / 64 },
            ageMax: ageMax)
        guard let made else { preconditionFailure("the seeds' parameters are in range") }
        return made
    }()

    static let trend: TrendModel = {
        var readout = (0..<30).map { Double($0 % 5 - 2) }
        readout[6] = 100
        let made = try? TrendModel(
            prior: TrendPrior(
                noise: 0.05, slopeAtZero: -1.7, slopePerLevel: 1.8, slopeDeviation: 0.3,
                changeScale: 0.2),
            failureLevel: 0, failureDeviation: 0.15, readout: readout, fleetDeviation: 12)
        guard let made else { preconditionFailure("the seeds' trend is in range") }
        return made
    }()

    private static func bundle(_ models: [Model]) throws -> ModelBundle {
        let calibration = try FailureCalibration(slope: -0.25, intercept: 7.5)
        let interval = try ConformalInterval(
            reaches: [4.5, 6.25, 5, 7, 12, 12.5, 20.5, 15.25, 30, 0, 9, 0], coverage: 0.9)
        let weight = 1 / Double(models.count)
        let plan = try InferencePlan(
            members: models.map {
                try PlanMember(weight: weight, model: $0, calibration: calibration)
            }, interval: interval, lateStarterInterval: interval)
        guard let digest = Digest(bytes: .init(repeating: 0xF1, count: 32)) else {
            preconditionFailure("a digest has 32 bytes")
        }
        let members = models.indices.map { index in
            Manifest.Member(
                runID: models.count == 1 ? runID : "run-\(index)", modelType: "m", weight: weight)
        }
        return try ModelBundle(
            manifest: Manifest(
                runID: runID, modelType: "m", configHash: digest,
                featureParametersDigest: SHA256.digest(of: parameters.canonicalBytes),
                members: members),
            featureParameters: parameters, plan: plan, alarmThreshold: 0.375,
            golden: [
                try GoldenTrajectory.record(
                    plan, parameters, snapshots: try golden(), restartAfter: 47)
            ])
    }

    /// 80 snapshots with a gap and a second regime.
    private static func golden() throws -> [Snapshot] {
        try (1...81 as ClosedRange<Int32>).filter { $0 != 45 }.map { cycle in
            let snapshot = try snapshot(cycle)
            guard cycle == 7 else { return snapshot }
            var columns = snapshot.columns
            for setting in 0..<3 { columns[setting] = Float(FeatureSpec.settingScales[setting]) }
            return Snapshot(cycle: snapshot.cycle, columns: columns)
        }
    }

    private static func trees() throws -> TreeEnsemble {
        try TreeEnsemble(
            featureIndices: [0, 1, 126], cuts: [[-1, 0, 2.5], [0.25], [50, 100]],
            nodeFeatures: [0, 1, 255, 255, 2, 255, 255, 255], nodeBins: [2, 0, 1],
            leaves: [-50, 70, 110, 1000, -3], leafScale: 0.03125, base: 60)
    }

    // MARK: Nets

    private static let width = 8

    private static func values(_ count: Int, times scale: Float) -> [Float] {
        (0..<count).map { Float($0 * 37 % 101 - 50) / 50 * scale }
    }

    private static func matrix(_ rows: Int, _ columns: Int) throws -> QuantizedMatrix {
        try QuantizedMatrix(
            columnCount: columns, weights: values(rows * columns, times: 127).map { Int8($0) },
            rowScales: .init(repeating: 1e-4, count: rows), biases: values(rows, times: 1))
    }

    private static func scales(_ count: Int, _ scale: Float) throws -> ActivationScales {
        try ActivationScales("scales", .init(repeating: scale, count: count))
    }

    private static func dense() throws -> DenseLayer {
        try DenseLayer(
            inputCount: width, weights: values(width * width, times: 1),
            biases: values(width, times: 1))
    }

    private static func head() throws -> RecurrentHead {
        try RecurrentHead(
            dense: dense(), outputWeights: values(2 * width, times: 1), outputBiases: [0.1, -0.2],
            slope: 125, intercept: 1)
    }

    private static func lstm() throws -> QuantizedLSTM {
        func layer(_ inputs: Int) throws -> QuantizedLSTMLayer {
            try QuantizedLSTMLayer(
                gates: matrix(4 * width, inputs + width), hiddenScales: scales(width, 0.01))
        }
        return try QuantizedLSTM(
            inputScales: scales(FeatureSpec.channelCount, 0.02),
            first: layer(FeatureSpec.channelCount), second: layer(width), attention: dense(),
            attentionScore: values(width, times: 1), head: head())
    }

    private static func gru() throws -> QuantizedGRU {
        func layer(_ inputs: Int) throws -> QuantizedGRULayer {
            try QuantizedGRULayer(
                gates: matrix(2 * width, inputs + width), inputPart: matrix(width, inputs),
                statePart: matrix(width, width), hiddenScales: scales(width, 0.01))
        }
        return try QuantizedGRU(
            inputScales: scales(FeatureSpec.channelCount, 0.02),
            first: layer(FeatureSpec.channelCount), second: layer(width), head: head())
    }
}
