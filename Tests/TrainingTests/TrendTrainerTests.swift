import Datasets
import Features
import Inference
import ModelBundle
import Prognostics
import Quantization
import TestSupport
import Testing
import Training

@Suite("Training a trend model")
struct TrendTrainerTests {
    static let trained = Result {
        try TrendTrainer.train(MadeUpFleet.trajectories(count: 30, seed: 1))
    }

    static func build(_ trained: TrainedTrend) throws -> BuiltBundle {
        let digest = try #require(Digest(bytes: [UInt8](repeating: 7, count: Digest.size)))
        return try BundleBuilder.build(
            trained, tune: MadeUpFleet.trajectories(count: 5, seed: 2),
            calibrate: MadeUpFleet.trajectories(count: 10, seed: 3),
            manifest: try Manifest(
                runID: "run-1", modelType: "trend", configHash: digest,
                featureParametersDigest: digest))
    }

    /// The history at each snapshot from the 15th on, with the true RUL.
    static func histories(
        _ trajectories: [Trajectory], _ parameters: FeatureParameters
    ) throws -> [(history: LifeHistory, rul: Double)] {
        var rows: [(history: LifeHistory, rul: Double)] = []
        for trajectory in trajectories {
            var state = FeatureState()
            for (snapshot, rul) in zip(trajectory.snapshots, RULLabel.labels(trajectory)) {
                state.append(snapshot, using: parameters)
                guard state.count >= FeatureSpec.trainedFrom else { continue }
                let input = ModelInput(from: state, parameters: parameters, required: .history)
                rows.append((try #require(input.history), Double(RULLabel.capped(rul))))
            }
        }
        return rows
    }

    @Test("The same units give the same model and the same bundle")
    func deterministic() throws {
        let fleet = MadeUpFleet.trajectories(count: 30, seed: 1)
        let trained = try Self.trained.get()
        #expect(try TrendTrainer.train(fleet) == trained)
        #expect(try Self.build(trained) == Self.build(trained))
        #expect(try TrendTrainer.train(Array(fleet.dropLast())) != trained)
    }

    @Test("The bundle holds the very model, whose passes end within a tenth cycle of the search")
    func bundle() throws {
        let trained = try Self.trained.get()
        let built = try Self.build(trained)
        #expect(built.bundle.plan.members.map(\.model) == [.trend(trained.model)])
        #expect(built.bundle.plan.requiredInputs == .history)
        #expect(built.bundle.featureParameters == trained.featureParameters)
        #expect(try ModelBundle(decoding: built.bytes) == built.bundle)
        #expect(built.report.difference.count > 50)
        #expect(built.report.difference.rms < 0.1)
        #expect(built.report.details == .trend)
    }

    @Test("Units new to the model are predicted far better than by their age or not at all")
    func accuracy() throws {
        let trained = try Self.trained.get()
        let rows = try Self.histories(
            MadeUpFleet.trajectories(count: 10, seed: 9), trained.featureParameters)
        let mean = rows.reduce(0) { $0 + $1.rul } / Double(rows.count)
        var (ours, constant) = (0.0, 0.0)
        for row in rows {
            let rul = min(max(Double(trained.model.run(row.history).rul), 0), 125)
            ours += (rul - row.rul) * (rul - row.rul)
            constant += (mean - row.rul) * (mean - row.rul)
        }
        #expect(ours < constant / 9, "a third of the constant's RMSE at most")
    }

    @Test("The fleet's numbers are those of the made-up fleet")
    func fleet() throws {
        let model = try Self.trained.get().model
        #expect((-0.2...0.3).contains(model.failureLevel))
        #expect(model.prior.slopePerLevel > 0, "what is worse wears faster")
        #expect((0.005...0.2).contains(model.prior.noise))
    }

    @Test("Censored units and lives too short for a slope are refused with the reason")
    func refused() throws {
        let fleet = MadeUpFleet.trajectories(count: 3, seed: 1)
        let censored = Trajectory(
            unit: fleet[0].unit, snapshots: fleet[0].snapshots, endsInFailure: false)
        #expect(throws: TrainingError.censored(unit: "1")) {
            try TrendTrainer.train([censored] + fleet)
        }
        #expect(throws: TrainingError.noTrainingRows) { try TrendTrainer.train([]) }
        let short = fleet.map {
            Trajectory(
                unit: $0.unit, snapshots: Array($0.snapshots.prefix(41)), endsInFailure: true)
        }
        #expect(throws: TrainingError.livesTooShort(longest: 41, needed: 42)) {
            try TrendTrainer.train(short)
        }
    }
}

/// The device's fixed passes against searches that others wrote.
@Suite("Trends against other fits")
struct TrendReferenceTests {
    /// Every tenth snapshot of some units, and the model trained on others.
    static func cases(nasa: Bool) throws -> (TrainedTrend, [LifeHistory]) {
        let (train, judged): ([Trajectory], [Trajectory])
        if nasa {
            let units = try DatasetFolder(try #require(CMAPSS.folder)).train(subset: "FD001")
            (train, judged) = (Array(units.prefix(60)), Array(units.dropFirst(60).prefix(8)))
        } else {
            train = MadeUpFleet.trajectories(count: 30, seed: 1)
            judged = MadeUpFleet.trajectories(count: 8, seed: 4)
        }
        let trained = try TrendTrainer.train(train)
        let rows = try TrendTrainerTests.histories(judged, trained.featureParameters)
        return (trained, rows.enumerated().filter { $0.offset % 10 == 0 }.map(\.element.history))
    }

    /// Tolerances: the cost of the passes' end is within 0.01 of the least, where one standard
    /// deviation of one coefficient costs 0.5; the RUL within a tenth of a cycle, RMS.
    static func compare(_ cases: (TrainedTrend, [LifeHistory])) throws {
        let (trained, histories) = cases
        let prior = trained.model.prior
        var square = 0.0
        for history in histories {
            let fit = TrendFit(history, prior: prior)
            let reference = try TrendReference.fit(history, prior: prior)
            let cost = TrendReference.cost(of: fit.curve, history, prior: prior)
            let least = TrendReference.cost(of: reference, history, prior: prior)
            #expect(cost >= least - 1e-4 * abs(least), "the search ended above the passes")
            #expect(cost <= least + 0.01)
            let levels = fit.curve.level - reference.level
            #expect(abs(levels) <= 0.1 * fit.levelVariance.squareRoot())
            let rul = trained.model.rul(of: fit.curve, history)
            let other = trained.model.rul(of: reference, history)
            square += (rul - other) * (rul - other)
        }
        try #require(histories.count > 50)
        #expect((square / Double(histories.count)).squareRoot() < 0.1, "cycles, RMS")
    }

    @Test("The device's passes reach the minimum that liblbfgs finds, on a made-up fleet")
    func madeUp() throws { try Self.compare(Self.cases(nasa: false)) }

    @Test(
        "The device's passes reach the minimum that liblbfgs finds, on FD001",
        .enabled(if: CMAPSS.isPresent, "\(CMAPSS.skipMessage)"))
    func nasa() throws { try Self.compare(Self.cases(nasa: true)) }
}
