import Datasets
import Features
import Inference
import Prognostics
import Quantization
import TestSupport
import Testing
import Training

/// Float trees against the device's form of the same trees.
@Suite("Quantization of trees")
struct TreeQuantizationTests {
    static let quick = XGBoostParameters(roundCount: 40, depthMax: 6, rowsPerLeafMin: 10)

    /// The greatest difference between libxgboost's prediction and the quantized one, and the
    /// bound.
    static func differences(
        _ trained: TrainedXGBoost, on trajectories: [Trajectory]
    ) throws -> (greatest: Double, bound: Double, rowCount: Int) {
        let ensemble = try TreeQuantization.quantize(
            trained.model, keptFeatures: trained.keptFeatures)
        var rows = FeatureMatrix(columnCount: FeatureSpec.engineeredCount)
        var row = [Float](repeating: 0, count: FeatureSpec.engineeredCount)
        for trajectory in trajectories {
            var state = FeatureState()
            for snapshot in trajectory.snapshots {
                state.append(snapshot, using: trained.featureParameters)
                state.engineered(into: &row, using: trained.featureParameters)
                rows.append(row)
            }
        }
        let expected = try trained.predict(rows)
        var greatest = 0.0
        for (index, expected) in expected.enumerated() {
            let quantized = ensemble.rul(of: Array(rows.row(index)))
            greatest = max(greatest, Double((quantized - expected).magnitude))
        }
        // libxgboost sums in Float: each of its additions rounds by at most half a step at 256.
        let summation = Double(ensemble.treeCount) * Double(Float(256).ulp) / 2
        return (greatest, TreeQuantization.roundingBound(ensemble) + summation, rows.rowCount)
    }

    @Test("Every prediction is libxgboost's up to the rounding of leaves")
    func equalsLibrary() throws {
        let fleet = MadeUpFleet.trajectories(count: 30, seed: 1)
        let trained = try XGBoostTrainer.train(fleet, parameters: Self.quick, seed: 1)
        let unseen = MadeUpFleet.trajectories(count: 20, seed: 2)
        let result = try Self.differences(trained, on: unseen)
        #expect(result.greatest <= result.bound)
        #expect(result.bound < 0.05)
    }

    @Test(
        "Every row of NASA's test file is predicted as libxgboost does, shipped configuration",
        .enabled(if: CMAPSS.isPresent, Comment(rawValue: CMAPSS.skipMessage)))
    func equalsLibraryOnTestFile() throws {
        let folder = DatasetFolder(try #require(CMAPSS.folder))
        let trained = try XGBoostTrainer.train(
            try folder.train(subset: "FD001"), parameters: .shipped, seed: 1)
        let test = try folder.test(subset: "FD001").trajectories
        let result = try Self.differences(trained, on: test)
        #expect(result.rowCount == 13_096)
        #expect(result.greatest <= result.bound)
        #expect(result.greatest < 0.003, "16-bit leaves err by less than 0.003 cycles")
    }

    @Test("A row that lies on a threshold goes right, as in the float tree")
    func onTheThreshold() throws {
        let tree = RegressionTree(nodes: [
            .split(.init(feature: 0, threshold: 0.5, left: 1, right: 2, gain: 1)),
            .leaf(-2), .leaf(3),
        ])
        let model = XGBoostModel(base: 60, featureCount: 1, trees: [tree])
        let ensemble = try TreeQuantization.quantize(model, keptFeatures: [7])
        for value in [Float(0.5).nextDown, 0.5, Float(0.5).nextUp, -.infinity, .infinity] {
            var row = [Float](repeating: 0, count: FeatureSpec.engineeredCount)
            row[7] = value
            #expect(abs(ensemble.rul(of: row) - model.predict([value])) < 1e-4)
        }
    }

    /// A chain of splits on column 0, one threshold each.
    static func chains(thresholds: [Float]) -> XGBoostModel {
        let trees = thresholds.map { threshold in
            RegressionTree(nodes: [
                .split(.init(feature: 0, threshold: threshold, left: 1, right: 2, gain: 1)),
                .leaf(-1), .leaf(1),
            ])
        }
        return XGBoostModel(base: 60, featureCount: 1, trees: trees)
    }

    @Test("255 cuts of a feature fit 8-bit bins, 256 are refused")
    func cutLimit() throws {
        let thresholds = (1...256).map(Float.init)
        let most = Self.chains(thresholds: Array(thresholds.dropLast()))
        #expect(try TreeQuantization.quantize(most, keptFeatures: [3]).cuts[0].count == 255)
        let tooMany = QuantizationError.tooManyCuts(feature: 3, count: 256, limit: 255)
        #expect(throws: tooMany) {
            try TreeQuantization.quantize(Self.chains(thresholds: thresholds), keptFeatures: [3])
        }
    }
}
