import Evaluation
import Prognostics
import TestSupport

/// Made-up predictions of made-up units.
enum Rows {
    /// One row; the interval reaches `reach` cycles to both sides.
    static func row(
        unit: Int = 1, cycle: Int, truth: Double, rul: Double, probability: Double = 0,
        reach: Double = 10, regime: Int = 0
    ) throws -> ScoredRow {
        guard let name = UnitIdentifier("\(unit)"), let count = CycleCount(Int32(cycle)) else {
            throw TestSupportError("unit \(unit), cycle \(cycle)")
        }
        return ScoredRow(
            unit: name, cycle: count, regime: regime,
            prediction: Prediction(
                rul: Float(rul), rulLow: Float(max(rul - reach, 0)),
                rulHigh: Float(min(rul + reach, 125)), failureProbability: Float(probability),
                flags: []),
            truth: truth)
    }

    /// Whole lives of units from cycle 15 on, with noisy predictions on a grid of 1/64 cycle.
    static func lives(_ units: Int, seed: UInt64) throws -> [ScoredRow] {
        var state = seed
        func draw(_ limit: UInt64) -> Double {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Double((state >> 33) % limit)
        }
        return try (1...units).flatMap { unit in
            let life = 140 + Int(draw(160))
            let drift = draw(40) / 100 - 0.2
            return try (15...life).map { cycle in
                let truth = Double(life - cycle)
                let noisy = min(truth, 125) * (1 + drift) + draw(1_280) / 64 - 10
                let rul = (min(max(noisy, 0), 125) * 64).rounded() / 64
                return try row(
                    unit: unit, cycle: cycle, truth: truth, rul: rul,
                    probability: ((125 - rul) / 125 * 1_024).rounded() / 1_024, reach: 16,
                    regime: cycle % 3)
            }
        }
    }

    /// Rows as lines of numbers: unit, cycle, truth, RUL, low, high, probability.
    static func text(_ rows: [ScoredRow]) -> [UInt8] {
        let lines = rows.map { row in
            "\(row.unit) \(row.cycle) \(row.truth) \(row.prediction.rul) \(row.prediction.rulLow) "
                + "\(row.prediction.rulHigh) \(row.prediction.failureProbability)\n"
        }
        return Array(lines.joined().utf8)
    }
}
