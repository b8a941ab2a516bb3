import Datasets
import Features
import Inference
import ModelBundle
import Prognostics
import Quantization
import TestSupport
import Testing
import Training

/// From trajectories to the file that a device receives.
@Suite("Building a bundle")
struct BundleBuilderTests {
    static let operatingPoints: [(Float, Float, Float)] = [
        (0, 0, 100), (20, 0.7, 100), (42, 0.84, 100),
    ]

    static func manifest(runID: String = "run-1") throws -> Manifest {
        let digest = try #require(Digest(bytes: [UInt8](repeating: 7, count: Digest.size)))
        return try Manifest(
            runID: runID, modelType: "xgboost", configHash: digest,
            featureParametersDigest: digest)
    }

    static func units(_ count: Int, seed: UInt64) -> [Trajectory] {
        MadeUpFleet.trajectories(count: count, seed: seed, operatingPoints: operatingPoints)
    }

    static func train(seed: UInt32 = 1) throws -> TrainedXGBoost {
        try XGBoostTrainer.train(
            units(30, seed: 1), parameters: TreeQuantizationTests.quick, seed: seed)
    }

    static func build(_ trained: TrainedXGBoost) throws -> BuiltBundle {
        try BundleBuilder.build(
            trained, tune: units(5, seed: 2), calibrate: units(10, seed: 3),
            manifest: try manifest())
    }

    @Test("The same units and seed give the same bytes, another seed others")
    func deterministic() throws {
        let first = try Self.build(try Self.train())
        #expect(try Self.build(try Self.train()) == first)
        #expect(try Self.build(try Self.train(seed: 2)).bytes != first.bytes)
    }

    @Test("The bundle holds what was trained and calibrated")
    func content() throws {
        let trained = try Self.train()
        let built = try Self.build(trained)
        let bundle = try ModelBundle(decoding: built.bytes)
        #expect(bundle.featureParameters == trained.featureParameters)
        #expect(bundle.featureParameters.regimeCount == 3)
        #expect(bundle.plan.interval.coverage == 0.9)
        #expect(bundle.plan.members[0].calibration.slope < 0)
        #expect((0...1).contains(bundle.alarmThreshold))
        #expect(built.report.bundleSize == built.bytes.count)
        guard case .trees(let roundingBound, _) = built.report.details else {
            throw TestSupportError("the report is not about trees")
        }
        let difference = built.report.difference
        #expect(difference.max > 0 && difference.max <= roundingBound + 0.01)
        #expect(difference.rms <= difference.max)
    }

    @Test("Golden trajectories have gaps, every regime, saturated values, a late start, an old age")
    func golden() throws {
        let trained = try Self.train()
        let parameters = trained.featureParameters
        let bundle = try Self.build(trained).bundle
        #expect(bundle.golden.count == 2)
        for trajectory in bundle.golden {
            let snapshots = trajectory.snapshots
            #expect(snapshots.count >= GoldenTrajectory.countMin)
            #expect(trajectory.restartAfter == snapshots.count / 2)
            #expect(Set(snapshots.map(parameters.regime(of:))) == [0, 1, 2])
            var state = FeatureState()
            for snapshot in snapshots { state.append(snapshot, using: parameters) }
            #expect(state.flags(using: parameters).contains(.gap))
        }
        let extreme = try #require(bundle.golden.last).snapshots
        #expect(try #require(extreme.last).cycle > parameters.ageMax)
        #expect(try #require(extreme.first).cycle.cycles > 1)
        let scores = extreme.map { snapshot in
            let slot = parameters.regime(of: snapshot) * FeatureSpec.sensorCount
            return (Double(snapshot.sensor(2)) - parameters.means[slot])
                / parameters.deviations[slot]
        }
        #expect(scores.contains { $0 > FeatureSpec.zLimit })
        #expect(scores.contains { $0 < -FeatureSpec.zLimit })
    }

