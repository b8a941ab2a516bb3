import Datasets
import Testing
import TestSupport
import Training

/// A booster on made-up rows: the C API, the saved model and its trees.
@Suite("XGBoost through the C API")
struct XGBoostTests {
    /// 3,000 rows of 12 features; the label is a rough function of four of them.
    static func sample(seed: UInt64 = 1) -> (features: FeatureMatrix, labels: [Float]) {
        var features = FeatureMatrix(columnCount: 12)
        var labels: [Float] = []
        var generator = SplitMix64(seed: seed)
        for _ in 0..<3_000 {
            let row = (0..<12).map { _ in Float(generator.uniform()) * 8 - 4 }
            features.append(row)
            let curve = 9 * row[0] + row[1] * row[1] - (row[2] > 1 ? 20 : 0)
            labels.append(60 + curve + 4 * row[3] * row[0] + Float(generator.uniform()))
        }
        return (features, labels)
    }

    static let parameters = XGBoostParameters(
        roundCount: 30, depthMax: 6, eta: 0.2, rowsPerLeafMin: 50, featureShare: 1)

    static func train(
        seed: UInt32 = 7, threadCount: Int = 2
    ) throws -> (booster: Booster, matrix: BoostingMatrix) {
        let (features, labels) = sample()
        let matrix = try BoostingMatrix(features, labels: labels, threadCount: threadCount)
        let booster = try Booster(
            for: matrix, parameters: parameters, seed: seed, base: 60, threadCount: threadCount)
        for round in 0..<parameters.roundCount { try booster.update(round: round, with: matrix) }
        return (booster, matrix)
    }

    @Test("The same seed gives the same bytes on one thread and on two, another seed others")
    func deterministic() throws {
        let first = try Self.train().booster.savedModel()
        #expect(try Self.train().booster.savedModel() == first)
        #expect(try Self.train(threadCount: 1).booster.savedModel() == first)
        #expect(try Self.train(seed: 8).booster.savedModel() != first)
    }

    @Test("The parsed trees predict what the library predicts")
    func parsedTrees() throws {
        let (booster, matrix) = try Self.train()
        let model = try XGBoostModel(parsing: try booster.savedModel())
        #expect(model.base == 60)
        #expect(model.trees.count == 30)
        let features = Self.sample().features
        for (index, expected) in try booster.predict(matrix).enumerated() {
            #expect(model.predict(Array(features.row(index))) == expected)
        }
    }

    @Test("The training error falls and a saved model predicts as before")
    func savedModelPredicts() throws {
        let (booster, matrix) = try Self.train()
        let error = try booster.rmse(round: 29, on: matrix)
        #expect(error < 5, "\(error)")
        let loaded = try Booster(savedModel: try booster.savedModel(), threadCount: 1)
        let fresh = try BoostingMatrix(Self.sample().features, labels: nil, threadCount: 1)
        #expect(try loaded.predict(fresh) == booster.predict(fresh))
    }

    @Test("Mean gain ranks the features that make the label first")
    func gains() throws {
        let model = try XGBoostModel(parsing: try Self.train().booster.savedModel())
        #expect(try model.featuresOfHighestGain(4) == [0, 1, 2, 3], "\(model.meanGains)")
        #expect(try model.featuresOfHighestGain(4, always: 2) == [0, 1, 2, 3])
        let best = try model.featuresOfHighestGain(3)
        #expect(try model.featuresOfHighestGain(4, always: 9) == best + [9])
        #expect(throws: TrainingError.tooFewFeatures(used: 12, wanted: 13)) {
            try model.featuresOfHighestGain(13)
        }
    }

    @Test("A refused call says which one and why")
    func refusal() throws {
        let error = #expect(throws: TrainingError.self) {
            try Booster(savedModel: Array("{}".utf8), threadCount: 1)
        }
        guard case .library("XGBoosterLoadModelFromBuffer", let message) = error else {
            Issue.record("unexpected \(String(describing: error))")
            return
        }
        #expect(!message.isEmpty)
    }

    @Test("A saved model that is no model is refused", arguments: ["", "{}", #"{"learner": 3}"#])
    func unexpectedModel(text: String) {
        #expect(throws: TrainingError.self) { try XGBoostModel(parsing: Array(text.utf8)) }
    }

    @Test(
        "PyPI's xgboost loads the saved model and predicts the same",
        .enabled(if: OraclePython.isPresent, Comment(rawValue: OraclePython.skipMessage)))
    func oracle() throws {
        let (booster, matrix) = try Self.train()
        let folder = try TemporaryFolder("xgboost")
        let features = Self.sample().features
        let model = try folder.write(try booster.savedModel(), to: "model.json")
        let values = features.values.flatMap { value in
            withUnsafeBytes(of: value.bitPattern.littleEndian) { Array($0) }
        }
        let rows = try folder.write(values, to: "rows.f32")
        let script = """
            import sys, numpy, xgboost
            booster = xgboost.Booster(model_file=sys.argv[1])
            rows = numpy.fromfile(sys.argv[2], "<f4").reshape(-1, 12)
            print(*booster.predict(xgboost.DMatrix(rows)).tolist(), sep="\\n")
            """
        let printed = try OraclePython.run(script, [model, rows])
        let expected = printed.split(separator: "\n").compactMap { Double($0) }
        let predicted = try booster.predict(matrix)
        #expect(expected.count == predicted.count)
        for (ours, theirs) in zip(predicted, expected) {
            #expect(abs(Double(ours) - theirs) < 1e-4)
        }
    }
}
