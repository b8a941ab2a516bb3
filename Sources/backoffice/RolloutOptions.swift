import ArgumentParser
import Fleet

/// How a promoted model reaches the fleet.
enum Delivery: String, CaseIterable, ExpressibleByArgument {
    case all, staged
}

/// Whether a newly promoted model goes out in stages.
struct DeliveryOptions: ParsableArguments {
    @Option(
        help: .setting(
            "ROLLOUT",
            "How a newly promoted model reaches the fleet: 'all' at once, or 'staged'.",
            default: "all"))
    var rollout: Delivery?

    /// The plan of a staged delivery; nil for all at once.
    func plan(_ options: RolloutPlanOptions) throws -> RolloutPlan? {
        let delivery = try Setting.optional(rollout, "ROLLOUT") ?? .all
        return delivery == .staged ? try options.plan() : nil
    }
}

/// Who gets a candidate in which order, and what ends a rollout.
struct RolloutPlanOptions: ParsableArguments {
    @Option(
        help: .setting(
            "ROLLOUT_CANARY",
            "Who gets it first: a share like '5%', at least one agent, or agents separated by "
                + "commas.",
            default: RolloutPlan.standard.canary))
    var rolloutCanary: String?

    @Option(
        help: .setting(
            "ROLLOUT_WAVES",
            "Growing shares of the fleet after the canary and before everybody.",
            default: RolloutPlan.standard.waves))
    var rolloutWaves: String?

    @Option(
        help: .setting(
            "ROLLOUT_FAILURES",
            "Agents that may fail before the rollout halts itself, 0 to 1000000.", default: "0"))
    var rolloutFailures: Int?

    @Option(
        help: .setting(
            "ROLLOUT_FAILURE_SHARE",
            "The share of the agents reached that may fail, where that is more, 0 to 1.",
            default: "0.02"))
    var rolloutFailureShare: Double?

    @Option(
        help: .setting(
            "ROLLOUT_DEADLINE",
            "Seconds, 1 to 2592000, that an agent may take to run the candidate, or be silent.",
            default: "3600"))
    var rolloutDeadline: Int64?

    @Option(
        help: .setting(
            "ROLLOUT_SOAK", "Seconds, 0 to 2592000, that each stage lasts at least.",
            default: "1800"))
    var rolloutSoak: Int64?

    @Option(
        help: .setting(
            "ROLLOUT_PREDICTIONS",
            "Predictions by the candidate that each stage needs, 0 to 1000000000.",
            default: "100"))
    var rolloutPredictions: Int64?

    /// The plan, wherever its parts were named.
    func plan() throws -> RolloutPlan {
        func value<Value: Comparable & ExpressibleByArgument>(
            _ option: Value?, _ key: String, _ fallback: Value, _ range: ClosedRange<Value>
        ) throws -> Value {
            let value = try Setting.optional(option, key) ?? fallback
            guard range.contains(value) else {
                throw ValidationError(
                    "\(key) is \(value), expected \(range.lowerBound) to \(range.upperBound).")
            }
            return value
        }
        var limits = RolloutPlan.Limits()
        limits.failureCountMax = try value(
            rolloutFailures, "ROLLOUT_FAILURES", limits.failureCountMax, 0...1_000_000)
        limits.failureShareMax = try value(
            rolloutFailureShare, "ROLLOUT_FAILURE_SHARE", limits.failureShareMax, 0...1)
        limits.reportSeconds = try value(
            rolloutDeadline, "ROLLOUT_DEADLINE", limits.reportSeconds, 1...2_592_000)
        limits.soakSeconds = try value(
            rolloutSoak, "ROLLOUT_SOAK", limits.soakSeconds, 0...2_592_000)
        limits.predictionCountMin = try value(
            rolloutPredictions, "ROLLOUT_PREDICTIONS", limits.predictionCountMin, 0...1_000_000_000)
        do {
            return try RolloutPlan(
                canary: try Setting.optional(rolloutCanary, "ROLLOUT_CANARY")
                    ?? RolloutPlan.standard.canary,
                waves: try Setting.optional(rolloutWaves, "ROLLOUT_WAVES")
                    ?? RolloutPlan.standard.waves,
                limits: limits)
        } catch let error as RolloutPlanError {
            throw ValidationError(error.description)
        }
    }
}
