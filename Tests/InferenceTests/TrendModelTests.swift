import Features
import Inference
import Prognostics
import Testing

/// Histories whose index is what a test says.
enum MadeUpHistory {
    /// Sensor 2 is the health index; the others count for nothing.
    static func parameters() throws -> FeatureParameters {
        try FeatureParameters(
            centroids: [0, 0, 0], means: .init(repeating: 0, count: 14),
            deviations: .init(repeating: 1, count: 14),
            healthWeights: [1] + .init(repeating: 0, count: 14),
            ageMax: try #require(CycleCount(400)))
    }

    /// The history of a unit seen at `cycles`.
    static func history(
        _ cycles: some Sequence<Int32>, index: (Double) -> Double
    ) throws -> LifeHistory {
        let parameters = try parameters()
        var state = FeatureState()
        for number in cycles {
            let columns = InlineArray<24, Float>(repeating: Float(index(Double(number))))
            state.append(
                Snapshot(cycle: try #require(CycleCount(number)), columns: columns),
                using: parameters)
        }
        let input = ModelInput(from: state, parameters: parameters, required: .history)
        return try #require(input.history)
    }
}

@Suite("Trend model")
struct TrendModelTests {
    /// A prior that hardly says anything.
    static func vaguePrior(noise: Double = 0.01) throws -> TrendPrior {
        try TrendPrior(
            noise: noise, slopeAtZero: 0, slopePerLevel: 0, slopeDeviation: 100, changeScale: 1)
    }

    static func model(seed: Int = 0) throws -> TrendModel {
        try TrendModel(
            prior: TrendPrior(
                noise: 0.05, slopeAtZero: -1.7, slopePerLevel: 1.8, slopeDeviation: 0.3,
                changeScale: 0.2),
            failureLevel: 0, failureDeviation: 0.15,
            readout: (0..<30).map { $0 == 6 ? 100 : Double(($0 * 7 + seed) % 5 - 2) },
            fleetDeviation: 12)
    }

    @Test("A straight line is its own trend, whatever the life's length", arguments: [2, 40, 500])
    func line(count: Int32) throws {
        let history = try MadeUpHistory.history(1...count) { 1 - 0.002 * $0 }
        let fit = TrendFit(history, prior: try Self.vaguePrior())
        #expect(abs(fit.curve.level - (1 - 0.002 * Double(count))) < 1e-3)
        #expect(abs(fit.curve.slope + 0.2) < 0.01)
        #expect(abs(fit.curve.value(lag: 0.01) - (1 - 0.002 * Double(count - 1))) < 1e-3)
    }

    @Test("A bend at a changepoint is found, with the slopes on both sides")
    func bend() throws {
        let history = try MadeUpHistory.history(1...120) { $0 < 75 ? 1 : 1 - 0.01 * ($0 - 75) }
        let curve = TrendFit(history, prior: try Self.vaguePrior()).curve
        #expect(abs(curve.level - 0.55) < 0.01)
        #expect(abs(curve.slope + 1) < 0.05)
        #expect(abs(curve.value(lag: 0.45) - 1) < 0.02)
        #expect(abs(curve.value(lag: 1) - 1) < 0.02)
    }

    @Test("Missing cycles stretch time: half the snapshots give the slope of all")
    func gaps() throws {
        let history = try MadeUpHistory.history(stride(from: 1, through: 199, by: 2)) {
            1 - 0.004 * $0
        }
        #expect(history.cyclesPerSnapshot == 2)
        let fit = TrendFit(history, prior: try Self.vaguePrior())
        #expect(abs(fit.curve.slope + 0.4) < 0.01)
    }

    @Test("The less of a life was seen, the less is known of level and slope")
    func uncertainty() throws {
        let prior = try TrendPrior(
            noise: 0.05, slopeAtZero: -1.7, slopePerLevel: 1.8, slopeDeviation: 0.3,
            changeScale: 0.2)
        var (level, slope) = (Double.infinity, Double.infinity)
        for count in [Int32(2), 5, 15, 60] {
            let fit = TrendFit(
                try MadeUpHistory.history(1...count) { 1 - 0.002 * $0 }, prior: prior)
            #expect(fit.levelVariance < level && fit.slopeVariance < slope)
            (level, slope) = (fit.levelVariance, fit.slopeVariance)
            #expect(fit.levelVariance * fit.slopeVariance >= fit.covariance * fit.covariance)
        }
    }

    @Test("Every history has a finite RUL and margin, however wild or long")
    func total() throws {
        let model = try Self.model()
        for count in [Int32(1), 2, 63, 64, 65, 4_000, 20_000] {
            for period in [1.0, 2, 7, 1_000] {
                let history = try MadeUpHistory.history(1...count) {
                    ($0 / period).truncatingRemainder(dividingBy: 2) < 1 ? 9 : -9
                }
                let (rul, margin) = model.run(history)
                #expect(rul.isFinite && margin.isFinite, "\(count) \(period)")
                #expect(rul.magnitude <= 1e3 && margin.magnitude < 1e6)
            }
        }
    }

    @Test("The margin counts standard deviations: doubt near the horizon brings it nearer to 0")
    func margin() throws {
        let model = try Self.model()
        let history = try MadeUpHistory.history(1...150) { 1 - 0.00003 * $0 * $0 }
        let (rul, margin) = model.run(history)
        #expect((margin > 0) == (rul > 30))
        let vague = try TrendModel(
            prior: model.prior, failureLevel: model.failureLevel, failureDeviation: 1,
            readout: model.readout, fleetDeviation: 50
        ).run(history)
        #expect(vague.rul == rul)
        #expect(vague.margin.magnitude < margin.magnitude)
    }

    @Test("The RUL is the readout of the summary's terms")
    func readout() throws {
        let history = try MadeUpHistory.history(1...100) { 1 - 0.005 * $0 }
        let flat = try Self.model()
        let terms = [
            (1, 0.5), (3, 0.7475), (5, 0.5), (6, 1), (25, 0.25), (26, 0.5), (28, 0.125),
        ]
        for (term, wanted) in terms {
            var readout = [Double](repeating: 0, count: 30)
            readout[term] = 100
            let model = try TrendModel(
                prior: try Self.vaguePrior(), failureLevel: flat.failureLevel,
                failureDeviation: 0.1, readout: readout, fleetDeviation: 10)
            let (rul, _) = model.run(history)
            #expect(abs(Double(rul) - 100 * wanted) < 1, "term \(term)")
        }
    }

    @Test("Numbers that could not come from training are refused")
    func refused() throws {
        let model = try Self.model()
        func make(
            readout: [Double]? = nil, level: Double = 0, spread: Double = 0.1, fleet: Double = 10
        ) throws {
            _ = try TrendModel(
                prior: model.prior, failureLevel: level, failureDeviation: spread,
                readout: readout ?? model.readout, fleetDeviation: fleet)
        }
        try make()
        let broken: [() throws -> Void] = [
            { try make(readout: []) }, { try make(readout: .init(repeating: .nan, count: 30)) },
            { try make(level: 4.1) }, { try make(level: .nan) }, { try make(spread: 0) },
            { try make(fleet: .infinity) }, { try make(fleet: -1) },
        ]
        for make in broken { #expect(throws: InferenceError.self, performing: make) }
        let scales: [(Double, Double, Double)] = [(0, 1, 1), (1, .nan, 1), (1, 1, -1), (2e3, 1, 1)]
        for (noise, slope, change) in scales {
            #expect(throws: InferenceError.self) {
                try TrendPrior(
                    noise: noise, slopeAtZero: 0, slopePerLevel: 0, slopeDeviation: slope,
                    changeScale: change)
            }
        }
        for rate in [Double.nan, 1.1e3] {
            #expect(throws: InferenceError.self) {
                try TrendPrior(
                    noise: 1, slopeAtZero: rate, slopePerLevel: 0, slopeDeviation: 1,
                    changeScale: 1)
            }
        }
    }
}
