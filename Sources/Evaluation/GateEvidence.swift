import Prognostics

/// What the gates judge a bundle by.
package struct GateEvidence: Equatable, Sendable {
    /// How far quantization moved a bundle's RUL.
    package enum Quantization: Equatable, Sendable {
        /// In cycles, root of the mean square.
        case measured(rms: Double)
        /// The model has nothing to quantize.
        case nothingQuantized
        /// It was not kept, or cannot be read; a clause.
        case unknown(String)
    }

    /// The rows of tonight's units, in their order.
    package let rows: [ScoredRow]
    /// The failure probability from which a row counts as an alarm.
    package let alarmThreshold: Double
    package let bundleBytes: Int
    package let quantization: Quantization
    /// Processor time of one prediction on this host.
    package let latencyMicros: Double

    package init(
        rows: [ScoredRow], alarmThreshold: Double, bundleBytes: Int, quantization: Quantization,
        latencyMicros: Double
    ) {
        self.rows = rows
        self.alarmThreshold = alarmThreshold
        self.bundleBytes = bundleBytes
        self.quantization = quantization
        self.latencyMicros = latencyMicros
    }

    /// The source design's score of the rows; lower is better.
    var score: Double {
        RegressionMetrics(
            predicted: rows.map { Double($0.prediction.rul) }, truth: rows.map(\.cappedTruth)
        ).score
    }

    /// A model that knows nothing: it says the mean of these rows' truths, and always warns.
    ///
    /// It stands in for the promoted bundle where there is none.
    var ofIgnorance: GateEvidence {
        let mean = rows.reduce(0) { $0 + $1.cappedTruth } / Double(max(rows.count, 1))
        let said = Prediction(
            rul: Float(mean), rulLow: 0, rulHigh: Prediction.cap, failureProbability: 1, flags: [])
        return GateEvidence(
            rows: rows.map {
                ScoredRow(
                    unit: $0.unit, cycle: $0.cycle, regime: $0.regime, prediction: said,
                    truth: $0.truth)
            }, alarmThreshold: 1, bundleBytes: 0, quantization: .nothingQuantized,
            latencyMicros: 0)
    }
}
