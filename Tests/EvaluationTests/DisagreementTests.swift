import Evaluation
import Prognostics
import Testing

@Suite("Disagreement of two models")
struct DisagreementTests {
    func rows(_ ruls: [Float]) throws -> [ScoredRow] {
        let unit = try #require(UnitIdentifier("1"))
        return try ruls.enumerated().map { index, rul in
            ScoredRow(
                unit: unit, cycle: try #require(CycleCount(Int32(index) + 1)), regime: 0,
                prediction: Prediction(
                    rul: rul, rulLow: 0, rulHigh: 125, failureProbability: 0, flags: []),
                truth: 50)
        }
    }

    @Test("The quantile is numpy's inverted_cdf, whichever model comes first")
    func quantile() throws {
        // numpy.quantile(d, 0.999, method="inverted_cdf"), d = (i * 37 % 1000) / 16 for i < n.
        for (count, expected) in [
            (1_000, 62.375), (1_001, 62.375), (2_000, 62.375), (10, 20.8125),
        ] {
            let differences = (0..<count).map { Float($0 * 37 % 1_000) / 16 }
            let first = try rows(differences.map { _ in 0 })
            let second = try rows(differences)
            #expect(Disagreement(first, second).quantile == expected, "\(count)")
            #expect(Disagreement(second, first).quantile == expected)
        }
        #expect(Disagreement([], []).quantile == 0)
    }

    @Test(
        "The limit is one and a half times that, in whole cycles of 4 to 125",
        arguments: [(0, 4), (2.5, 4), (2.75, 5), (20, 30), (83, 125), (110, 125)]
            as [(Float, Double)])
    func limit(difference: Float, limit: Double) throws {
        #expect(Disagreement(try rows([0]), try rows([difference])).limit == limit)
    }
}
