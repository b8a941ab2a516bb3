import Evaluation
import Prognostics
import TestSupport
import Testing

@Suite("Groups of errors")
struct ErrorGroupTests {
    static func row(_ unit: String, rul: Double) throws -> ScoredRow {
        guard let name = UnitIdentifier(unit), let cycle = CycleCount(20) else {
            throw TestSupportError("unit \(unit)")
        }
        return ScoredRow(
            unit: name, cycle: cycle, regime: 0,
            prediction: Prediction(
                rul: Float(rul), rulLow: 0, rulHigh: 125, failureProbability: 0, flags: []),
            truth: 50)
    }

    @Test("Units with numbers for names are of the base data, all others of the field")
    func sources() throws {
        let rows = [
            try Self.row("17", rul: 53), try Self.row("fleet.17", rul: 40),
            try Self.row("18", rul: 47), try Self.row("field-00ab", rul: 60),
        ]
        let groups = ErrorGroup.bySource(rows)
        #expect(groups.map(\.name) == ["base data", "field data"])
        #expect(groups.map(\.rowCount) == [2, 2])
        #expect(groups.map(\.rmse) == [3, 10])
        #expect(ErrorGroup.bySource([rows[1]]).map(\.name) == ["field data"])
    }
}
