import BackofficePipeline
import Evaluation
import Registry
import StrictJSON
import TestSupport
import Testing

@Suite("Splits of the source design")
struct SplitStudyTests {
    @Test("A row split flatters the same trees, says LEAKAGE, and leaves nothing behind")
    func leakage() throws {
        let folder = try SmallNight.copy()
        let workspace = try SmallNight.open(folder)
        let runs = try workspace.registry.runs()
        let versions = try workspace.registry.modelVersions()
        let study = try SplitStudy(workspace: workspace, seed: 1, progress: .silent)
        let honest = try study.run(.unit)
        let leaking = try study.run(.row)
        #expect(leaking.capped.rmse < honest.capped.rmse)
        #expect(honest.label == nil)
        #expect(leaking.json.text.contains("\"label\":\"LEAKAGE\""))
        #expect(try workspace.registry.runs() == runs)
        #expect(try workspace.registry.modelVersions() == versions)
    }

    @Test("A chronological split trains no classifier, because no training row is near a failure")
    func untrainable() throws {
        let folder = try SmallNight.copy()
        let study = try SplitStudy(
            workspace: try SmallNight.open(folder), seed: 1, progress: .silent)
        let report = try study.run(.chronological)
        #expect(report.label == "UNTRAINABLE")
        #expect(report.failure == nil)
        #expect(report.reason?.hasPrefix("The least RUL of ") == true)
        #expect(report.json.text.contains("\"f2\":null"))
    }
}
