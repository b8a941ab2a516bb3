import BackofficePipeline
import Evaluation
import Fleet
import StrictJSON
import Testing

@Suite("Alerts about drift")
struct DriftAlertsTests {
    /// A report with one track of each verdict, s11 in two regimes, as a night stores it.
    static let stored = """
        {"time":"2026-11-20T03:00:00Z","drifting":1,"models":[{"run_id":"00aa","agents":["a"],
        "readings":512,"findings":[
        {"run_id":"00aa","track":"s11","regime":0,"verdict":"stable","moved":0,"windows":4,
        "figures":null},
        {"run_id":"00aa","track":"s11","regime":1,"verdict":"drifting","moved":3,"windows":4,
        "figures":null},
        {"run_id":"00aa","track":"s12","regime":0,"verdict":"watched","moved":1,"windows":4,
        "figures":null},
        {"run_id":"00aa","track":"s13","regime":0,"verdict":"stable","moved":0,"windows":4,
        "figures":null},
        {"run_id":"00aa","track":"s14","regime":0,"verdict":"unknown","moved":0,"windows":0,
        "figures":null}]}],"quality":[],"notes":[]}
        """

    @Test("A drifting track is an alert, a watched one only holds one, the others say nothing")
    func verdicts() throws {
        let report = try DriftReport(
            JSONReader(
                parsing: Array(Self.stored.utf8),
                limits: JSONLimits(sizeMax: 16_384, depthMax: 8)))
        let conditions = AlertStep.conditions(of: report)
        #expect(conditions.map(\.subject) == ["s11", "s12"])
        #expect(conditions.map(\.onlyHolds) == [false, true])
        #expect(conditions.allSatisfy { $0.rule == .drift })
        #expect(conditions[0].summary.contains("3 of 4 windows"))
    }
}
