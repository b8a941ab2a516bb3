import Features
import Inference
import ModelBundle
import Prognostics
import TestSupport
import Testing

@Suite("Model bundle")
struct ModelBundleTests {
    @Test("A bundle is read back as it was written, and written again as the same bytes")
    func roundTrip() throws {
        let bundle = try SmallBundle.bundle()
        let bytes = bundle.encoded()
        let decoded = try ModelBundle(decoding: bytes)
        #expect(decoded == bundle)
        #expect(decoded.encoded() == bytes)
        #expect(try SmallBundle.bundle().encoded() == bytes)
        try decoded.checkGolden()
    }

    @Test("A bundle of eight members keeps their order and weights, and names every run")
    func members() throws {
        let single = try SmallBundle.bundle()
        let member = single.plan.members[0]
        let weights = [0.3, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1]
        let plan = try InferencePlan(
            members: weights.enumerated().map { index, weight in
                try PlanMember(
                    weight: weight, model: member.model,
                    calibration: FailureCalibration(slope: -0.25, intercept: Double(index)))
            }, interval: single.plan.interval, lateStarterInterval: single.plan.interval)
        func bundle(_ weights: [Double]) throws -> ModelBundle {
            try ModelBundle(
                manifest: try Manifest(
                    runID: "ensemble-1", modelType: "ensemble",
                    configHash: single.manifest.configHash,
                    featureParametersDigest: single.manifest.featureParametersDigest,
                    members: weights.enumerated().map { index, weight in
                        Manifest.Member(
                            runID: "run-\(index)", modelType: "xgboost", weight: weight)
                    }),
                featureParameters: single.featureParameters, plan: plan, alarmThreshold: 0.5,
                golden: [
                    try GoldenTrajectory.record(
                        plan, single.featureParameters, snapshots: single.golden[0].snapshots,
                        restartAfter: 47)
                ])
        }
        let built = try bundle(weights)
        let decoded = try ModelBundle(decoding: built.encoded())
        #expect(decoded == built)
        #expect(decoded.plan.members.map(\.weight) == weights)
        #expect(decoded.plan.members.map(\.calibration.intercept) == (0..<8).map(Double.init))
        #expect(decoded.manifest.members.map(\.runID) == (0..<8).map { "run-\($0)" })
        #expect(decoded.manifest.members[0].text == "xgboost:run-0=0.3")
        try decoded.checkGolden()
        #expect(throws: ModelBundleError.self) { try bundle(weights.reversed()) }
        #expect(throws: ModelBundleError.self) { try bundle(Array(weights.prefix(7))) }
    }

    /// The larger of the two configurations has about 34,000 inner nodes in its 185 trees; the one
    /// that ships has about 13,000 (docs/recipe.md).
    @Test("185 trees of depth 8 with 34,000 inner nodes and 40 lists of 255 cuts fit into 256 KB")
    func size() throws {
        var features: [UInt8] = []
        // Seven full levels of 127 nodes, and 57 of the 128 possible nodes in the eighth.
        func grow(_ level: Int, _ deepCount: inout Int) {
            let isInner = level < 7 || level == 7 && deepCount > 0
            features.append(isInner ? UInt8(level) : TreeEnsemble.leafMark)
            guard isInner else { return }
            if level == 7 { deepCount -= 1 }
            grow(level + 1, &deepCount)
            grow(level + 1, &deepCount)
        }
        for _ in 0..<185 {
            var deepCount = 57
            grow(0, &deepCount)
        }
        let innerCount = 185 * (127 + 57)
        #expect(features.count == 2 * innerCount + 185)
        let trees = try TreeEnsemble(
            featureIndices: (0..<40).map { UInt8($0) },
            cuts: (0..<40).map { _ in (0..<255).map { Float($0) } }, nodeFeatures: features,
            nodeBins: .init(repeating: 7, count: innerCount),
            leaves: .init(repeating: 1, count: innerCount + 185), leafScale: 0.1, base: 60)
        #expect(trees.depth == 8)
        let bytes = try SmallBundle.bundle(trees: trees).encoded()
        #expect(bytes.count <= 256 << 10, "\(bytes.count) bytes")
        try ModelBundle(decoding: bytes).checkGolden()
    }

