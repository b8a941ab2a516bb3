import Prognostics

/// How far the RUL of two models is apart on the same rows.
///
/// After real wear shifts a good model must disagree with the one before it, so what a device
/// allows is measured on the evaluate units, never a constant of the device.
package struct Disagreement: Equatable, Sendable {
    /// The quantile of the absolute differences that is measured.
    package static let level = 0.999
    /// What is allowed above it: a device's own engines are others than the evaluate units.
    package static let headRoom = 1.5
    /// The least that is allowed, in cycles: about an eighth of the horizon of an alarm.
    package static let limitMin = 4.0

    /// Rows compared.
    package let rowCount: Int
    /// The ``level`` quantile of the absolute difference in cycles, the smallest value that as
    /// many rows do not exceed; 0 without rows.
    package let quantile: Double

    /// Compares two models' predictions of the same rows, in the same order.
    /// - Precondition: Units and cycles agree, row by row.
    package init(_ first: [ScoredRow], _ second: [ScoredRow]) {
        precondition(first.count == second.count, "both models score the same rows")
        let differences = zip(first, second).map { first, second in
            precondition(
                first.unit == second.unit && first.cycle == second.cycle,
                "both models score the same rows")
            return abs(Double(first.prediction.rul) - Double(second.prediction.rul))
        }.sorted()
        rowCount = differences.count
        let rank = (Self.level * Double(rowCount)).rounded(.up)
        quantile = differences.isEmpty ? 0 : differences[max(0, Int(rank) - 1)]
    }

    /// What an offer may allow, in whole cycles of `limitMin...125`.
    package var limit: Double {
        let room = (Self.headRoom * quantile).rounded(.up)
        return min(max(room, Self.limitMin), Double(Prediction.cap))
    }
}
