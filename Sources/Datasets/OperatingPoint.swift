/// One of the six operating points of C-MAPSS, and what a new engine's sensors read there.
///
/// Altitude, Mach number and throttle are those of Saxena et al. 2008; the nominal readings have
/// the magnitudes of NASA's files.
struct OperatingPoint {
    /// Altitude in 1000 ft.
    let altitude: Double
    /// Mach number.
    let mach: Double
    /// Throttle resolver angle (TRA), in degrees as the files give it.
    let throttle: Double
    /// Its weight when a cycle's point is drawn, out of 20.
    let weight: Int
    /// Readings of sensors 1 to 21 in `SensorChannel`'s units, in indices 0 to 20.
    let nominal: [Double]

    /// Sea level first: the one point of fleets with one regime.
    static let all: [OperatingPoint] = [
        OperatingPoint(
            altitude: 0, mach: 0, throttle: 100, weight: 3,
            nominal: [
                518.67, 642.38, 1586.8, 1402.7, 14.62, 21.6075, 553.95,
                2388.06, 9056.0, 1.3, 47.35, 521.91, 2388.06, 8137.4,
                8.4171, 0.03, 392.3, 2388, 100, 38.94, 23.358,
            ]),
        OperatingPoint(
            altitude: 10, mach: 0.25, throttle: 100, weight: 3,
            nominal: [
                489.05, 604.61, 1498.5, 1305.5, 10.52, 15.49, 394.72,
                2318.89, 8777.8, 1.26, 45.31, 371.79, 2388.09, 8130.3,
                8.6387, 0.03, 368.8, 2319, 100, 28.61, 17.164,
            ]),
        OperatingPoint(
            altitude: 20, mach: 0.7, throttle: 100, weight: 3,
            nominal: [
                491.19, 607.30, 1482.3, 1248.0, 9.35, 13.65, 334.84,
                2323.94, 8722.4, 1.08, 44.28, 315.18, 2388.07, 8060.8,
                9.2065, 0.02, 364.5, 2324, 100, 24.53, 14.712,
            ]),
        OperatingPoint(
            altitude: 25, mach: 0.62, throttle: 60, weight: 3,
            nominal: [
                462.54, 536.69, 1259.9, 1045.9, 7.05, 9.03, 175.57,
                1915.33, 8009.4, 0.94, 36.65, 164.71, 2028.23, 7873.7,
                10.8825, 0.02, 306.6, 1915, 84.93, 14.30, 8.581,
            ]),
        OperatingPoint(
            altitude: 35, mach: 0.84, throttle: 100, weight: 3,
            nominal: [
                449.44, 555.53, 1363.7, 1126.5, 5.48, 8, 194.62,
                2222.94, 8349.2, 1.02, 41.83, 183.18, 2388.03, 8067.1,
                9.3068, 0.02, 333.4, 2223, 100, 14.87, 8.924,
            ]),
        OperatingPoint(
            altitude: 42, mach: 0.84, throttle: 100, weight: 5,
            nominal: [
                445, 549.45, 1351.2, 1122.7, 3.91, 5.71, 138.76,
                2211.90, 8320.3, 1.02, 41.99, 130.65, 2387.97, 8084.0,
                9.3532, 0.02, 330.2, 2212, 100, 10.62, 6.369,
            ]),
    ]

    /// Draws the point of one cycle.
    static func draw(
        _ regimes: FleetConfiguration.Regimes, _ random: inout SplitMix64
    ) -> OperatingPoint {
        guard regimes == .six else { return all[0] }
        // 20 is the sum of the weights; the remainder's bias is below 2^-59.
        var ticket = Int(random.next() % 20)
        for point in all {
            if ticket < point.weight { return point }
            ticket -= point.weight
        }
        preconditionFailure("the weights sum to 20")
    }

    /// The settings that a cycle's row shows: the point, not held perfectly.
    ///
    /// One regime scatters around 0 as in FD001; six stay within a few feet as in FD002.
    func settings(
        _ regimes: FleetConfiguration.Regimes, _ random: inout SplitMix64
    ) -> [Double] {
        switch regimes {
        case .one: [0.0022 * random.normal(), 0.0003 * random.normal(), throttle]
        case .six:
            [
                altitude + random.uniform(in: 0...0.008), mach + random.uniform(in: 0...0.002),
                throttle,
            ]
        }
    }
}
