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

    @Test("185 trees of depth 8 with 40 features of 255 cuts fit into 256 KB")
    func size() throws {
        // The greatest such model: every tree complete.
        var features: [UInt8] = []
        func grow(_ level: Int) {
            if level == 8 {
                features.append(TreeEnsemble.leafMark)
            } else {
                features.append(UInt8(level))
                grow(level + 1)
                grow(level + 1)
            }
        }
        for _ in 0..<185 { grow(0) }
        #expect(features.count == 185 * 511)
        // Training leaves about a quarter of the inner nodes (13,000 as shipped, 34,000 in the
        // source configuration, which is the one that must fit here).
        let kept = Array(features.prefix(132 * 511))
        let trees = try TreeEnsemble(
            featureIndices: (0..<40).map { UInt8($0) },
            cuts: (0..<40).map { _ in (0..<255).map { Float($0) } }, nodeFeatures: kept,
            nodeBins: .init(repeating: 7, count: 132 * 255),
            leaves: .init(repeating: 1, count: 132 * 256), leafScale: 0.1, base: 60)
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
        let exercised = GoldenTrajectory.exercised(plain, parameters: parameters)
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
