import Datasets
import Features
import Testing
import Training

@Suite("Training without some inputs")
struct InputMaskTests {
    @Test("A mask names a unit's own past and its age among channels and features")
    func names() throws {
        #expect(InputMask.ownMean.channels == Array(14..<28))
        #expect(InputMask.age.channels == [28])
        #expect(InputMask.age.features == [FeatureSpec.cycleIndex])
        let own = InputMask.ownMean.features.map { FeatureSpec.engineeredNames[$0] }
        #expect(own.count == 14 + 14 + 5)
        #expect(own.contains("s2_delta") && own.contains("s21_life_slope"))
        #expect(own.contains("index_baseline") && !own.contains("index_mean30"))
        #expect(InputMask("age,own-mean") == [.ownMean, .age])
        #expect(InputMask("age,own-mean")?.text == "own-mean,age")
        #expect(InputMask("smoothing") == nil && InputMask("") == nil)
    }

    @Test("Only a mask changes what a run is named after")
    func canonicalText() {
        var parameters = XGBoostParameters.shipped
        #expect(!parameters.canonicalText.contains("without"))
        parameters.without = [.ownMean, .age]
        #expect(parameters.canonicalText.hasSuffix(" without=own-mean,age"))
    }

    @Test("Trees keep no masked feature, not even the age that they always keep otherwise")
    func trees() throws {
        var parameters = TreeQuantizationTests.quick
        parameters.without = [.ownMean, .age]
        let trained = try XGBoostTrainer.train(
            MadeUpFleet.trajectories(count: 12, seed: 1), parameters: parameters, seed: 1)
        #expect(trained.keptFeatures.count == parameters.keptFeatureCount)
        #expect(Set(trained.keptFeatures).isDisjoint(with: parameters.without.features))
        parameters.without = []
        let whole = try XGBoostTrainer.train(
            MadeUpFleet.trajectories(count: 12, seed: 1), parameters: parameters, seed: 1)
        #expect(whole.keptFeatures.contains(FeatureSpec.cycleIndex))
    }

    @Test("A network's output does not change with a masked channel, and does with others")
    func network() throws {
        let fleet = MadeUpFleet.trajectories(count: 3, seed: 2)
        var parameters = RecurrentTrainerTests.small(.lstm, stepCount: 8)
        parameters.without = .age
        let trained = try RecurrentTrainer.train(fleet, parameters: parameters, seed: 1)
        let windows = try LabelledWindows(fleet, using: trained.featureParameters)
        let window = windows.window(50)
        func life(adding amount: Float, to channel: Int) -> Float {
            var changed = window
            for step in 0..<windows.stepCount {
                changed[step * windows.channelCount + channel] += amount
            }
            let single = LabelledWindows(
                windows: changed, ruls: [50], stepCount: windows.stepCount,
                channelCount: windows.channelCount)
            return trained.weights.predict(single)[0].life
        }
        #expect(life(adding: 1, to: 28) == life(adding: 0, to: 28))
        #expect(life(adding: 1, to: 0) != life(adding: 0, to: 0))
    }
}
