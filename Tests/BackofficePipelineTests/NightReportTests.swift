import BackofficePipeline
import Dashboard
import Datasets
import Evaluation
import ObjectStore
import Registry
import TestSupport
import Testing

@Suite("Report of a night")
struct NightReportTests {
    let folder: TemporaryFolder

    init() throws { folder = try SmallNight.copy() }

    @Test("Before a decision the page says so, after it what was decided and why")
    func decision() throws {
        let workspace = try SmallNight.open(folder)
        let before = try ReportStep.newest(in: workspace, progress: .silent)
        #expect(before.decision.verdict == .undecided)
        #expect(before.promotedVersion == nil)
        #expect(NightPage(before).html.contains("No decision is on record"))

        try SmallNight.promote(workspace)
        let after = try ReportStep.newest(in: workspace, progress: .silent)
        let record = try #require(try workspace.registry.promotionHistory().last)
        #expect(after.decision.verdict == .promoted)
        #expect(after.decision.reasons == record.reasons)
        #expect(after.promotedVersion == 1)
        #expect(after.history.count == 1)
    }

    @Test("The candidates are those that evaluation scored, with the same figures")
    func figures() throws {
        let workspace = try SmallNight.open(folder)
        let scored = try EvaluateStep(
            workspace: workspace, expectedTypes: ["xgboost"], progress: .silent
        ).nightly()
        let report = try ReportStep.newest(in: workspace, progress: .silent)
        #expect(report.candidates.map(\.report) == scored)
        let rows = try #require(report.candidates.first).rows
        #expect(rows.count == scored.first?.metrics.rowCount)
    }

    @Test("Every unit is counted once")
    func roles() throws {
        let workspace = try SmallNight.open(folder)
        let report = try ReportStep.newest(in: workspace, progress: .silent)
        let units = try SmallNight.units(folder)
        #expect(report.roles.map(\.role) == UnitRole.allCases.map(\.rawValue))
        #expect(report.roles.reduce(0) { $0 + $1.units } == units.count)
        let rowCount = units.reduce(0) { $0 + $1.snapshots.count }
        #expect(report.roles.reduce(0) { $0 + $1.rows } == rowCount)
    }

    @Test("The promoted model of an earlier night stands beside tonight's")
    func incumbent() throws {
        let workspace = try SmallNight.open(folder)
        try SmallNight.promote(workspace)
        _ = try PreprocessStep.run(
            SmallNight.request(folder, rolesSeed: 2), workspace: workspace, progress: .silent)
        try SmallNight.train(workspace, seed: 1)
        let report = try ReportStep.newest(in: workspace, progress: .silent)
        #expect(Set(report.candidates.map(\.report.subject.version)) == [1, 2])
        #expect(report.promotedVersion == 1)
        #expect(NightPage(report).html.contains("version 1, in service"))
    }

    @Test("A damaged bundle is left out, and the page is written all the same")
    func damaged() throws {
        let workspace = try SmallNight.open(folder)
        let run = try #require(try workspace.registry.modelVersions().first).run
        try workspace.objects.put(
            [1, 2, 3], bucket: .models, key: ObjectKey("\(run.runID)/bundle.safetensors"),
            replace: true)
        let report = try ReportStep.newest(in: workspace, progress: .silent)
        #expect(report.candidates.isEmpty)
        #expect(NightPage(report).html.contains("Nothing was decided"))
    }
}
