import Datasets
import Drift
import DriftStudy
import Evaluation
import Prognostics
import StrictJSON
import TestSupport
import Testing

@Suite("Drift report")
struct DriftReportTests {
    /// Whole lives of units, with an error and an interval that reaches to both sides.
    static func rows(_ units: Int, error: Double, reach: Double) throws -> [ScoredRow] {
        try (1...units).flatMap { unit in
            try (15...160).map { cycle in
                let truth = Double(160 - cycle)
                let rul = min(max(min(truth, 125) + error, 0), 125)
                return ScoredRow(
                    unit: try #require(UnitIdentifier("engine-\(unit)")),
                    cycle: try #require(CycleCount(Int32(cycle))), regime: cycle % 2,
                    prediction: Prediction(
                        rul: Float(rul), rulLow: Float(max(rul - reach, 0)),
                        rulHigh: Float(min(rul + reach, 125)), failureProbability: 0, flags: []),
                    truth: truth)
            }
        }
    }

    @Test("A report comes back from its JSON, findings, figures and quality")
    func roundTrip() throws {
        let outcome = try DriftStudyTests.study.get().watch(
            DriftStudy.disturbances[1], nightCount: 5, untilFound: true)
        let promised = try Self.rows(9, error: 4, reach: 12)
        let quality = try #require(
            LiveQuality(
                runID: "run-1", field: try Self.rows(6, error: 9, reach: 12), promised: promised))
        let model = try JSON.parse(
            JSON.object([
                .init(key: "run_id", value: .string("run-1")),
                .init(key: "agents", value: .array([.string("a")])),
                .init(key: "readings", value: .integer(2_000)),
                .init(key: "findings", value: .array(outcome.found.map(\.json))),
            ]).bytes)
        let text: JSON = [
            "time": .string("now"), "drifting": .integer(outcome.found.count),
            "models": .array([model]), "quality": .array([quality.json]),
            "notes": .array([.string("A note.")]),
        ]
        let report = try DriftReport(JSONReader(text))
        #expect(report.drifting == outcome.found)
        #expect(report.quality == [quality])
        #expect(report.json == text)
    }

    @Test(
        "Predictions are worse than promised by their error or their coverage, with enough engines",
        arguments: [
            (6, 4, 12, false), (6, 5.9, 12, false), (6, 8, 12, true), (6, 4, 3, true),
            (4, 60, 3, false),
        ] as [(Int, Double, Double, Bool)])
    func quality(engines: Int, error: Double, reach: Double, isWorse: Bool) throws {
        let quality = try #require(
            LiveQuality(
                runID: "run-1", field: try Self.rows(engines, error: error, reach: reach),
                promised: try Self.rows(9, error: 4, reach: 12)))
        #expect(quality.engineCount == engines)
        #expect(quality.isWorse == isWorse, "\(quality)")
        #expect(quality.groups.map(\.regime) == ["all", "0", "1"])
        #expect(quality.groups[0].rowCount == engines * 146)
    }

    @Test("Windows of several agents merge by rank, and say what one agent's would")
    func agents() throws {
        let study = try DriftStudyTests.study.get()
        let windows = study.windows(nightCount: 6)
        let one = study.judge([("a", windows)])
        let two = study.judge([("a", windows), ("b", windows)])
        #expect(two.readingCount == 2 * one.readingCount)
        #expect(two.agents == ["a", "b"])
        #expect(one.findings.map(\.track) == two.findings.map(\.track))
        for (single, double) in zip(one.findings, two.findings) {
            let figures = try #require(double.figures)
            // The same readings twice: the same shares, and the same engines.
            #expect(figures.distance == single.figures?.distance, "\(single.track)")
            #expect(figures.engineCount == single.figures?.engineCount)
        }
    }
}
