package import EdgeCore
import EdgeProtocol
import Features
import Inference
package import Prognostics

/// A model made up from a seed, as bytes that travel and as what their decoding gives.
///
/// The bytes are a stand-in: nothing decodes them, but every block and the whole have a digest.
package struct SampleBundle: Sendable {
    package let model: ActiveModel
    package let bytes: [UInt8]
    package var digest: Digest { model.digest }

    /// The blocks that the bytes are cut into.
    package var blocks: [[UInt8]] { BundleBlocks.split(bytes, blockSize: Self.blockSize) }

    package static let blockSize = ProtocolLimits.blockSizeMin
    /// Made once: what a model says is no matter of the seed.
    package static let all = (0..<5).map { SampleBundle(number: $0) }

    private init(number: Int) {
        var random = SplitMix64(seed: UInt64(number) &+ 77)
        let size = Self.blockSize * (number % 3) + 100 + 8 * number
        bytes = (0..<size).map { _ in UInt8(truncatingIfNeeded: random.next()) }
        let name = ["a", "b", "c", "d", "e"][number]
        guard
            let model = try? SampleModels.trees(
                digest: StandInHash.digest(of: bytes), runID: "run-\(name)",
                parametersDigest: StandInHash.digest(of: Array("parameters \(name)".utf8)),
                random: &random)
        else { preconditionFailure("model \(number) is none") }
        self.model = model
    }
}

/// Models that are nobody's, but whose every prediction depends on 60 features.
package enum SampleModels {
    /// Trees with 16 cuts of each of 60 features, other ones for every state of `random`.
    package static func trees(
        digest: Digest, runID: String, parametersDigest: Digest, random: inout SplitMix64
    ) throws -> ActiveModel {
        guard let ageMax = CycleCount(300) else { preconditionFailure("a cycle") }
        let parameters = try FeatureParameters(
            centroids: [0, 0, 0],
            means: (0..<14).map { _ in Double(random.below(1_000)) / 1_000 },
            deviations: (0..<14).map { _ in 0.5 + Double(random.below(1_000)) / 1_000 },
            healthWeights: (0..<15).map { Double($0 % 3 - 1) / 16 }, ageMax: ageMax)
        let cuts = (0..<16).map { Float($0) / 4 - 2 }
        var bins: [UInt8] = []
        var leaves: [Int16] = []
        for _ in 0..<60 {
            for bin in UInt8(0)..<16 {
                bins.append(bin)
                leaves += [Int16(random.below(200)), Int16(random.below(200)) - 100]
            }
        }
        let trees = try TreeEnsemble(
            featureIndices: (0..<60).map { UInt8(2 * $0) },
            cuts: [[Float]](repeating: cuts, count: 60),
            nodeFeatures: (0..<960).flatMap { [UInt8($0 / 16), 255, 255] }, nodeBins: bins,
            leaves: leaves, leafScale: 0.001, base: 20)
        let plan = InferencePlan(
            model: .trees(trees),
            calibration: try FailureCalibration(slope: -0.2, intercept: 6),
            interval: try ConformalInterval(
                reaches: [12, 18, 12, 18, 12, 18, 12, 18, 12, 18, 12, 18], coverage: 0.9))
        return ActiveModel(
            digest: digest, runID: runID, plan: plan, parameters: parameters,
            parametersDigest: parametersDigest)
    }
}
