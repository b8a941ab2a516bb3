package import Features
package import Inference
import Prognostics

/// The file that a device receives: a model, all it needs, and the proof that it computes right.
///
/// A bundle is a pure function of the run: equal values encode to equal bytes, and a file decodes
/// only if its bytes are exactly what ``encoded()`` would write.
package struct ModelBundle: Equatable, Sendable {
    /// The most golden trajectories.
    package static let goldenCountMax = 8

    package let manifest: Manifest
    package let featureParameters: FeatureParameters
    package let plan: InferencePlan
    /// The failure probability from which on an alarm is due, in `0...1`; fixed on tune units.
    package let alarmThreshold: Float
    package let golden: [GoldenTrajectory]

    /// Combines checked parts.
    /// - Throws: When the golden trajectories are not enough, the threshold is out of range, or the
    ///   manifest names other members than the plan has.
    package init(
        manifest: Manifest, featureParameters: FeatureParameters, plan: InferencePlan,
        alarmThreshold: Float, golden: [GoldenTrajectory]
    ) throws(ModelBundleError) {
        guard (0...1).contains(alarmThreshold) else {
            throw .model(
                .outOfRange(name: "alarm threshold", value: "\(alarmThreshold)", range: "0 to 1"))
        }
        guard manifest.members.map(\.weight) == plan.members.map(\.weight.description) else {
            throw .metadata(
                key: "members",
                expected: "the weights "
                    + plan.members.map(\.weight.description).joined(separator: ", "),
                seen: "`\(manifest.membersText)`")
        }
        guard (1...Self.goldenCountMax).contains(golden.count) else {
            throw .goldenIncomplete(
                detail: "are \(golden.count), expected 1 to \(Self.goldenCountMax)")
        }
        var regimes: Set<Int> = []
        var hasGap = false
        for trajectory in golden {
            for (index, snapshot) in trajectory.snapshots.enumerated() {
                regimes.insert(featureParameters.regime(of: snapshot))
                let previous = trajectory.snapshots[max(0, index - 1)].cycle.cycles
                if snapshot.cycle.cycles > previous + 1 { hasGap = true }
            }
        }
        guard regimes.count == featureParameters.regimeCount else {
            throw .goldenIncomplete(
                detail: "visit \(regimes.count) of \(featureParameters.regimeCount) regimes")
        }
        guard hasGap else { throw .goldenIncomplete(detail: "have no gap between cycles") }
        self.manifest = manifest
        self.featureParameters = featureParameters
        self.plan = plan
        self.alarmThreshold = alarmThreshold
        self.golden = golden
    }

    /// Reproduces every golden trajectory on this machine.
    package func checkGolden() throws(ModelBundleError) {
        for index in golden.indices { try checkGolden(index) }
    }

    /// Reproduces one golden trajectory on this machine: a slice of ``checkGolden()``.
    /// - Parameter index: The trajectory, an index into ``golden``.
    /// - Throws: `goldenDiffers` with the trajectory, the cycle and what differs.
    package func checkGolden(_ index: Int) throws(ModelBundleError) {
        try golden[index].check(plan, featureParameters, index: index)
    }
}

extension ModelBundle {
    /// The bundle as bytes; equal bundles give equal bytes.
    package func encoded() -> [UInt8] {
        let parameters = featureParameters
        let rows = parameters.regimeCount
        var tensors = [
            Tensor("features.centroids", [rows, Snapshot.settingCount], parameters.centroids),
            Tensor("features.mean", [rows, FeatureSpec.sensorCount], parameters.means),
            Tensor("features.deviation", [rows, FeatureSpec.sensorCount], parameters.deviations),
            Tensor("features.health", [parameters.healthWeights.count], parameters.healthWeights),
            Tensor("features.age_max", .i32, [1], words: [parameters.ageMax.cycles]),
            Tensor(
                "calibration.interval", [ConformalInterval.knots.count, 2], plan.interval.reaches),
            Tensor(
                "calibration.late_starter_interval", [ConformalInterval.knots.count, 2],
                plan.lateStarterInterval.reaches),
            Tensor("calibration.coverage", [1], [plan.interval.coverage]),
            Tensor("calibration.alarm_threshold", [1], [alarmThreshold]),
        ]
        for (index, member) in plan.members.enumerated() {
            tensors += Self.tensors(of: member).map { $0.prefixed(Self.memberPrefix(index)) }
        }
        for (index, trajectory) in golden.enumerated() {
            tensors += trajectory.tensors(index: index)
        }
        return SafetensorsFile(metadata: manifest.metadata, tensors: tensors).encoded()
    }

