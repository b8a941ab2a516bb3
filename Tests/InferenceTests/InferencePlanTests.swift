import Features
import Glibc
import Inference
import Prognostics
import Testing

@Suite("Inference plan")
struct InferencePlanTests {
    static func plan(_ parts: TreeParts) throws -> InferencePlan {
        InferencePlan(
            model: .trees(try parts.ensemble()),
            calibration: try FailureCalibration(slope: -0.3, intercept: 9),
            interval: try ConformalInterval(
                reaches: [4, 2, 6, 8, 10, 12, 20, 20, 26, 24, 10, 24], coverage: 0.9))
    }

    @Test(
        "A prediction is clamped to 0...125 inside its interval, which is linear between knots",
        arguments: [
            (-1e6, 0, 0, 2), (-3, 0, 0, 2), (5, 5, 0.5, 8.5), (10, 10, 5, 15), (20, 20, 14, 28),
            (30, 30, 22, 40), (40, 40, 30, 52), (55, 55, 40, 71), (70, 70, 50, 90),
            (100, 100, 74, 124), (112.5, 112.5, 94.5, 125), (125, 125, 115, 125),
            (1e6, 125, 115, 125),
        ] as [(Float, Float, Float, Float)])
    func clamped(base: Float, rul: Float, low: Float, high: Float) throws {
        var parts = TreeParts()
        parts.base = base
        parts.leaves = [0, 0, 0, 0]
        let input = ModelInput(
            engineered: .init(repeating: 0, count: FeatureSpec.engineeredCount), window: [],
            flags: [.gap])
        let prediction = try Self.plan(parts).run(input)
        #expect(prediction.rul == rul)
        #expect(prediction.rulLow == low)
        #expect(prediction.rulHigh == high)
        #expect(prediction.flags == [.gap])
    }

    /// Members that say a constant RUL each.
    static func members(_ answers: [(weight: Double, rul: Float)]) throws -> [PlanMember] {
        try answers.map { answer in
            var parts = TreeParts()
            parts.base = answer.rul
            parts.leaves = [0, 0, 0, 0]
            return try PlanMember(
                weight: answer.weight, model: .trees(try parts.ensemble()),
                calibration: try FailureCalibration(slope: -0.3, intercept: 9))
        }
    }

    @Test("An ensemble's RUL and probability are the weighted means of its clamped members'")
    func ensemble() throws {
        let plan = try InferencePlan(
            members: try Self.members([(0.5, 1e6), (0.3, 30), (0.2, -50)]),
            interval: ConformalInterval(
                reaches: [5, 7, 5, 7, 5, 7, 20, 15, 20, 15, 20, 15], coverage: 0.9),
            lateStarterInterval: ConformalInterval(
                reaches: [6, 7, 6, 7, 6, 7, 25, 30, 25, 30, 25, 30], coverage: 0.9))
        for flags in [[], PredictionFlags.lateStarter] {
            let prediction = plan.run(
                ModelInput(
                    engineered: .init(repeating: 0, count: FeatureSpec.engineeredCount), window: [],
                    flags: flags))
            #expect(prediction.rul == Float(0.5 * 125 + 0.3 * 30))
            #expect(prediction.rulLow == prediction.rul - (flags.isEmpty ? 20 : 25))
            #expect(prediction.rulHigh == prediction.rul + (flags.isEmpty ? 15 : 30))
            let expected = [(0.5, 125.0), (0.3, 30), (0.2, 0)].reduce(0) { sum, member in
                sum + member.0 / (1 + Glibc.exp(0.3 * member.1 - 9))
            }
            #expect(abs(Double(prediction.failureProbability) - expected) < 1e-6)
        }
    }

    @Test("What an ensemble reads is the union of what its members read")
    func union() throws {
        let trees = try Self.members([(0.5, 1)])
        let interval = ConformalInterval.none
        let network = try PlanMember(
            weight: 0.5, model: .lstm(try QuantizedRecurrentTests.lstm(seed: 4)),
            calibration: trees[0].calibration)
        let plan = try InferencePlan(
            members: trees + [network], interval: interval, lateStarterInterval: interval)
        #expect(plan.requiredInputs == [.engineered, .window])
    }

    @Test(
        "Weights are above 0 and add up to 1 but for rounding, in 1 to 8 members",
        arguments: [
            ([1], true), ([0.6, 0.4], true), ([0.1, 0.2, 0.7], true),
            ([Double](repeating: 0.125, count: 8), true), ([0.5, 0.5 + 9e-10], true),
            ([], false), ([Double](repeating: 1.0 / 9, count: 9), false), ([0.5, 0.4], false),
            ([0.5, 0.5 + 2e-9], false), ([1.5, -0.5], false), ([1, 0], false), ([.nan], false),
            ([.infinity], false),
        ] as [([Double], Bool)])
    func weights(weights: [Double], fits: Bool) throws {
        func plan() throws -> InferencePlan {
            try InferencePlan(
                members: try Self.members(weights.map { ($0, 125) }), interval: .none,
                lateStarterInterval: .none)
        }
        guard fits else {
            #expect(throws: InferenceError.self) { try plan() }
            return
        }
        // A sum a rounding above 1 leaves no range.
        let input = ModelInput(
            engineered: .init(repeating: 0, count: FeatureSpec.engineeredCount), window: [],
            flags: [])
        #expect(try plan().run(input).rul == 125)
    }

