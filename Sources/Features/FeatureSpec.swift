import Prognostics

/// The algorithm that turns snapshots into model inputs, version 2 (docs/recipe.md).
///
/// A bundle names the specification it was trained with; a device refuses a name it does not
/// implement. Any change of a number or an order below needs a new identifier.
package enum FeatureSpec {
    /// What a bundle's manifest and an offer call this algorithm.
    package static let identifier = "turbofan-features/2"
    /// The sensors that move, by number.
    ///
    /// Saxena et al. 2008, table 2 names them; docs/recipe.md, step 1 says why.
    package static let sensors = [2, 3, 4, 7, 8, 9, 11, 12, 13, 14, 15, 17, 20, 21]
    package static let sensorCount = 14
    /// Cycles that the window and the windowed statistics cover.
    package static let windowLength = 30
    /// First cycles of a unit whose mean is its baseline.
    package static let baselineLength = 20
    /// Latest cycles that `mean5` and `delta` cover.
    package static let recentLength = 5
    /// Channels of the window: EWMA of each sensor, own mean of each sensor, age.
    package static let channelCount = 2 * sensorCount + 1
    /// Snapshots of a unit from which on models are trained; before, predictions are flagged.
    package static let trainedFrom = 15
    /// What settings 1...3 are divided by before the nearest centroid is looked for.
    package static let settingScales: InlineArray<3, Double> = [42, 0.84, 100]
    /// Where z-scores saturate, in standard deviations.
    ///
    /// No healthy sensor comes near; the bound keeps every input of a model finite, whatever
    /// finite number a broken sensor sends.
    package static let zLimit = 1e6

    /// The nine numbers per sensor, in the order in which they stand among the features.
    package static let statistics = [
        "last", "ewma", "mean30", "std30", "slope30", "min30", "max30", "mean5", "delta",
    ]

    /// The ten numbers of the health index, in the order in which they stand among the features.
    package static let indexStatistics = [
        "last", "ewma", "ewma_slow", "own_mean", "baseline", "delta", "drift", "life_slope",
        "slope30", "mean30",
    ]

    /// The names of the 152 engineered features: sensor-major, then `cycle` and `regime`, each
    /// sensor's slope over the whole life, and the health index.
    package static let engineeredNames: [String] =
        sensors.flatMap { sensor in statistics.map { "s\(sensor)_\($0)" } } + ["cycle", "regime"]
        + sensors.map { "s\($0)_life_slope" } + indexStatistics.map { "index_\($0)" }
    package static let engineeredCount = 152
    /// The index of `cycle`, the unit's age, among the engineered features.
    package static let cycleIndex = sensorCount * 9

    /// The names of the 29 channels of the window.
    package static let channelNames: [String] =
        sensors.map { "s\($0)_ewma" } + sensors.map { "s\($0)_own_mean" } + ["age"]
}
