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
    /// - Throws: When the golden trajectories are not enough, or the threshold is out of range.
    package init(
        manifest: Manifest, featureParameters: FeatureParameters, plan: InferencePlan,
        alarmThreshold: Float, golden: [GoldenTrajectory]
    ) throws(ModelBundleError) {
        guard (0...1).contains(alarmThreshold) else {
            throw .model(
                .outOfRange(name: "alarm threshold", value: "\(alarmThreshold)", range: "0 to 1"))
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
            Tensor("features.age_max", .i32, [1], words: [parameters.ageMax.cycles]),
            Tensor(
                "calibration.failure", [2], [plan.calibration.slope, plan.calibration.intercept]),
            Tensor(
                "calibration.interval", [ConformalInterval.binCount, 2], plan.interval.reaches),
            Tensor("calibration.coverage", [1], [plan.interval.coverage]),
            Tensor("calibration.alarm_threshold", [1], [alarmThreshold]),
        ]
        switch plan.model {
        case .trees(let trees): tensors += Self.tensors(of: trees)
        case .lstm(let network): tensors += Self.tensors(of: network)
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
        let model: Model =
            Self.holdsLSTM(reader)
            ? .lstm(try Self.lstm(&reader)) : .trees(try Self.trees(&reader))
        let failure = try reader.doubles("calibration.failure", [2])
        let reaches = try reader.floats(
            "calibration.interval", [ConformalInterval.binCount, 2])
        let coverage = try reader.doubles("calibration.coverage", [1])[0]
        let alarmThreshold = try reader.floats("calibration.alarm_threshold", [1])[0]
        var golden: [GoldenTrajectory] = []
        while golden.count < Self.goldenCountMax,
            GoldenTrajectory.exists(golden.count, in: reader)
        {
            golden.append(try GoldenTrajectory(index: golden.count, from: &reader))
        }
        try reader.finish()
        let plan: InferencePlan
        do throws(InferenceError) {
            plan = InferencePlan(
                model: model,
                calibration: try FailureCalibration(slope: failure[0], intercept: failure[1]),
                interval: try ConformalInterval(reaches: reaches, coverage: coverage))
        } catch {
            throw .model(error)
        }
        try self.init(
            manifest: manifest, featureParameters: parameters, plan: plan,
            alarmThreshold: alarmThreshold, golden: golden)
        guard encoded() == bytes else { throw .notCanonical }
    }

    private static func featureParameters(
        _ reader: inout TensorReader
    ) throws(ModelBundleError) -> FeatureParameters {
        let centroids = try reader.doubles("features.centroids", [nil, Snapshot.settingCount])
        let rows = centroids.count / Snapshot.settingCount
        let means = try reader.doubles("features.mean", [rows, FeatureSpec.sensorCount])
        let deviations = try reader.doubles("features.deviation", [rows, FeatureSpec.sensorCount])
        let age = try reader.int32s("features.age_max", [1])[0]
        guard let ageMax = CycleCount(age) else {
            throw .tensor(name: "features.age_max", detail: "holds the cycle \(age)")
        }
        do throws(FeatureParametersError) {
            return try FeatureParameters(
                centroids: centroids, means: means, deviations: deviations, ageMax: ageMax)
        } catch {
            throw .parameters(error)
        }
    }

    private static func tensors(of trees: TreeEnsemble) -> [Tensor] {
        var offsets: [Int32] = [0]
        for list in trees.cuts { offsets.append((offsets.last ?? 0) + Int32(list.count)) }
        let cuts = trees.cuts.flatMap { $0 }
        return [
            Tensor(
                "trees.feature_index", .u8, [trees.featureIndices.count],
                words: trees.featureIndices),
            Tensor("trees.cut_offsets", .i32, [offsets.count], words: offsets),
            Tensor("trees.cuts", [cuts.count], cuts),
            Tensor(
                "trees.nodes_feature", .u8, [trees.nodeFeatures.count], words: trees.nodeFeatures),
            Tensor("trees.nodes_bin", .u8, [trees.nodeBins.count], words: trees.nodeBins),
            Tensor("trees.leaves", .i16, [trees.leaves.count], words: trees.leaves),
            Tensor("trees.leaf_scale", [1], [trees.leafScale]),
            Tensor("trees.base", [1], [trees.base]),
        ]
    }

    private static func trees(
        _ reader: inout TensorReader
    ) throws(ModelBundleError) -> TreeEnsemble {
        let featureIndices = try reader.bytes("trees.feature_index", [nil])
        let offsets = try reader.int32s("trees.cut_offsets", [featureIndices.count + 1])
        let allCuts = try reader.floats("trees.cuts", [nil])
        guard offsets.first == 0, offsets.last.map(Int.init) == allCuts.count else {
            throw .tensor(name: "trees.cut_offsets", detail: "does not span the cuts")
        }
        var cuts: [[Float]] = []
        for index in featureIndices.indices {
            guard offsets[index] <= offsets[index + 1], Int(offsets[index + 1]) <= allCuts.count
            else { throw .tensor(name: "trees.cut_offsets", detail: "does not go up") }
            cuts.append(Array(allCuts[Int(offsets[index])..<Int(offsets[index + 1])]))
        }
        let nodeFeatures = try reader.bytes("trees.nodes_feature", [nil])
        let nodeBins = try reader.bytes("trees.nodes_bin", [nil])
        let leaves = try reader.int16s("trees.leaves", [nil])
        let leafScale = try reader.floats("trees.leaf_scale", [1])[0]
        let base = try reader.floats("trees.base", [1])[0]
        do throws(InferenceError) {
            return try TreeEnsemble(
                featureIndices: featureIndices, cuts: cuts, nodeFeatures: nodeFeatures,
                nodeBins: nodeBins, leaves: leaves, leafScale: leafScale, base: base)
        } catch {
            throw .model(error)
        }
    }
}
