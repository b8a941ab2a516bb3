import BackofficePipeline
import Evaluation
import Registry
import StrictJSON
import TestSupport
import Testing
import Training

@Suite("Cross-validation")
struct CrossValidationTests {
    @Test("Every unit is scored once by a bundle made without it, and nothing can be promoted")
    func folds() throws {
        let folder = try SmallNight.copy()
        let workspace = try SmallNight.open(folder)
        let versions = try workspace.registry.modelVersions()
        let step = CrossValidationStep(
            workspace: workspace,
            request: .init(foldCount: 2, modelTypes: ["xgboost"], seed: 3), progress: .silent)
        let report = try step.run()
        let candidate = try #require(report.candidates.first)
        #expect(candidate.folds.map(\.report.metrics.unitCount) == [20, 20])
        #expect(candidate.tallies.count == 40)
        #expect(Set(candidate.folds.map(\.report.subject.runID)).count == 2)
        for fold in candidate.folds {
            #expect(fold.report.evaluationProtocol == .cv)
            #expect(fold.report.metrics.alarms?.unitCount == 20)
            #expect(fold.cuts.rmse > 0)
        }
        #expect(try workspace.registry.modelVersions() == versions)
        // The second time nothing is trained, and the same comes out.
        #expect(try step.run() == report)
        #expect(report.json.text.contains("\"cuts_rmse\":{\"mean\":"))
    }

    @Test("An ensemble is judged with members that are trained for it in every fold")
    func ensemble() throws {
        let folder = try SmallNight.copy()
        let report = try CrossValidationStep(
            workspace: try SmallNight.open(folder),
            request: .init(
                foldCount: 2, modelTypes: ["ensemble", "xgboost"], seed: 3,
                ensemble: EnsembleRecipe("xgboost=0.5,xgboost@2=0.5")),
            progress: .silent
        ).run()
        #expect(report.candidates.map(\.modelType) == ["ensemble", "xgboost"])
        let bytes = report.candidates.map { $0.folds.map(\.report.subject.bundleBytes) }
        #expect(zip(bytes[0], bytes[1]).allSatisfy { $0 > $1 })
    }

    @Test("A run without an input is another run, and the report says what was left out")
    func ablation() throws {
        let folder = try SmallNight.copy()
        func run(without: InputMask) throws -> CrossValidationReport {
            try CrossValidationStep(
                workspace: try SmallNight.open(folder),
                request: .init(
                    foldCount: 2, modelTypes: ["xgboost"], seed: 3, without: without),
                progress: .silent
            ).run()
        }
        let whole = try run(without: [])
        let masked = try run(without: .age)
        #expect(masked.json.text.contains("\"without\":\"age\""))
        let ids = [whole, masked].map { $0.candidates[0].folds.map(\.report.subject.runID) }
        #expect(Set(ids[0]).isDisjoint(with: ids[1]))
    }

    @Test("Too few units for the folds are refused with both numbers")
    func tooFew() throws {
        let folder = try SmallNight.copy()
        let step = CrossValidationStep(
            workspace: try SmallNight.open(folder),
            request: .init(foldCount: 41, modelTypes: ["xgboost"], seed: 1), progress: .silent)
        #expect(throws: BackofficeError.tooFewUnits(units: 40, folds: 41)) { try step.run() }
    }
}
