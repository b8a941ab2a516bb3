import Datasets
import Foundation
import TestSupport
import Training

/// A small network with windows to learn, made up from a seed; also what the oracle reads.
struct RecurrentProblem: Encodable {
    let kind: String
    let steps: Int
    let channels: Int
    let first: Int
    let second: Int
    let weights: [String: [Float]]
    let windows: [Float]
    let ruls: [Int32]
    let failureWeight = 0.05
    let weightDecay = 1e-4
    let gradientNorm = 1.0
    let rates: [Double]

    init(
        _ shape: RecurrentShape, steps: Int = 5, rowCount: Int = 6, stepCount: Int = 1,
        seed: UInt32
    ) {
        let (channels, kind) = (shape.inputCount, shape.kind)
        self.channels = channels
        first = shape.firstCount
        second = shape.secondCount
        self.kind = kind.rawValue
        self.steps = steps
        var generator = SplitMix64(seed: UInt64(seed) + 100)
        windows = (0..<rowCount * steps * channels).map { _ in
            Float(generator.uniform(in: -2...2))
        }
        ruls = (0..<rowCount).map { _ in Int32(generator.uniform(in: 0...160)) }
        let weights = RecurrentWeights(shape: shape, seed: seed)
        self.weights = Dictionary(
            uniqueKeysWithValues: shape.tensors.map { ($0.rawValue, weights[$0]) })
        initial = weights
        parameters = RecurrentParameters(
            shape: shape, stepCount: stepCount, batchSize: rowCount, warmUpStepCount: stepCount,
            dropout: 0)
        rates = (1...stepCount).map { 3e-3 * Double($0) / Double(stepCount) }
    }

    /// Three channels, 16 and 8 hidden units.
    static func small(_ kind: RecurrentKind) -> RecurrentShape {
        RecurrentShape(kind: kind, inputCount: 3, firstCount: 16, secondCount: 8)
    }

    /// What the weights of the oracle are, as ours.
    let initial: RecurrentWeights
    /// Every step warms up, as ``rates`` has it, and nothing is dropped.
    let parameters: RecurrentParameters

    private enum CodingKeys: String, CodingKey {
        case kind, steps, channels, first, second, weights, windows, ruls, rates
        case failureWeight = "failure_weight"
        case weightDecay = "weight_decay"
        case gradientNorm = "gradient_norm"
    }

    var labelled: LabelledWindows {
        LabelledWindows(
            windows: windows, ruls: ruls, stepCount: steps, channelCount: channels)
    }
}

/// `Oracles/recurrent_oracle.py`.
enum RecurrentOracle {
    static let script = "Tests/TrainingTests/Oracles/recurrent_oracle.py"

    struct Answer: Decodable {
        let loss: Double
        let outputs: [Double]
        /// The gradient, or the weights after the steps, in the order of our weights.
        let values: [Double]
    }

    /// What the reference made of FD001: its network, and what it says about the test units.
    struct Fixture: Decodable {
        let weights: [String: [Float]]
        let windows: [Float]
        let ruls: [Int32]
        let predictions: [Double]
        let probabilities: [Double]
    }

    static func gradient(_ problem: RecurrentProblem) throws -> Answer {
        let input = Array(try JSONEncoder().encode(problem))
        let output = try OraclePython.run(file: script, ["gradient"], input: input)
        return try JSONDecoder().decode(Answer.self, from: Data(output.utf8))
    }

    static func fixture(folder: String) throws -> Fixture {
        let output = try OraclePython.run(file: script, ["fixture", folder])
        return try JSONDecoder().decode(Fixture.self, from: Data(output.utf8))
    }
}

/// A Python with PyTorch, too heavy to install for everybody's tests.
enum PyTorch {
    /// The interpreter that `NACELLE_TORCH_PYTHON` names, if it can import torch.
    static let path: String? = {
        let asked = ProcessInfo.processInfo.environment["NACELLE_TORCH_PYTHON"] ?? ""
        guard !asked.isEmpty,
            let finished = try? Subprocess.run(asked, ["-c", "import torch"], seconds: 120),
            finished.status == 0
        else { return nil }
        return asked
    }()

    static let skipMessage =
        "There is no PyTorch. Install torch in a virtual environment and set "
        + "NACELLE_TORCH_PYTHON to its python3."

    static func step(_ problem: RecurrentProblem) throws -> RecurrentOracle.Answer {
        guard let path else { throw TestSupportError(skipMessage) }
        let finished = try Subprocess.run(
            path, [PackageRoot.file(RecurrentOracle.script), "step"],
            input: Array(try JSONEncoder().encode(problem)), seconds: 120)
        guard finished.status == 0 else { throw TestSupportError(finished.errors) }
        return try JSONDecoder().decode(
            RecurrentOracle.Answer.self, from: Data(finished.standardOutput))
    }
}
