/// What the features remember of the fused health index: a weighted sum of the z-scores that falls
/// from about 1 to 0 as a unit wears (`FeatureParameters.healthWeights`).
struct HealthIndex: Equatable, Sendable {
    /// Where the index saturates, so that one broken sensor does not hide the rest for long.
    static let limit = HealthHistory.indexLimit
    /// How much of the slow exponential mean stays from cycle to cycle: 1 − 0.03.
    static let slowDecay = 0.97

    /// At the latest snapshot.
    var latest = 0.0
    /// Of the exponential mean with α = 0.1; its denominator is the sensors'.
    var numerator = 0.0
    /// Of the exponential mean with α = 0.03, `n ← h + 0.97 n`.
    var slowNumerator = 0.0
    /// `d ← 1 + 0.97 d`.
    var slowDenominator = 0.0
    /// Over the snapshots since the first, or since the baseline was restarted.
    var sum = 0.0
    /// Over the first of those.
    var baselineSum = 0.0
    /// Of t·h, with t = 0 at the first of those.
    var timedSum = 0.0

    static func bounded(_ health: Double) -> Double { min(max(health, -limit), limit) }

    /// Takes in the next value, `time` snapshots after the first since the last restart.
    mutating func append(_ health: Double, time: Double, isBaseline: Bool) {
        latest = health
        numerator = health + 0.9 * numerator
        slowNumerator = health + Self.slowDecay * slowNumerator
        slowDenominator = 1 + Self.slowDecay * slowDenominator
        sum += health
        timedSum += time * health
        if isBaseline { baselineSum += health }
    }

    /// Forgets the unit's own past; smoothing goes on.
    mutating func restart() {
        sum = 0
        baselineSum = 0
        timedSum = 0
    }
}
