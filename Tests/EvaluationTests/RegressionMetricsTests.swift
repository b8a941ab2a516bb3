import Evaluation
import Testing

@Suite("Regression metrics")
struct RegressionMetricsTests {
    /// Penalties computed by hand from the paper.
    ///
    /// Saxena et al. 2008, section IV.E.
    static let penalties: [(difference: Double, penalty: Double)] = [
        (0, 0),
        (10, 1.718_281_828_459_045),
        (-13, 1.718_281_828_459_045),
        (20, 6.389_056_098_930_650),
        (-26, 6.389_056_098_930_650),
        (1, 0.105_170_918_075_648),
        (-1, 0.079_958_999_428_187),
    ]

    @Test("A late prediction costs more than an early one", arguments: penalties)
    func phm08(difference: Double, penalty: Double) {
        #expect(abs(RegressionMetrics.phm08Penalty(difference) - penalty) < 1e-12)
    }

    @Test("Four rows enumerated by hand give their sums and means")
    func enumerated() {
        let metrics = RegressionMetrics(predicted: [10, 20, 33, 0], truth: [10, 10, 46, 4])
        // Differences 0, 10, -13, -4: squares 0 + 100 + 169 + 16 = 285.
        #expect(metrics.mse == 71.25)
        #expect(abs(metrics.rmse - 8.440_971_508_067_067) < 1e-12)
        #expect(metrics.mae == 6.75)
        // (e - 1) + (e - 1) + (exp(4/13) - 1)
        #expect(abs(metrics.phm08 - 3.796_846_033_033_15) < 1e-12)
    }
}
