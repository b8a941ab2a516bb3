/// The probability from which a unit is called failing, chosen on rows with known outcome.
package enum AlarmThreshold {
    /// The least probability among those that maximize F2 when rows at or above it are alarms.
    ///
    /// F2 = 5·TP / (5·TP + 4·FN + FP): a missed failure weighs four times a false alarm. Candidates
    /// are the probabilities that occur.
    /// - Precondition: As many probabilities as events, and at least one event.
    package static func maximizingF2(probabilities: [Float], events: [Bool]) -> Float {
        precondition(probabilities.count == events.count && events.contains(true))
        let order = probabilities.indices.sorted { probabilities[$0] > probabilities[$1] }
        let positives = events.count { $0 }
        var (hits, falseAlarms) = (0, 0)
        var best = (score: -1.0, threshold: Float(0))
        for (position, index) in order.enumerated() {
            if events[index] { hits += 1 } else { falseAlarms += 1 }
            let next = position + 1
            // Rows of equal probability are alarms together or not at all.
            if next < order.count && probabilities[order[next]] == probabilities[index] { continue }
            let score = f2(hits: hits, misses: positives - hits, falseAlarms: falseAlarms)
            if score >= best.score { best = (score, probabilities[index]) }
        }
        return best.threshold
    }

    /// F2 when rows at or above the threshold are alarms.
    /// - Precondition: As many probabilities as events, and at least one event.
    static func f2(probabilities: [Float], events: [Bool], threshold: Float) -> Double {
        precondition(probabilities.count == events.count && events.contains(true))
        var (hits, misses, falseAlarms) = (0, 0, 0)
        for (probability, event) in zip(probabilities, events) {
            switch (probability >= threshold, event) {
            case (true, true): hits += 1
            case (false, true): misses += 1
            case (true, false): falseAlarms += 1
            case (false, false): break
            }
        }
        return f2(hits: hits, misses: misses, falseAlarms: falseAlarms)
    }

    private static func f2(hits: Int, misses: Int, falseAlarms: Int) -> Double {
        5 * Double(hits) / Double(5 * hits + 4 * misses + falseAlarms)
    }
}
