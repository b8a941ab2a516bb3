import Datasets
import Features
import Testing
import Training

/// Small trainings on made-up engines.
@Suite("Training recurrent nets")
struct RecurrentTrainerTests {
    static func small(_ kind: RecurrentKind, stepCount: Int = 30) -> RecurrentParameters {
        RecurrentParameters(
            shape: RecurrentShape(
                kind: kind, inputCount: FeatureSpec.channelCount, firstCount: 16, secondCount: 8),
            stepCount: stepCount, batchSize: 64, rateMax: 1e-2, warmUpStepCount: 3)
    }

    @Test("The nets that ship have the weights of the recipe")
    func weightCounts() {
        #expect(RecurrentShape.shipped(.lstm).weightCount == 39_074)
        #expect(RecurrentShape.shipped(.gru).weightCount == 28_770)
    }

    @Test(
        "The same seed gives the same weights on one thread and on two, another seed others",
        arguments: [RecurrentKind.lstm, .gru])
    func deterministic(kind: RecurrentKind) throws {
        let fleet = MadeUpFleet.trajectories(count: 6, seed: 1)
        func train(seed: UInt32, threadCount: Int) throws -> [UInt32] {
            try RecurrentTrainer.train(
                fleet, parameters: Self.small(kind, stepCount: 8), seed: seed,
                threadCount: threadCount
            ).weights.values.map(\.bitPattern)
        }
        let first = try train(seed: 1, threadCount: 2)
        #expect(try train(seed: 1, threadCount: 2) == first)
        #expect(try train(seed: 1, threadCount: 1) == first)
        #expect(try train(seed: 2, threadCount: 2) != first)
    }

    @Test("A few windows are learnt by heart", arguments: [RecurrentKind.lstm, .gru])
    func overfits(kind: RecurrentKind) throws {
        let fleet = MadeUpFleet.trajectories(count: 2, seed: 2)
        var parameters = Self.small(kind, stepCount: 300)
        parameters.dropout = 0
        let trained = try RecurrentTrainer.train(fleet, parameters: parameters, seed: 1)
        let windows = try LabelledWindows(fleet, using: trained.featureParameters)
        for (output, rul) in zip(trained.weights.predict(windows), windows.ruls) {
            #expect(abs(output.life * 125 - RULLabel.capped(rul)) < 6)
            #expect((output.logit > 0) == RULLabel.isNearFailure(rul) || (25...36).contains(rul))
        }
    }

    @Test("Each step is reported, with a rate that rises and then falls to almost nothing")
    func progress() throws {
        let fleet = MadeUpFleet.trajectories(count: 3, seed: 3)
        var steps: [RecurrentProgress] = []
        _ = try RecurrentTrainer.train(fleet, parameters: Self.small(.gru), seed: 1) { step in
            steps.append(step)
            return .goOn
        }
        #expect(steps.map(\.step) == Array(1...30))
        #expect(steps.allSatisfy { $0.stepCount == 30 && $0.loss.isFinite })
        #expect(steps[2].rate == 1e-2)
        #expect(abs(steps[3].rate - 1e-2) < 1e-12, "the cosine begins at its top")
        #expect(zip(steps.dropFirst(3), steps.dropFirst(4)).allSatisfy { $0.rate > $1.rate })
        #expect(steps[29].rate > 0 && steps[29].rate < 1e-4)
    }

    @Test("A training that runs away says in which step")
    func divergence() throws {
        let windows = LabelledWindows(
            windows: [Float](repeating: .nan, count: 4 * 3 * 29), ruls: [1, 2, 3, 4],
            stepCount: 3, channelCount: 29)
        let parameters = Self.small(.lstm)
        let weights = RecurrentWeights(shape: parameters.shape, seed: 1)
        let error = #expect(throws: TrainingError.self) {
            try RecurrentTrainer.fit(weights, on: windows, parameters: parameters, seed: 1)
        }
        #expect("\(try #require(error))".hasPrefix("Training diverged in step 1: the loss is nan"))
    }

    @Test("The caller can cancel")
    func cancel() {
        let fleet = MadeUpFleet.trajectories(count: 3, seed: 3)
        #expect(throws: TrainingError.cancelled(afterRound: 4)) {
            try RecurrentTrainer.train(fleet, parameters: Self.small(.gru), seed: 1) {
                $0.step == 4 ? .cancel : .goOn
            }
        }
    }

    @Test("No units, and units that did not fail, are refused")
    func refusals() throws {
        #expect(throws: TrainingError.noTrainingRows) {
            try RecurrentTrainer.train([], parameters: Self.small(.lstm), seed: 1)
        }
        let whole = try #require(MadeUpFleet.trajectories(count: 1, seed: 1).first)
        let cut = Trajectory(
            unit: whole.unit, snapshots: Array(whole.snapshots.dropLast()), endsInFailure: false)
        #expect(throws: TrainingError.censored(unit: "1")) {
            try RecurrentTrainer.train([cut], parameters: Self.small(.lstm), seed: 1)
        }
        // Lives that end before the 15th cycle have no window.
        let short = Trajectory(
            unit: whole.unit, snapshots: Array(whole.snapshots.prefix(14)), endsInFailure: true)
        #expect(throws: TrainingError.noTrainingRows) {
            try RecurrentTrainer.train([short], parameters: Self.small(.lstm), seed: 1)
        }
    }

    @Test("Windows are those that a device sees, from the 15th snapshot on")
    func windows() throws {
        let fleet = MadeUpFleet.trajectories(count: 2, seed: 4)
        let parameters = try FeatureFitting.fit(fleet)
        let windows = try LabelledWindows(fleet, using: parameters)
        #expect(windows.count == fleet.reduce(0) { $0 + $1.snapshots.count - 14 })
        var index = 0
        var expected = [Float](
            repeating: 0, count: FeatureSpec.windowLength * FeatureSpec.channelCount)
        for trajectory in fleet {
            var state = FeatureState()
            for (snapshot, rul) in zip(trajectory.snapshots, RULLabel.labels(trajectory)) {
                state.append(snapshot, using: parameters)
                guard state.count >= 15 else { continue }
                state.window(into: &expected)
                #expect(windows.window(index) == expected)
                #expect(windows.ruls[index] == rul)
                index += 1
            }
        }
    }

    @Test("A configuration's text changes with everything that changes the model")
    func canonicalText() {
        var texts: Set<String> = [RecurrentParameters.shipped(.gru).canonicalText]
        let changes: [(inout RecurrentParameters) -> Void] = [
            { _ in }, { $0.stepCount = 601 }, { $0.batchSize = 128 }, { $0.rateMax = 1e-3 },
            { $0.warmUpStepCount = 61 }, { $0.weightDecay = 0 }, { $0.gradientNormMax = 2 },
            { $0.dropout = 0.2 }, { $0.failureWeight = 0 },
        ]
        for change in changes {
            var parameters = RecurrentParameters.shipped(.lstm)
            change(&parameters)
            texts.insert(parameters.canonicalText)
        }
        #expect(texts.count == 10)
    }
}
