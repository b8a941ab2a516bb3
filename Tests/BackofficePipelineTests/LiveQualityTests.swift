import BackofficePipeline
import Datasets
import EdgeProtocol
import Evaluation
import Prognostics
import Registry
import StrictJSON
import TestSupport
import Testing

@Suite("Quality in the field")
struct LiveQualityTests {
    let folder: TemporaryFolder
    let workspace: Workspace
    let lives: [Trajectory]
    let runID: String

    init() throws {
        folder = try SmallNight.copy()
        workspace = try SmallNight.open(folder)
        lives = FleetSimulator(try #require(FleetConfiguration(units: 6, seed: 99))).training()
        runID = try #require(try workspace.registry.modelVersions().first).run.runID
    }

    /// Logs every life as flown to its failure, with a prediction that is `late` cycles too high.
    ///
    /// Each engine has an agent of its own, because a page has its limit.
    func log(late: Float, failures: Int, reach: Float = 10) throws {
        for (index, life) in lives.enumerated() {
            var log = FieldLog(agent: "edge-\(index)")
            let last = life.lastCycle.cycles
            try log.fly("\(index + 1)", life.snapshots) { snapshot in
                let truth = min(Float(last - snapshot.cycle.cycles), 125)
                let rul = min(truth + late, 125)
                return ReadingEntry.Scoring(
                    prediction: Prediction(
                        rul: rul, rulLow: max(rul - reach, 0), rulHigh: min(rul + reach, 125),
                        failureProbability: 0.5,
                        flags: snapshot.cycle.cycles < 15 ? [.early] : []),
                    runID: runID, latencyMicros: 1)
            }
            if index < failures { try log.event(.failed, of: "\(index + 1)", after: last) }
            try log.store(in: workspace)
        }
    }

    @Test("A model that is right about engines that failed is said to be right about them all")
    func right() throws {
        try log(late: 0, failures: 6)
        let quality = try #require(
            try LiveQualityStep.run(workspace, progress: .silent).first)
        #expect(quality.runID == runID)
        #expect(quality.engineCount == 6)
        #expect(quality.groups.map(\.regime) == ["all"])
        #expect(quality.groups[0].rmse == 0)
        #expect(quality.groups[0].coverage == 1)
        #expect(quality.groups[0].rowCount == lives.reduce(0) { $0 + $1.snapshots.count - 14 })
        #expect(quality.groups[0].promisedRMSE.map { $0 > 1 } == true)
        #expect(!quality.isWorse)
    }

    @Test("A model that is forty cycles late in the field is worse than promised")
    func late() throws {
        try log(late: 40, failures: 6)
        let quality = try #require(
            try LiveQualityStep.run(workspace, progress: .silent).first)
        #expect(quality.groups[0].rmse > 20)
        #expect(quality.groups[0].bias > 10)
        #expect(quality.groups[0].coverage < LiveQuality.coverageMin)
        #expect(quality.isWorse)
    }

    @Test("Engines that still fly say nothing")
    func flying() throws {
        try log(late: 40, failures: 0)
        #expect(try LiveQualityStep.run(workspace, progress: .silent).isEmpty)
    }

    @Test("Four engines that failed are too few to complain")
    func few() throws {
        try log(late: 40, failures: 4)
        let quality = try #require(
            try LiveQualityStep.run(workspace, progress: .silent).first)
        #expect(quality.engineCount == 4)
        #expect(!quality.isWorse)
    }
}
