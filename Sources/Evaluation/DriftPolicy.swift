import Drift

/// When a difference from training is worth an operator's attention.
///
/// Effect sizes decide, not p-values: with enough readings any difference is significant, and few
/// matter. What a fleet of this many engines may differ by chance is allowed for, then the rest
/// must be large, and stay.
package struct DriftPolicy: Equatable, Sendable {
    /// Readings of a regime below which a window says nothing about it.
    package var readingCountMin = 50
    /// The Wasserstein distance, in training standard deviations, beyond what chance allows.
    package var distanceMin = 0.25
    /// The population stability index beyond what chance allows; 0.25 is the usual "large change".
    package var psiMin = 0.25
    /// Standard errors that chance is allowed.
    package var errorsAllowed = 3.0
    /// Readings where training has none, for one window to count as moved.
    package var strangerCountMin = 3
    /// Windows of the newest ``windowCountMax`` that must have moved for a drift.
    package var movedCountMin = 3
    /// Newest windows that are looked at.
    package var windowCountMax = 4

    package init() {}

    /// Bins beyond the last one that training filled in which a reading is no stranger yet.
    ///
    /// A level may go three standard deviations further than any training engine's went.
    static func margin(_ track: SketchTrack) -> Int {
        switch track {
        case .level, .healthIndex: 12
        case .repeats: 4
        case .regimeDistance: 1
        // Everything a model can say lies within its grid.
        case .rul, .intervalWidth, .failureProbability: 64
        }
    }
}
