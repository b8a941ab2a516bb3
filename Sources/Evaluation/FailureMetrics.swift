/// How well the failure probability finds the rows with 30 cycles or fewer to live.
package struct FailureMetrics: Equatable, Sendable {
    /// A row is positive when its unit fails within this many cycles.
    package static let horizonCycles = 30.0

    /// Rows with a true RUL within the horizon.
    package let positiveCount: Int
    /// Positive rows whose probability reaches the threshold.
    package let truePositiveCount: Int
    /// Other rows whose probability reaches the threshold.
    package let falsePositiveCount: Int
    /// Area under the receiver operating characteristic; nil unless both classes occur.
    package let rocAUC: Double?
    /// Average precision, the area under the curve of precision over recall; nil unless both
    /// classes occur.
    package let averagePrecision: Double?

    /// Compares probabilities with the truth; an alarm is one at or above the threshold.
    /// - Precondition: There are as many probabilities as labels.
    package init(probabilities: [Double], positive: [Bool], threshold: Double) {
        precondition(probabilities.count == positive.count)
        var positives = 0
        var truePositives = 0
        var falsePositives = 0
        for (probability, isPositive) in zip(probabilities, positive) {
            if isPositive { positives += 1 }
            guard probability >= threshold else { continue }
            if isPositive { truePositives += 1 } else { falsePositives += 1 }
        }
        positiveCount = positives
        truePositiveCount = truePositives
        falsePositiveCount = falsePositives
        rocAUC = Self.rocAUC(probabilities: probabilities, positive: positive)
        averagePrecision = Self.averagePrecision(probabilities: probabilities, positive: positive)
    }

    /// The share of alarms that were right; nil without an alarm.
    package var precision: Double? {
        let alarms = truePositiveCount + falsePositiveCount
        return alarms == 0 ? nil : Double(truePositiveCount) / Double(alarms)
    }

    /// The share of positive rows with an alarm; nil without a positive row.
    package var recall: Double? {
        positiveCount == 0 ? nil : Double(truePositiveCount) / Double(positiveCount)
    }

    /// F2 = 5 TP / (5 TP + 4 FN + FP), which weighs recall over precision; nil when undefined.
    package var f2: Double? {
        let hits = 5 * truePositiveCount
        let misses = 4 * (positiveCount - truePositiveCount) + falsePositiveCount
        return hits + misses == 0 ? nil : Double(hits) / Double(hits + misses)
    }

    /// The chance that a positive row outranks another one, ties counting one half (Mann-Whitney
    /// U).
    private static func rocAUC(probabilities: [Double], positive: [Bool]) -> Double? {
        let order = probabilities.indices.sorted { probabilities[$0] < probabilities[$1] }
        let positives = positive.count { $0 }
        let negatives = positive.count - positives
        guard positives > 0, negatives > 0 else { return nil }
        var rankSum = 0.0
        var start = 0
        while start < order.count {
            var end = start
            while end < order.count, probabilities[order[end]] == probabilities[order[start]] {
                end += 1
            }
            // Ranks count from 1; rows of equal probability share the mean of theirs.
            let rank = Double(start + 1 + end) / 2
            rankSum += rank * Double(order[start..<end].count { positive[$0] })
            start = end
        }
        let least = Double(positives) * Double(positives + 1) / 2
        return (rankSum - least) / (Double(positives) * Double(negatives))
    }

    /// Σ (Rₙ − Rₙ₋₁)·Pₙ over falling thresholds, rows of equal probability being one step.
    ///
    /// Without interpolation, which would flatter (Davis and Goadrich 2006).
    private static func averagePrecision(probabilities: [Double], positive: [Bool]) -> Double? {
        let order = probabilities.indices.sorted { probabilities[$0] > probabilities[$1] }
        let positives = positive.count { $0 }
        guard positives > 0, positives < positive.count else { return nil }
        var sum = 0.0
        var found = 0
        var start = 0
        while start < order.count {
            var end = start
            while end < order.count, probabilities[order[end]] == probabilities[order[start]] {
                end += 1
            }
            let more = order[start..<end].count { positive[$0] }
            found += more
            sum += Double(more) / Double(positives) * Double(found) / Double(end)
            start = end
        }
        return sum
    }
}
