import Features

/// Inputs that a model is trained without, to measure what they are worth.
///
/// A masked input is 0 in every training row, and the trained model cannot tell what it is: trees
/// find no cut on a constant, and a network's weights for it are set to 0. So the bundle carries no
/// mask and runs as any other: it ignores the input.
package struct InputMask: OptionSet, Hashable, Sendable {
    package let rawValue: UInt8

    package init(rawValue: UInt8) { self.rawValue = rawValue }

    /// A unit's own past: the own means of a window; for trees, what compares with a unit's first
    /// cycles or spans its whole life.
    package static let ownMean = Self(rawValue: 1)
    /// How old a unit is: the window's age, the cycle for trees.
    package static let age = Self(rawValue: 2)

    private static let names: [(name: String, mask: Self)] = [
        ("own-mean", .ownMean), ("age", .age),
    ]

    /// Endings of the features that know more of a unit than its latest 30 cycles.
    private static let ownEndings = [
        "_delta", "_life_slope", "index_own_mean", "index_baseline", "index_drift",
    ]

    /// Reads names separated by commas, each `own-mean` or `age`; nil when one is neither.
    package init?(_ text: String) {
        self = []
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            guard let known = Self.names.first(where: { $0.name == part }) else { return nil }
            insert(known.mask)
        }
    }

    /// The set masks' names, separated by commas; empty for none.
    package var text: String {
        Self.names.filter { contains($0.mask) }.map(\.name).joined(separator: ",")
    }

    /// The channels of the window that are masked.
    package var channels: [Int] {
        FeatureSpec.channelNames.indices.filter { index in
            let name = FeatureSpec.channelNames[index]
            return contains(.ownMean) && name.hasSuffix("_own_mean")
                || contains(.age) && name == "age"
        }
    }

    /// The engineered features that are masked.
    package var features: [Int] {
        FeatureSpec.engineeredNames.indices.filter { index in
            let name = FeatureSpec.engineeredNames[index]
            return contains(.ownMean) && Self.ownEndings.contains { name.hasSuffix($0) }
                || contains(.age) && name == "cycle"
        }
    }

    /// What a run's parameters end with.
    var parameterText: String { isEmpty ? "" : " without=\(text)" }
}
