import Evaluation
import Prognostics

/// Made-up units that all fare alike, so that draws of them agree and every limit is sharp.
struct GateWorld {
    /// One row before it is predicted.
    struct Place {
        let unit: Int
        /// From 0 on, oldest first.
        let index: Int
        let truth: Double

        var isNear: Bool { truth <= 30 }
        /// 4 cycles late and 4 early, by turns.
        var sway: Double { index.isMultiple(of: 2) ? 4 : -4 }

        /// Whether the row is among `count` of every 20, spread evenly.
        func isAmong(_ count: Int) -> Bool { index * 7 % 20 < count }
    }

    var units = 6
    /// Predicted minus true RUL.
    var error: (Place) -> Double = { $0.sway }
    /// From the prediction to either end of its interval.
    var reach: (Place) -> Double = { _ in 10 }
    var isAlarm: (Place) -> Bool = { $0.isNear }
    var regime: (Place) -> Int = { $0.index % 3 }
    var bundleBytes = 1_000
    var quantization = GateEvidence.Quantization.measured(rms: 0.2)
    var latencyMicros = 100.0

    /// The limits that the tests judge by.
    static let gates = PromotionGates(bundleBytesMax: 2_000, latencyMicrosMax: 500)
    /// From 90 cycles to live to 16, so that no end of an interval is cut at 125 or 0.
    static let truths = (16...90).reversed().map(Double.init)

    func rows() throws -> [ScoredRow] {
        try (1...units).flatMap { unit in
            try Self.truths.enumerated().map { index, truth in
                let place = Place(unit: unit, index: index, truth: truth)
                return try Rows.row(
                    unit: unit, cycle: index + 15, truth: truth,
                    rul: min(max(truth + error(place), 0), 125),
                    probability: isAlarm(place) ? 0.75 : 0.25, reach: reach(place),
                    regime: regime(place))
            }
        }
    }

    func evidence() throws -> GateEvidence {
        GateEvidence(
            rows: try rows(), alarmThreshold: 0.5, bundleBytes: bundleBytes,
            quantization: quantization, latencyMicros: latencyMicros)
    }

    /// What the gates say about this world's bundle against another's, by gate.
    func judged(against promoted: GateWorld?) throws -> [PromotionGate: GateRecord] {
        let records = Self.gates.judge(try evidence(), promoted: try promoted?.evidence())
        return Dictionary(uniqueKeysWithValues: records.map { ($0.gate, $0) })
    }
}
