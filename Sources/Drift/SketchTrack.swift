import Features

/// One quantity of a reading whose distribution a sketch holds.
package enum SketchTrack: Hashable, Sendable {
    /// The z-score of a sensor under the model's scaler; sensors are counted as the model's are.
    case level(sensor: Int)
    /// How often in a row a sensor has repeated its value.
    case repeats(sensor: Int)
    /// The fused health index of the snapshot.
    case healthIndex
    /// How far the settings are from the nearest regime that training saw, in scaled settings.
    case regimeDistance
    /// The predicted RUL.
    case rul
    /// The width of the prediction interval.
    case intervalWidth
    /// The predicted probability of failure within 30 cycles.
    case failureProbability

    /// Every track, in the order in which a sketch stores them.
    package static let all: [SketchTrack] =
        (0..<FeatureSpec.sensorCount).map { .level(sensor: $0) }
        + (0..<FeatureSpec.sensorCount).map { .repeats(sensor: $0) }
        + [.healthIndex, .regimeDistance, .rul, .intervalWidth, .failureProbability]

    /// Six standard deviations to both sides, in quarters: wear moves a sensor by four or five.
    package static let levelGrid = SketchGrid(low: -6, perUnit: 4, innerCount: 48)
    /// One bin per count; 16 repeats and more share one, and no sensor that works gets there.
    package static let repeatsGrid = SketchGrid(low: 0, perUnit: 1, innerCount: 16)
    /// The index falls from about 1 to 0.
    package static let indexGrid = SketchGrid(low: -1, perUnit: 16, innerCount: 48)
    /// Regimes of one fleet are at least 0.17 apart and vary by less than 0.001.
    package static let distanceGrid = SketchGrid(low: 0, perUnit: 256, innerCount: 64)
    /// RUL and interval width go up to 125 cycles.
    package static let cyclesGrid = SketchGrid(low: 0, perUnit: 0.25, innerCount: 32)
    /// A probability of 1 has an inner bin of its own.
    package static let probabilityGrid = SketchGrid(low: 0, perUnit: 32, innerCount: 33)

    /// The bins of the track.
    package var grid: SketchGrid {
        switch self {
        case .level: Self.levelGrid
        case .repeats: Self.repeatsGrid
        case .healthIndex: Self.indexGrid
        case .regimeDistance: Self.distanceGrid
        case .rul, .intervalWidth: Self.cyclesGrid
        case .failureProbability: Self.probabilityGrid
        }
    }

    /// Whether the track is about what a model said, not about what a sensor read.
    package var isPrediction: Bool {
        switch self {
        case .rul, .intervalWidth, .failureProbability: true
        case .level, .repeats, .healthIndex, .regimeDistance: false
        }
    }

    /// The track's name in messages and reports, such as `s11` or `s11_repeats`.
    package var name: String {
        switch self {
        case .level(let sensor): "s\(FeatureSpec.sensors[sensor])"
        case .repeats(let sensor): "s\(FeatureSpec.sensors[sensor])_repeats"
        case .healthIndex: "health_index"
        case .regimeDistance: "regime_distance"
        case .rul: "rul"
        case .intervalWidth: "interval_width"
        case .failureProbability: "failure_probability"
        }
    }
}