    @Test("An interval of late starters that is narrower anywhere is refused", arguments: 0..<12)
    func narrower(place: Int) throws {
        let reaches: [Float] = [5, 7.5, 5, 7.5, 20, 15, 20, 15, 25, 10, 25, 10]
        var narrower = reaches
        narrower[place] -= 0.25
        let interval = try ConformalInterval(reaches: reaches, coverage: 0.9)
        let late = try ConformalInterval(reaches: narrower, coverage: 0.9)
        #expect(throws: InferenceError.self) {
            try InferencePlan(
                members: try Self.members([(1, 5)]), interval: interval, lateStarterInterval: late)
        }
    }

    @Test("No end of an interval steps, and none is on the wrong side of the prediction")
    func continuous() throws {
        var bits: UInt32 = 7
        for _ in 0..<20 {
            let interval = try ConformalInterval(
                reaches: (0..<12).map { _ in
                    bits = bits &* 1_664_525 &+ 1_013_904_223
                    return bits >> 30 == 0 ? 0 : Float(bits >> 8) / Float(1 << 24) * 125
                }, coverage: 0.9)
            let around = ConformalInterval.knots.flatMap { [$0.nextDown, $0, $0.nextUp] }
            let ruls: [Float] = (around + (0...1_250).map { Float($0) / 10 }).sorted()
            let reaches = ruls.map(interval.reach)
            for index in ruls.indices.dropFirst() {
                // The steepest piece passes 125 cycles within 20.
                let step = 6.25 * (ruls[index] - ruls[index - 1]) + 1e-3
                let (left, right) = (reaches[index - 1], reaches[index])
                #expect(abs(right.below - left.below) < step)
                #expect(abs(right.above - left.above) < step)
            }
            #expect(reaches.allSatisfy { $0.below >= 0 && $0.above >= 0 })
        }
    }

    @Test("The failure probability falls with the RUL and is a half where it should be")
    func probability() throws {
        let calibration = try FailureCalibration(slope: -0.3, intercept: 9)
        #expect(calibration.probability(margin: 30) == 0.5)
        var previous: Float = 1
        for cycles in 0...125 {
            let probability = calibration.probability(margin: Float(cycles))
            #expect(probability < previous && probability > 0)
            previous = probability
        }
    }

    @Test(
        "The exponential is within 4e-16 of glibc's, relatively",
        arguments: [(-700.0, 700.0), (-1.0, 1.0), (-1e-8, 1e-8)])
    func exponential(range: (Double, Double)) {
        var worst = 0.0
        for step in 0...200_000 {
            let x = range.0 + (range.1 - range.0) * Double(step) / 200_000
            let expected = Glibc.exp(x)
            worst = max(worst, abs(PortableMath.exp(x) - expected) / expected)
        }
        #expect(worst < 4e-16, "\(worst)")
    }

    @Test("The exponential saturates instead of overflowing, and its sigmoid stays in 0...1")
    func saturated() {
        #expect(PortableMath.exp(0) == 1)
        #expect(PortableMath.exp(1e300) == PortableMath.exp(700))
        #expect(PortableMath.exp(.infinity).isFinite)
        #expect(PortableMath.exp(-.infinity) == PortableMath.exp(-700))
        #expect(PortableMath.exp(.nan) == PortableMath.exp(-700))
        for x in [-Double.infinity, -1e9, -40, 0, 40, 1e9, .infinity] {
            #expect((0...1).contains(PortableMath.sigmoid(x)))
        }
    }

    @Test("Calibrations and intervals that could not come from training are refused")
    func refused() {
        for (slope, intercept) in [
            (0, 1), (0.1, 1), (.nan, 1), (-.infinity, 1), (-1, .nan), (-1, .infinity), (-1, 2e6),
        ] as [(Double, Double)] {
            #expect(throws: InferenceError.self) {
                try FailureCalibration(slope: slope, intercept: intercept)
            }
        }
        for value in [-0.5, 125.5, .nan, .infinity] as [Float] {
            for place in 0..<12 {
                var reaches: [Float] = [0, 125, 0, 125, 0, 125, 0, 125, 0, 125, 0, 125]
                reaches[place] = value
                #expect(throws: InferenceError.self) {
                    try ConformalInterval(reaches: reaches, coverage: 0.9)
                }
            }
        }
        for coverage in [1, -0.1, .nan] {
            #expect(throws: InferenceError.self) {
                try ConformalInterval(
                    reaches: [Float](repeating: 1, count: 12), coverage: coverage)
            }
        }
    }
}