    @Test("A role without units and a unit without a failure are refused")
    func refusals() throws {
        let trained = try Self.train()
        let units = Self.units(5, seed: 2)
        let manifest = try Self.manifest()
        #expect(throws: QuantizationError.noUnits(role: "tune")) {
            try BundleBuilder.build(trained, tune: [], calibrate: units, manifest: manifest)
        }
        #expect(throws: QuantizationError.noUnits(role: "calibrate")) {
            try BundleBuilder.build(trained, tune: units, calibrate: [], manifest: manifest)
        }
        let censored = Trajectory(
            unit: units[0].unit, snapshots: units[0].snapshots, endsInFailure: false)
        #expect(throws: QuantizationError.censored(unit: "1")) {
            try BundleBuilder.build(
                trained, tune: [censored], calibrate: units, manifest: manifest)
        }
        #expect(throws: TrainingError.censored(unit: "1")) {
            try XGBoostTrainer.train([censored], parameters: .shipped, seed: 1)
        }
    }

    @Test("Late starters' interval is nowhere narrower, and wider where they are predicted worse")
    func lateStarters() throws {
        let plan = try Self.build(try Self.train()).bundle.plan
        #expect(plan.lateStarterInterval.isNowhereNarrower(than: plan.interval))
        #expect(plan.lateStarterInterval != plan.interval)
    }

    @Test("A share of the train units is learnt from a second time, as late starters")
    func lateStarterShare() throws {
        let rows = try [0.0, 1].map { share in
            var parameters = TreeQuantizationTests.quick
            parameters.lateStarterShare = share
            return try XGBoostTrainer.train(
                Self.units(10, seed: 1), parameters: parameters, seed: 1
            ).rowCount
        }
        let late = LateStart.sample(Self.units(10, seed: 1), share: 1, seed: 1)
        #expect(late.count == 10)
        #expect(rows[1] == rows[0] + late.reduce(0) { $0 + $1.snapshots.count })
    }

    @Test("Bundles whose features differ are not combined, and the runs are named")
    func differentFeatures() throws {
        let one = try Self.build(try Self.train()).bundle
        let trained = try XGBoostTrainer.train(
            Self.units(29, seed: 1), parameters: TreeQuantizationTests.quick, seed: 1)
        let other = try BundleBuilder.build(
            trained, tune: Self.units(5, seed: 2), calibrate: Self.units(10, seed: 3),
            manifest: try Self.manifest(runID: "run-2")
        ).bundle
        #expect(throws: QuantizationError.differentFeatures(runIDs: ["run-1", "run-2"])) {
            try BundleBuilder.combine(
                [(0.5, one), (0.5, other)], tune: Self.units(5, seed: 2),
                calibrate: Self.units(10, seed: 3), manifest: try Self.manifest(runID: "run-3"))
        }
    }

    @Test("Short units alone give no golden trajectory")
    func shortUnits() throws {
        let units = Self.units(5, seed: 2).map { unit in
            Trajectory(
                unit: unit.unit, snapshots: Array(unit.snapshots.suffix(50)), endsInFailure: true)
        }
        #expect(throws: QuantizationError.noGoldenUnit(sizeMin: 91, sizeSeen: 50)) {
            try BundleBuilder.build(
                try Self.train(), tune: units, calibrate: units, manifest: try Self.manifest())
        }
    }

    @Test("Progress counts the rounds of both fits, and may cancel")
    func progress() throws {
        var seen: [BoostingProgress] = []
        #expect(throws: TrainingError.cancelled(afterRound: 2)) {
            _ = try XGBoostTrainer.train(
                Self.units(10, seed: 1), parameters: TreeQuantizationTests.quick, seed: 1
            ) { step in
                seen.append(step)
                return step.fit == .final && step.round == 2 ? .cancel : .goOn
            }
        }
        #expect(seen.map(\.fit).count { $0 == .ranking } == 40)
        #expect(seen.suffix(2).map(\.round) == [1, 2])
        #expect(seen.allSatisfy { $0.rmse > 0 && $0.roundCount == 40 })
    }
}
