import Features
import Inference
import ModelBundle
import Prognostics
import Testing

/// A bundle small enough to be damaged at every byte.
enum SmallBundle {
    static func parameters(regimes: Int = 2) throws -> FeatureParameters {
        try FeatureParameters(
            centroids: (0..<3 * regimes).map { Double($0 / 3) },
            means: (0..<14 * regimes).map { 100 + Double($0) },
            deviations: (0..<14 * regimes).map { 1 + Double($0) / 8 },
            healthWeights: (0..<15).map { Double($0 - 7) / 64 },
            ageMax: try #require(CycleCount(300)))
    }

    static func trees() throws -> TreeEnsemble {
        try TreeEnsemble(
            featureIndices: [0, 1, 126], cuts: [[-1, 0, 2.5], [0.25], [50, 100]],
            nodeFeatures: [0, 1, 255, 255, 2, 255, 255, 255], nodeBins: [2, 0, 1],
            leaves: [-50, 70, 110, 1000, -3], leafScale: 0.03125, base: 60)
    }

    static func manifest(runID: String = "xgboost-0123456789ab") throws -> Manifest {
        try Manifest(
            runID: runID, modelType: "xgboost",
            configHash: try #require(Digest(hex: String(repeating: "0a", count: 32))),
            featureParametersDigest: try #require(
                Digest(hex: String(repeating: "f1", count: 32))))
    }

    static func plan(_ trees: TreeEnsemble) throws -> InferencePlan {
        InferencePlan(
            model: .trees(trees),
            calibration: try FailureCalibration(slope: -0.25, intercept: 7.5),
            interval: try ConformalInterval(
                reaches: [4.5, 6.25, 5, 7, 12, 12.5, 20.5, 15.25, 30, 0, 9, 0], coverage: 0.9))
    }

    /// Snapshots with noise and drift in one regime only; not yet fit to be golden.
    static func snapshots(count: Int32) throws -> [Snapshot] {
        var bits: UInt32 = 99
        return try (1...count).map { cycle in
            var columns = InlineArray<24, Float>(repeating: 0)
            for index in 3..<24 {
                bits = bits &* 1_664_525 &+ 1_013_904_223
                columns[index] = 100 + Float(index) + Float(bits >> 8) / Float(1 << 22)
            }
            return Snapshot(cycle: try #require(CycleCount(cycle)), columns: columns)
        }
    }

    /// A trajectory with a gap, a second regime and every sensor saturated at either end.
    static func exercised(_ snapshots: [Snapshot]) -> [Snapshot] {
        var chosen = snapshots
        chosen.remove(at: 45)
        for (index, value) in [(50, Float.greatestFiniteMagnitude), (60, -1e9)] {
            var columns = chosen[index].columns
            for column in Snapshot.settingCount..<Snapshot.columnCount { columns[column] = value }
            chosen[index] = Snapshot(cycle: chosen[index].cycle, columns: columns)
        }
        var columns = chosen[7].columns
        for setting in 0..<Snapshot.settingCount {
            columns[setting] = Float(FeatureSpec.settingScales[setting])
        }
        chosen[7] = Snapshot(cycle: chosen[7].cycle, columns: columns)
        return chosen
    }

    static func bundle(trees: TreeEnsemble? = nil) throws -> ModelBundle {
        let plan = try plan(try trees ?? Self.trees())
        let parameters = try parameters()
        let snapshots = exercised(try Self.snapshots(count: 100))
        return try ModelBundle(
            manifest: try manifest(), featureParameters: parameters, plan: plan,
            alarmThreshold: 0.375,
            golden: [
                try GoldenTrajectory.record(
                    plan, parameters, snapshots: snapshots, restartAfter: 47)
            ])
    }
}
