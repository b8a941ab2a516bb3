import Datasets
import Foundation
import TestSupport
import Testing
import Training

/// Our back-propagation against independent judges: float64 differences, PyTorch, a reference net.
@Suite("Recurrent nets, forward and back")
struct RecurrentGradientTests {
    static let kinds: [RecurrentKind] = [.lstm, .gru]

    @Test(
        "Loss and gradient are those of finite differences in float64",
        .enabled(if: OraclePython.isPresent, "\(OraclePython.skipMessage)"), arguments: kinds)
    func finiteDifferences(kind: RecurrentKind) throws {
        let problem = RecurrentProblem(RecurrentProblem.small(kind), seed: 3)
        let expected = try RecurrentOracle.gradient(problem)
        let computed = RecurrentGradient(
            problem.labelled, parameters: problem.parameters, threadCount: 2
        ).compute(problem.initial, rows: Array(problem.ruls.indices), dropoutSeed: nil)
        #expect(abs(computed.loss - expected.loss) < 1e-6)
        let greatest = expected.values.map(\.magnitude).max() ?? 0
        try #require(computed.gradient.count == expected.values.count)
        // Float's rounding through 10 layers in time; an error in a formula is 1,000 times it.
        for (ours, theirs) in zip(computed.gradient, expected.values) {
            #expect(abs(Double(ours) - theirs) < 3e-6 * max(greatest, 1))
        }
        let outputs = problem.initial.predict(problem.labelled).flatMap { [$0.life, $0.logit] }
        for (ours, theirs) in zip(outputs, expected.outputs) {
            #expect(abs(Double(ours) - theirs) < 1e-6)
        }
    }

    @Test(
        "With dropout, the loss changes along the gradient as the gradient says", arguments: kinds)
    func dropout(kind: RecurrentKind) {
        let problem = RecurrentProblem(RecurrentProblem.small(kind), rowCount: 32, seed: 5)
        var parameters = problem.parameters
        parameters.dropout = 0.4
        let gradient = RecurrentGradient(
            problem.labelled, parameters: parameters, threadCount: 1)
        func compute(_ weights: RecurrentWeights) -> (loss: Double, gradient: [Float]) {
            gradient.compute(weights, rows: Array(problem.ruls.indices), dropoutSeed: 9)
        }
        let slope = compute(problem.initial).gradient
        let norm = slope.reduce(0) { $0 + Double($1) * Double($1) }.squareRoot()
        func loss(at distance: Double) -> Double {
            var weights = problem.initial
            for index in slope.indices {
                weights.values[index] += Float(distance * Double(slope[index]) / norm)
            }
            return compute(weights).loss
        }
        let measured = (loss(at: 0.01) - loss(at: -0.01)) / 0.02
        #expect(abs(measured - norm) < 0.01 * norm, "\(measured) for \(norm)")
        #expect(
            compute(problem.initial).loss
                != gradient.compute(
                    problem.initial, rows: Array(problem.ruls.indices), dropoutSeed: 10
                ).loss, "another seed drops others")
    }

    @Test(
        "Training steps are PyTorch's to 1e-5",
        .enabled(if: PyTorch.path != nil, "\(PyTorch.skipMessage)"),
        arguments: kinds.flatMap {
            [
                (RecurrentProblem.small($0), 1), (RecurrentProblem.small($0), 5),
                (RecurrentShape.shipped($0), 5),
            ]
        })
    func stepsOfPyTorch(shape: RecurrentShape, stepCount: Int) throws {
        // Adam's first step moves each weight by the whole rate, however small its gradient: where
        // that is near 1e-8, rounding shows. So the nets that ship warm up over five steps.
        let problem = RecurrentProblem(
            shape, steps: 30, rowCount: 64, stepCount: stepCount, seed: 7)
        let expected = try PyTorch.step(problem)
        var loss = 0.0
        let trained = try RecurrentTrainer.fit(
            problem.initial, on: problem.labelled, parameters: problem.parameters, seed: 1
        ) { step in
            loss = step.loss
            return .goOn
        }
        #expect(abs(loss - expected.loss) < 1e-6)
        try #require(trained.values.count == expected.values.count)
        for (ours, theirs) in zip(trained.values, expected.values) {
            #expect(abs(Double(ours) - theirs) < 1e-5)
        }
    }

    /// The reference's files, which are not part of this package.
    static let referenceFolder: String? = {
        let asked = ProcessInfo.processInfo.environment["NACELLE_REFERENCE"] ?? ""
        let besides = URL(fileURLWithPath: PackageRoot.path).deletingLastPathComponent()
            .appendingPathComponent("shared/reference/fixtures").path
        let folder = asked.isEmpty ? besides : asked
        let isThere = FileManager.default.fileExists(atPath: "\(folder)/fd001_lstm.npz")
        return isThere && OraclePython.isPresent ? folder : nil
    }()

    @Test(
        "The reference's network says about FD001's test units what PyTorch said",
        .enabled(
            if: referenceFolder != nil,
            "fd001_lstm.npz is not here (NACELLE_REFERENCE), or there is no Python."))
    func referenceNetwork() throws {
        let folder = try #require(Self.referenceFolder)
        let fixture = try RecurrentOracle.fixture(folder: folder)
        let shape = RecurrentShape.shipped(.lstm)
        let values = shape.tensors.flatMap { fixture.weights[$0.rawValue] ?? [] }
        let weights = RecurrentWeights(shape: shape, values: values)
        #expect(weights.values.count == 39_074)
        let windows = LabelledWindows(
            windows: fixture.windows, ruls: fixture.ruls, stepCount: 30, channelCount: 29)
        for (index, output) in weights.predict(windows).enumerated() {
            let rul = min(max(output.life * 125, 0), 125)
            #expect(abs(Double(rul) - fixture.predictions[index]) < 1e-4)
            let probability = 1 / (1 + exp(-Double(output.logit)))
            #expect(abs(probability - fixture.probabilities[index]) < 1e-5)
        }
    }
}
