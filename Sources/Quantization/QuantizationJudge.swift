import Datasets
import Inference
import Prognostics
import Training

/// Compares a quantized network with the float one it came from.
struct QuantizationJudge {
    struct Judgement {
        let difference: QuantizationReport.Difference
        let details: QuantizationReport.Recurrent
    }

    /// The most windows whose hidden states are compared, spread evenly.
    private static let sampleCountMax = 300

    private let float: RecurrentWeights
    private let rows: LabelledWindows
    /// The first rows are those of tune units.
    private let tuneCount: Int
    private let floatRULs: [Float]
    private let floatLogits: [Float]

    /// - Precondition: `rows` begin with `tuneCount` of tune units.
    init(float: RecurrentWeights, rows: LabelledWindows, tuneCount: Int) {
        precondition((1...rows.count).contains(tuneCount))
        self.float = float
        self.rows = rows
        self.tuneCount = tuneCount
        let outputs = float.predict(rows)
        floatRULs = outputs.map { $0.life * Prediction.cap }
        floatLogits = outputs.map(\.logit)
    }

    func judge(_ network: some QuantizedRecurrent) -> Judgement {
        let outputs = (0..<rows.count).map { network.run(rows.window($0)) }
        let ruls = outputs.map(\.rul)
        return Judgement(
            difference: .init(float: floatRULs, quantized: ruls),
            details: .init(
                layers: layers(network), float: metrics(floatRULs, floatLogits),
                quantized: metrics(ruls, outputs.map { -$0.margin })))
    }

    private func metrics(_ ruls: [Float], _ logits: [Float]) -> QuantizationReport.Metrics {
        var errors = DifferenceSum()
        for (rul, truth) in zip(ruls, rows.ruls) {
            errors.add(
                Double(min(max(rul, 0), Prediction.cap)), Double(RULLabel.capped(truth)))
        }
        let events = rows.ruls.map(RULLabel.isNearFailure)
        let tuned = events.prefix(tuneCount)
        guard tuned.contains(true) else {
            return .init(rmse: QuantizationReport.Difference(errors).rms, f2: 0)
        }
        let threshold = AlarmThreshold.maximizingF2(
            probabilities: Array(logits.prefix(tuneCount)), events: Array(tuned))
        return .init(
            rmse: QuantizationReport.Difference(errors).rms,
            f2: AlarmThreshold.f2(probabilities: logits, events: events, threshold: threshold))
    }

    private func layers(_ network: some QuantizedRecurrent) -> [QuantizationReport.Layer] {
        let layers = [FloatLayer(float, .first), FloatLayer(float, .second)]
        var sums = [DifferenceSum](repeating: .init(), count: 3)
        var ranges = [Double](repeating: 0, count: 3)
        for window in rows.samples(Self.sampleCountMax) {
            let first = layers[0].run(window)
            let states = [first, layers[1].run(first)].map { Array($0.joined()) }
            var places = [0, 0]
            _ = network.run(window.joined().map { Float($0) }) { layer, hidden in
                let index = layer.rawValue
                for value in hidden {
                    let exact = states[index][places[index]]
                    places[index] += 1
                    sums[index + 1].add(Double(value), exact)
                    ranges[index + 1] = max(ranges[index + 1], exact.magnitude)
                }
            }
            for values in window {
                for (channel, value) in values.enumerated() {
                    let seen = network.inputScales.represented(Float(value), at: channel)
                    sums[0].add(Double(seen), value)
                    ranges[0] = max(ranges[0], value.magnitude)
                }
            }
        }
        return zip(["input", "first layer", "second layer"], zip(ranges, sums)).map {
            .init(name: $0, range: $1.0, difference: .init($1.1))
        }
    }
}
