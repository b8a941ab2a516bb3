package import Prognostics

/// What training fitted for the features; it travels in the bundle.
///
/// The state of a unit lives in the space of one set of parameters: another set means that the
/// state is rebuilt from raw snapshots. ``canonicalBytes`` is what tells two sets apart.
package struct FeatureParameters: Equatable, Sendable {
    /// The most operating regimes; NASA's data has one or six.
    package static let regimeCountMax = 32
    /// The smallest standard deviation; what is below counts as 1 (docs/recipe.md, step 3).
    package static let deviationMin = 1e-6
    /// The greatest magnitude of any parameter: sensors read up to 1e4.
    package static let magnitudeMax = 1e9

    /// Operating regimes, in `1...regimeCountMax`.
    package let regimeCount: Int
    /// Centroids in scaled settings, `[regime, setting]`, row-major.
    package let centroids: [Double]
    /// Means of the raw sensor values, `[regime, sensor]`, row-major.
    package let means: [Double]
    /// Standard deviations of the raw sensor values, `[regime, sensor]`, row-major.
    package let deviations: [Double]
    /// What turns the z-scores of a snapshot into its health index: 14 weights, then the intercept.
    package let healthWeights: [Double]
    /// The greatest cycle seen in training; an older unit's age is clamped to it.
    package let ageMax: CycleCount

    /// Checks everything once, so that features are finite for every snapshot.
    package init(
        centroids: [Double], means: [Double], deviations: [Double], healthWeights: [Double],
        ageMax: CycleCount
    ) throws(FeatureParametersError) {
        let regimeCount = centroids.count / Snapshot.settingCount
        guard centroids.count == regimeCount * Snapshot.settingCount,
            (1...Self.regimeCountMax).contains(regimeCount)
        else { throw .centroidCount(centroids.count) }
        let expected = regimeCount * FeatureSpec.sensorCount
        guard means.count == expected else {
            throw .valueCount(name: "means", count: means.count, expected: expected)
        }
        guard deviations.count == expected else {
            throw .valueCount(name: "deviations", count: deviations.count, expected: expected)
        }
        guard healthWeights.count == FeatureSpec.sensorCount + 1 else {
            throw .valueCount(
                name: "health weights", count: healthWeights.count,
                expected: FeatureSpec.sensorCount + 1)
        }
        for (name, values) in [
            ("centroids", centroids), ("means", means), ("health weights", healthWeights),
        ] {
            for value in values where !(value.magnitude <= Self.magnitudeMax) {
                throw .outOfRange(name: name, value: "\(value)", range: "-1e9...1e9")
            }
        }
        for value in deviations where !(Self.deviationMin...Self.magnitudeMax).contains(value) {
            throw .outOfRange(name: "deviations", value: "\(value)", range: "1e-6...1e9")
        }
        self.regimeCount = regimeCount
        self.centroids = centroids
        self.means = means
        self.deviations = deviations
        self.healthWeights = healthWeights
        self.ageMax = ageMax
    }

    /// The bytes whose SHA-256 is the bundle's `feature_parameters`.
    ///
    /// The specification's identifier and a zero byte, regime count and age limit as UInt32, then
    /// centroids, means, deviations and health weights as Float64, all little-endian.
    package var canonicalBytes: [UInt8] {
        var writer = ByteWriter()
        writer.bytes += Array(FeatureSpec.identifier.utf8) + [0]
        writer.append(UInt32(regimeCount))
        writer.append(UInt32(bitPattern: ageMax.cycles))
        for value in centroids + means + deviations + healthWeights {
            writer.append(value.bitPattern)
        }
        return writer.bytes
    }

    /// The z-score of a sensor, saturated; `index` counts the sensors of the specification.
    package func score(_ snapshot: Snapshot, regime: Int, index: Int) -> Double {
        let parameter = regime * FeatureSpec.sensorCount + index
        let value = Double(snapshot.sensor(FeatureSpec.sensors[index]))
        let unbounded = (value - means[parameter]) / deviations[parameter]
        return min(max(unbounded, -FeatureSpec.zLimit), FeatureSpec.zLimit)
    }

    /// The fused health index of one snapshot, as ``FeatureState`` averages it.
    package func healthIndex(of snapshot: Snapshot) -> Double {
        let regime = regime(of: snapshot)
        var health = healthWeights[FeatureSpec.sensorCount]
        for index in 0..<FeatureSpec.sensorCount {
            health += healthWeights[index] * score(snapshot, regime: regime, index: index)
        }
        return HealthHistory.bounded(health)
    }

    /// The regime of a snapshot: the nearest centroid in scaled settings, the first one on a tie.
    package func regime(of snapshot: Snapshot) -> Int { nearestRegime(to: snapshot).regime }

    /// The regime of a snapshot and the squared distance to its centroid in scaled settings.
    package func nearestRegime(
        to snapshot: Snapshot
    ) -> (regime: Int, squaredDistance: Double) {
        var nearest = 0
        var nearestDistance = Double.infinity
        for regime in 0..<regimeCount {
            var distance = 0.0
            for index in 0..<Snapshot.settingCount {
                let scaled = Double(snapshot.columns[index]) / FeatureSpec.settingScales[index]
                let difference = scaled - centroids[regime * Snapshot.settingCount + index]
                distance += difference * difference
            }
            if distance < nearestDistance {
                nearest = regime
                nearestDistance = distance
            }
        }
        return (nearest, nearestDistance)
    }
}

/// A reason why numbers are no ``FeatureParameters``: they do not come from our training.
package enum FeatureParametersError: Error, Equatable {
    case centroidCount(Int)
    case valueCount(name: String, count: Int, expected: Int)
    case outOfRange(name: String, value: String, range: String)
}

extension FeatureParametersError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .centroidCount(let count):
            "The centroids have \(count) values, not 3 for each of 1 to 32 regimes. "
                + "Train the model again."
        case .valueCount(let name, let count, let expected):
            "There are \(count) \(name), expected \(expected). Train the model again."
        case .outOfRange(let name, let value, let range):
            "The value \(value) among the \(name) is outside \(range). Train the model again."
        }
    }
}
