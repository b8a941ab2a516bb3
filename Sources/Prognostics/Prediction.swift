/// What the promoted model says about one unit after one cycle: an interval, never a bare number.
package struct Prediction: Equatable, Sendable {
    /// The RUL at which the target saturates: "125" reads "125 cycles or more".
    package static let cap: Float = 125

    /// Remaining useful life in cycles, in `0...125`.
    package let rul: Float
    /// Lower end of the 90 % interval, in `0...rul`.
    package let rulLow: Float
    /// Upper end of the 90 % interval, in `rul...125`.
    package let rulHigh: Float
    /// Probability that the unit fails within 30 cycles, in `0...1`.
    package let failureProbability: Float
    /// What makes this prediction weaker than others.
    package let flags: PredictionFlags

    /// - Precondition: `0 <= rulLow <= rul <= rulHigh <= 125` and the probability is in `0...1`.
    package init(
        rul: Float, rulLow: Float, rulHigh: Float, failureProbability: Float,
        flags: PredictionFlags
    ) {
        precondition(0 <= rulLow && rulLow <= rul && rul <= rulHigh && rulHigh <= Self.cap)
        precondition((0...1).contains(failureProbability))
        self.rul = rul
        self.rulLow = rulLow
        self.rulHigh = rulHigh
        self.failureProbability = failureProbability
        self.flags = flags
    }
}

/// Circumstances that a reader of a prediction must know.
package struct PredictionFlags: OptionSet, Hashable, Sendable {
    package let rawValue: UInt8

    package init(rawValue: UInt8) { self.rawValue = rawValue }

    /// Fewer than 15 snapshots of this installation: training starts at a unit's 15th.
    package static let early = Self(rawValue: 1)
    /// The unit was first seen after cycle 1, or its raw history was released: its own mean and
    /// baseline do not cover its youth.
    package static let lateStarter = Self(rawValue: 2)
    /// The unit is older than any training unit; the age channel is clamped.
    package static let ageClamped = Self(rawValue: 4)
    /// At least one cycle of this installation never arrived.
    package static let gap = Self(rawValue: 8)

    /// The names of the set flags, in a fixed order: how payloads and logs write them.
    package var names: [String] { Self.all.filter { contains($0.flag) }.map(\.name) }

    /// The flags of these names; nil unless they are known, in their order and none twice.
    package init?(names: [String]) {
        self = Self(Self.all.filter { names.contains($0.name) }.map(\.flag))
        guard self.names == names else { return nil }
    }

    private static let all: [(flag: Self, name: String)] = [
        (.early, "early"), (.lateStarter, "late_starter"), (.ageClamped, "age_clamped"),
        (.gap, "gap"),
    ]
}