    @Test("A golden trajectory that another model or scaler made is told with cycle and value")
    func goldenDiffers() throws {
        let bundle = try SmallBundle.bundle()
        let parts = try SmallBundle.trees()
        let other = try TreeEnsemble(
            featureIndices: parts.featureIndices, cuts: parts.cuts,
            nodeFeatures: parts.nodeFeatures, nodeBins: parts.nodeBins,
            leaves: parts.leaves.map { $0 + 1 }, leafScale: parts.leafScale, base: parts.base)
        let changed = try ModelBundle(
            manifest: bundle.manifest, featureParameters: bundle.featureParameters,
            plan: try SmallBundle.plan(other), alarmThreshold: 0.375, golden: bundle.golden)
        #expect {
            try changed.checkGolden()
        } throws: { error in
            guard case .goldenDiffers(0, 1, "rul", _, _)? = error as? ModelBundleError else {
                return false
            }
            return true
        }
        let parameters = try FeatureParameters(
            centroids: bundle.featureParameters.centroids, means: bundle.featureParameters.means,
            deviations: bundle.featureParameters.deviations.map { $0 * 1.000001 },
            healthWeights: bundle.featureParameters.healthWeights,
            ageMax: bundle.featureParameters.ageMax)
        let rescaled = try ModelBundle(
            manifest: bundle.manifest, featureParameters: parameters, plan: bundle.plan,
            alarmThreshold: 0.375, golden: bundle.golden)
        #expect(throws: ModelBundleError.self) { try rescaled.checkGolden() }
    }

    @Test("Golden trajectories that do not exercise what they must are refused")
    func goldenIncomplete() throws {
        let parameters = try SmallBundle.parameters()
        let plan = try SmallBundle.plan(try SmallBundle.trees())
        func make(_ golden: [GoldenTrajectory]) throws {
            _ = try ModelBundle(
                manifest: try SmallBundle.manifest(), featureParameters: parameters, plan: plan,
                alarmThreshold: 0.5, golden: golden)
        }
        func record(_ snapshots: [Snapshot], _ restartAfter: Int) throws -> GoldenTrajectory {
            try GoldenTrajectory.record(
                plan, parameters, snapshots: snapshots, restartAfter: restartAfter)
        }
        let plain = try SmallBundle.snapshots(count: 100)
        let exercised = SmallBundle.exercised(plain)
        try make([try record(exercised, 40)])
        _ = try record(Array(plain.prefix(80)), 79)
        #expect(throws: ModelBundleError.self) { try record(Array(plain.prefix(79)), 40) }
        #expect(throws: ModelBundleError.self) { try record(exercised, 0) }
        #expect(throws: ModelBundleError.self) { try record(exercised, exercised.count) }
        #expect(throws: ModelBundleError.self) { try record(plain.reversed(), 40) }
        #expect(throws: ModelBundleError.self) { try make([]) }
        #expect(throws: ModelBundleError.self) { try make([try record(plain, 40)]) }
        let oneRegime = exercised.filter { parameters.regime(of: $0) == 0 }
        #expect(throws: ModelBundleError.self) { try make([try record(oneRegime, 40)]) }
    }

    @Test("No truncated bundle is accepted")
    func truncated() throws {
        let bytes = try SmallBundle.bundle().encoded()
        for count in 0..<bytes.count {
            #expect(throws: ModelBundleError.self) {
                try ModelBundle(decoding: Array(bytes.prefix(count)))
            }
        }
        #expect(throws: ModelBundleError.self) { try ModelBundle(decoding: bytes + [0]) }
    }
}
