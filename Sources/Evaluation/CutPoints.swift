import Datasets

/// Random points of held-out lives, so that cross-validation can say what an official test would.
///
/// An official test file ends each unit at a random cycle, one row per unit. Several per unit make
/// the estimate steadier; each is scored with all that a device knows by then.
package enum CutPoints {
    /// Rows per unit.
    package static let perUnit = 5

    /// At most five rows of each unit, drawn evenly among those with a cycle left, in their order.
    package static func choose(_ rows: [ScoredRow], seed: UInt64) -> [ScoredRow] {
        var random = SplitMix64(seed: seed)
        return ScoredRow.byUnit(rows).flatMap { unit -> [ScoredRow] in
            let choices = unit.indices.filter { unit[$0].truth > 0 }.shuffled(using: &random)
            return choices.prefix(perUnit).sorted().map { unit[$0] }
        }
    }
}