    /// Reads a bundle from bytes that may be anything.
    package init(decoding bytes: [UInt8]) throws(ModelBundleError) {
        let file = try SafetensorsFile(decoding: bytes)
        let manifest = try Manifest(metadata: file.metadata)
        var reader = TensorReader(file)
        let parameters = try Self.featureParameters(&reader)
        let plan = try Self.plan(&reader)
        let alarmThreshold = try reader.floats("calibration.alarm_threshold", [1])[0]
        var golden: [GoldenTrajectory] = []
        while golden.count < Self.goldenCountMax,
            GoldenTrajectory.exists(golden.count, in: reader)
        {
            golden.append(try GoldenTrajectory(index: golden.count, from: &reader))
        }
        try reader.finish()
        try self.init(
            manifest: manifest, featureParameters: parameters, plan: plan,
            alarmThreshold: alarmThreshold, golden: golden)
        guard encoded() == bytes else { throw .notCanonical }
    }

    private static func memberPrefix(_ index: Int) -> String { "member\(index)." }

    private static func tensors(of member: PlanMember) -> [Tensor] {
        let calibration = member.calibration
        let own = [
            Tensor("weight", [1], [member.weight]),
            Tensor("failure", [2], [calibration.slope, calibration.intercept]),
        ]
        switch member.model {
        case .trees(let trees): return own + tensors(of: trees)
        case .lstm(let network): return own + tensors(of: network)
        case .gru(let network): return own + tensors(of: network)
        case .trend(let trend): return own + tensors(of: trend)
        }
    }

    private static func member(
        _ reader: inout TensorReader
    ) throws(ModelBundleError) -> PlanMember {
        let weight = try reader.doubles("weight", [1])[0]
        let failure = try reader.doubles("failure", [2])
        let model: Model =
            if let network = try recurrent(&reader) {
                network
            } else if holdsTrend(reader) {
                .trend(try trend(&reader))
            } else {
                .trees(try trees(&reader))
            }
        do throws(InferenceError) {
            return try PlanMember(
                weight: weight, model: model,
                calibration: try FailureCalibration(slope: failure[0], intercept: failure[1]))
        } catch {
            throw .model(error)
        }
    }

    private static func plan(
        _ reader: inout TensorReader
    ) throws(ModelBundleError) -> InferencePlan {
        var members: [PlanMember] = []
        repeat {
            reader.prefix = memberPrefix(members.count)
            members.append(try member(&reader))
            reader.prefix = memberPrefix(members.count)
        } while members.count < InferencePlan.memberCountMax && reader.has("weight")
        reader.prefix = ""
        let shape = [ConformalInterval.knots.count, 2]
        let reaches = try reader.floats("calibration.interval", shape)
        let lateReaches = try reader.floats("calibration.late_starter_interval", shape)
        let coverage = try reader.doubles("calibration.coverage", [1])[0]
        do throws(InferenceError) {
            return try InferencePlan(
                members: members,
                interval: try ConformalInterval(reaches: reaches, coverage: coverage),
                lateStarterInterval: try ConformalInterval(
                    reaches: lateReaches, coverage: coverage))
        } catch {
            throw .model(error)
        }
    }

    private static func featureParameters(
        _ reader: inout TensorReader
    ) throws(ModelBundleError) -> FeatureParameters {
        let centroids = try reader.doubles("features.centroids", [nil, Snapshot.settingCount])
        let rows = centroids.count / Snapshot.settingCount
        let means = try reader.doubles("features.mean", [rows, FeatureSpec.sensorCount])
        let deviations = try reader.doubles("features.deviation", [rows, FeatureSpec.sensorCount])
        let health = try reader.doubles("features.health", [FeatureSpec.sensorCount + 1])
        let age = try reader.int32s("features.age_max", [1])[0]
        guard let ageMax = CycleCount(age) else {
            throw .tensor(name: "features.age_max", detail: "holds the cycle \(age)")
        }
        do throws(FeatureParametersError) {
            return try FeatureParameters(
                centroids: centroids, means: means, deviations: deviations,
                healthWeights: health, ageMax: ageMax)
        } catch {
            throw .parameters(error)
        }
    }
}
