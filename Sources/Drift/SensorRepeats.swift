import Features
package import Prognostics

/// How often in a row each sensor of one unit has repeated its raw value.
///
/// A sensor that is stuck repeats for ever; one that works and is rounded coarsely repeats a few
/// times. The counts start again when the unit leaves memory.
package struct SensorRepeats: Equatable, Sendable {
    /// Where counts stop.
    package static let limit: UInt8 = 255

    /// The latest snapshot's repeats by sensor, counted as the model's are.
    package private(set) var counts = InlineArray<14, UInt8>(repeating: 0)
    /// The raw values before; NaN equals nothing.
    private var last = InlineArray<14, Float>(repeating: .nan)

    package init() {}

    /// Takes in the unit's next snapshot.
    package mutating func note(_ snapshot: Snapshot) {
        for index in 0..<FeatureSpec.sensorCount {
            let value = snapshot.sensor(FeatureSpec.sensors[index])
            counts[index] = value == last[index] ? min(counts[index], Self.limit - 1) + 1 : 0
            last[index] = value
        }
    }

    /// Two counts are equal when values and counts are.
    package static func == (lhs: Self, rhs: Self) -> Bool {
        (0..<FeatureSpec.sensorCount).allSatisfy {
            lhs.counts[$0] == rhs.counts[$0]
                && lhs.last[$0].bitPattern == rhs.last[$0].bitPattern
        }
    }
}
