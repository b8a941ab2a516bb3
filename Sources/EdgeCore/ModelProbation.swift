import EdgeProtocol

/// What an activated model has to prove before its fallback is no longer needed at hand.
///
/// Numbers outside of their ranges are no matter of probation: a plan cannot make them. A crash
/// loop is counted in the store, because the process that crashes cannot count.
struct ModelProbation: Equatable, Sendable {
    /// Milliseconds that one process must serve the model.
    static let spanMillis: Int64 = 600_000
    /// Milliseconds after which a process counts as started.
    static let startMillis: Int64 = 60_000
    /// Predictions that it must have made meanwhile.
    static let scoredCountMin = 100
    /// Predictions after which slow ones are judged: a cold cache is slow once.
    static let judgedCountMin = 20
    /// Slow predictions are too many above one in so many.
    static let slowDivisor = 10

    private var sinceMillis: Int64?
    private var scoredCount = 0
    private var slowCount = 0

    /// Whether too many predictions took more processor time than allowed.
    var isTooSlow: Bool {
        scoredCount >= Self.judgedCountMin && slowCount * Self.slowDivisor > scoredCount
    }

    /// Slow predictions among all, for the reason.
    var summary: String { "\(slowCount) of \(scoredCount) predictions" }

    mutating func score(runMicros: Int64) {
        scoredCount += 1
        if runMicros > ProtocolLimits.predictionMicrosMax { slowCount += 1 }
    }

    /// Whether this process has run long enough to be no part of a crash loop.
    func hasSurvived(_ now: Instant) -> Bool {
        sinceMillis.map { now.monotonicMillis - $0 >= Self.startMillis } ?? false
    }

    /// Whether the model has proved itself by now.
    mutating func isOver(_ now: Instant) -> Bool {
        let since = sinceMillis ?? now.monotonicMillis
        sinceMillis = since
        return scoredCount >= Self.scoredCountMin && now.monotonicMillis - since >= Self.spanMillis
    }
}
