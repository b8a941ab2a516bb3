/// One of the conditions that a candidate has to meet before it replaces the promoted model.
package enum PromotionGate: String, CaseIterable, Sendable {
    /// Not worse in score than the promoted bundle.
    case score
    /// Mean PHM08 penalty of a row, which charges late predictions more than early ones.
    case phm08
    /// F2 of failure within 30 cycles.
    case f2
    /// The share of rows within 30 cycles of failure that are alarms.
    case recallNearFailure = "recall_rul_30"
    /// The share of predictions more than ``GateTally/lateCycles`` above the truth.
    case lateShare = "late_share"
    /// The interval score, which weighs width against misses, on all rows.
    case intervalScore = "interval_score"
    /// The same on rows within 30 cycles of failure.
    case intervalScoreNearFailure = "interval_score_rul_30"
    /// The share of truths inside the interval, on all rows.
    case coverage
    /// The same on rows within 30 cycles of failure.
    case coverageNearFailure = "coverage_rul_30"
    /// The interval's mean width in cycles, on all rows.
    case width
    /// The same on rows within 30 cycles of failure.
    case widthNearFailure = "width_rul_30"
    /// RMSE in the operating regime where it is greatest.
    case worstRegime = "worst_regime"
    /// How far the quantized RUL is from the float one, in cycles (RMS).
    case quantization = "quantization_rms"
    /// Size of the bundle.
    case bundleBytes = "bundle_bytes"
    /// Processor time of one prediction on this host, in microseconds.
    case latency = "latency_us"

    /// Whether a greater value is worse.
    package var isLowerBetter: Bool {
        switch self {
        case .f2, .recallNearFailure, .coverage, .coverageNearFailure: false
        default: true
        }
    }

    /// The gate's name in sentences and tables.
    package var name: String {
        switch self {
        case .score: "score"
        case .phm08: "PHM08 per row"
        case .f2: "F2"
        case .recallNearFailure: "recall, RUL <= 30"
        case .lateShare: "share late"
        case .intervalScore: "interval score"
        case .intervalScoreNearFailure: "interval score, RUL <= 30"
        case .coverage: "coverage"
        case .coverageNearFailure: "coverage, RUL <= 30"
        case .width: "width"
        case .widthNearFailure: "width, RUL <= 30"
        case .worstRegime: "worst regime's RMSE"
        case .quantization: "int8 to float, RMS"
        case .bundleBytes: "bundle bytes"
        case .latency: "latency, us"
        }
    }
}

/// What one gate said about a candidate, with every number that it judged by.
package struct GateRecord: Equatable, Sendable {
    /// What came of it.
    package enum Outcome: Equatable, Sendable {
        case passed
        /// The candidate is held for this reason; a clause.
        case failed(String)
        /// There was nothing to judge, for this reason; a clause.
        case notApplicable(String)

        /// The word for tables and the registry.
        package var word: String {
            switch self {
            case .passed: "passed"
            case .failed: "failed"
            case .notApplicable: "not applicable"
            }
        }

        /// Why, if it did not pass; empty otherwise.
        package var reason: String {
            switch self {
            case .passed: ""
            case .failed(let reason), .notApplicable(let reason): reason
            }
        }

        /// The outcome of a word and a reason; nil unless there is such a word.
        package init?(word: String, reason: String) {
            switch word {
            case "passed": self = .passed
            case "failed": self = .failed(reason)
            case "not applicable": self = .notApplicable(reason)
            default: return nil
            }
        }
    }

    package let gate: PromotionGate
    /// The candidate's value; nil when it has none.
    package let value: Double?
    /// The promoted bundle's value on the same rows; nil when it has none.
    package let promoted: Double?
    /// The value that the candidate's may reach; nil when there is none.
    package let limit: Double?
    /// What nine of ten draws of units reach on the bad side; nil without draws enough.
    ///
    /// Beyond the limit, as the value must be too, it fails the candidate. Where two bundles are
    /// compared, it is the promoted one's value and the candidate's loss in nine of ten draws.
    package let bound: Double?
    package let outcome: Outcome

    package init(
        gate: PromotionGate, value: Double?, promoted: Double?, limit: Double?, bound: Double?,
        outcome: Outcome
    ) {
        self.gate = gate
        self.value = value
        self.promoted = promoted
        self.limit = limit
        self.bound = bound
        self.outcome = outcome
    }

    /// Whether the value is beyond the limit.
    package var isBeyondLimit: Bool {
        guard let value, let limit else { return false }
        return gate.isLowerBetter ? value > limit : value < limit
    }

    /// Whether the value is beyond the limit, and passes because other units might say otherwise.
    package var isByChance: Bool { isBeyondLimit && outcome == .passed }

    /// Whether the candidate is held for it.
    package var isFailed: Bool {
        if case .failed = outcome { true } else { false }
    }
}
