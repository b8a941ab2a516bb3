import Evaluation
import TestSupport
import Testing

@Suite("Failure within 30 cycles")
struct FailureMetricsTests {
    @Test("Six rows enumerated by hand give precision, recall, F2 and AUC")
    func enumerated() {
        let metrics = FailureMetrics(
            probabilities: [0.9, 0.8, 0.5, 0.4, 0.5, 0.1],
            positive: [true, false, true, true, false, false], threshold: 0.5)
        #expect(metrics.truePositiveCount == 2)
        #expect(metrics.falsePositiveCount == 2)
        #expect(metrics.precision == 0.5)
        #expect(metrics.recall == 2.0 / 3)
        // 5·2 / (5·2 + 4·1 + 2)
        #expect(metrics.f2 == 0.625)
        // Pairs: 0.9 beats three, 0.5 beats one and ties one, 0.4 beats one: 5.5 of 9.
        #expect(metrics.rocAUC == 5.5 / 9)
        // Recall grows by a third at ranks 1, 4 (with a tie) and 5, at precision 1, 2/4 and 3/5.
        #expect(abs((metrics.averagePrecision ?? 0) - 0.7) < 1e-12)
    }

    @Test("Without a positive row nothing is claimed about finding failures")
    func noPositives() {
        let metrics = FailureMetrics(
            probabilities: [0.2, 0.1], positive: [false, false], threshold: 0.5)
        #expect(metrics.recall == nil)
        #expect(metrics.precision == nil)
        #expect(metrics.f2 == nil)
        #expect(metrics.rocAUC == nil)
        #expect(metrics.averagePrecision == nil)
    }

    @Test(
        "scikit-learn finds the same metrics on 500 rows with ties",
        .enabled(if: OraclePython.isPresent, "\(OraclePython.skipMessage)"))
    func oracle() throws {
        // Seed 20080901: values on a grid of 1/64, so that ties occur and print exactly.
        var state: UInt64 = 20_080_901
        func draw(_ limit: UInt64) -> UInt64 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return (state >> 33) % limit
        }
        let truth = (0..<500).map { _ in Double(draw(180)) }
        let predicted = truth.map { max(0, $0 + Double(draw(2_560)) / 64 - 20) }
        let positive = truth.map { $0 <= FailureMetrics.horizonCycles }
        let probabilities = predicted.map { ((160 - min($0, 160)) * 64).rounded() / 10_240 }
        let failure = FailureMetrics(
            probabilities: probabilities, positive: positive, threshold: 0.75)
        let errors = RegressionMetrics(predicted: predicted, truth: truth)
        let input = [truth, predicted, probabilities]
            .map { $0.map { "\($0)" }.joined(separator: " ") }.joined(separator: "\n")
        let judged = try OraclePython.run(Self.script, input: Array(input.utf8))
            .split(whereSeparator: \.isWhitespace).compactMap { Double($0) }
        let ours = [
            try #require(failure.precision), try #require(failure.recall),
            try #require(failure.f2), try #require(failure.rocAUC),
            try #require(failure.averagePrecision), errors.mse, errors.mae,
            errors.rmse, errors.phm08,
        ]
        #expect(judged.count == ours.count)
        for (one, other) in zip(judged, ours) {
            #expect(abs(one - other) <= 1e-12 * max(1, abs(one)), "\(one) against \(other)")
        }
    }

    static let script = """
        import sys
        import numpy as np
        from sklearn import metrics
        truth, predicted, probability = [np.array(line.split(), dtype=float) for line in sys.stdin]
        positive = truth <= 30
        alarm = probability >= 0.75
        d = predicted - truth
        for value in [
            metrics.precision_score(positive, alarm), metrics.recall_score(positive, alarm),
            metrics.fbeta_score(positive, alarm, beta=2),
            metrics.roc_auc_score(positive, probability),
            metrics.average_precision_score(positive, probability),
            metrics.mean_squared_error(truth, predicted),
            metrics.mean_absolute_error(truth, predicted),
            metrics.root_mean_squared_error(truth, predicted),
            np.where(d < 0, np.exp(-d / 13) - 1, np.exp(d / 10) - 1).sum(),
        ]:
            print(repr(float(value)))
        """
}
