import Features
import Glibc
import Inference
import Prognostics
import TestSupport
import Testing

@Suite("Allocations of the hot path")
struct AllocationTests {
    @Test("10,000 snapshots are taken in and 10,000 predictions made without one heap object")
    func none() async {
        await #expect(processExitsWith: .success) {
            let plan = try InferencePlanTests.plan(
                TreeParts.random(treeCount: 185, depth: 8, seed: 2))
            let input = ModelInput(
                engineered: .init(repeating: 0.5, count: FeatureSpec.engineeredCount), window: [],
                flags: [])
            let trees = plan.members[0]
            let ensemble = try InferencePlan(
                members: [
                    PlanMember(weight: 0.6, model: trees.model, calibration: trees.calibration),
                    PlanMember(
                        weight: 0.2, model: .gru(try QuantizedRecurrentTests.gru(seed: 4)),
                        calibration: trees.calibration),
                    PlanMember(
                        weight: 0.2, model: .lstm(try QuantizedRecurrentTests.lstm(seed: 4)),
                        calibration: trees.calibration),
                ], interval: plan.interval, lateStarterInterval: plan.interval)
            let both = ModelInput(
                engineered: .init(repeating: 0.5, count: FeatureSpec.engineeredCount),
                window: .init(repeating: 0.5, count: 870), flags: [.lateStarter])
            let trend = InferencePlan(
                model: .trend(try TrendModelTests.model()),
                calibration: plan.members[0].calibration, interval: plan.interval)
            let history = ModelInput(
                engineered: [], window: [],
                history: try MadeUpHistory.history(1...200) { 1 - $0 / 250 }, flags: [])
            let parameters = try FeatureParameters(
                centroids: [0, 0, 1], means: .init(repeating: 0, count: 14),
                deviations: .init(repeating: 1, count: 14),
                healthWeights: .init(repeating: 0.02, count: 15),
                ageMax: try #require(CycleCount(300)))
            var state = FeatureState()
            var output = [Float](repeating: 0, count: FeatureSpec.engineeredCount + 870)
            guard ObjectCounter.install() else { exit(2) }
            var made = 0
            for number in Int32(1)...10_000 {
                guard let cycle = CycleCount(number) else { exit(3) }
                let snapshot = Snapshot(cycle: cycle, columns: .init(repeating: Float(number)))
                let before = ObjectCounter.count
                state.append(snapshot, using: parameters)
                state.engineered(into: &output, using: parameters)
                state.window(into: &output, at: FeatureSpec.engineeredCount)
                output[0] = plan.run(input).rul
                if number.isMultiple(of: 100) { output[0] += ensemble.run(both).rul }
                if number.isMultiple(of: 10) { output[0] += trend.run(history).rul }
                made += ObjectCounter.count - before
            }
            guard made == 0 else { exit(4) }
            // A checkpoint is a new array: the counter does count.
            let size = state.encoded().count
            exit(ObjectCounter.count > 0 && size == FeatureState.encodedSize ? 0 : 5)
        }
    }
}
