/// How one sensor answers to wear, and how badly it measures.
///
/// The response is linear and relative to the operating point's nominal reading: over NASA's six
/// points the shift at failure is nearly the same fraction of the reading.
struct SensorResponse {
    /// The shift of a unit worn to failure in the compressor (HPC), as a fraction of the reading.
    let compressor: Double
    /// The same for a unit worn to failure in the fan.
    let fan: Double
    /// The share of the shift that follows the lost efficiency; the rest follows the lost flow.
    let efficiencyShare: Double
    /// Standard deviation of the measurement, in the sensor's unit.
    let noise: Double
    /// Standard deviation between new units of equal wear, in the sensor's unit.
    let build: Double
    /// What a unit's core speed adds to the shift at failure, as a fraction of the reading: the
    /// standard deviation between units with a worn compressor.
    let coreSpread: Double
    /// The standard deviation between new units that their core speed makes, in the sensor's unit.
    let coreBuild: Double
    /// Digits after the point in NASA's files.
    let decimals: Int

    /// The percent of wear at which a unit fails, to which the shifts refer.
    static let wearAtFailure = 8.6

    private init(
        _ compressor: Double, _ fan: Double, share: Double = 0.5, noise: Double,
        decimals: Int = 2, coreSpread: Double = 0, coreBuild: Double = 0
    ) {
        self.compressor = compressor
        self.fan = fan
        self.efficiencyShare = share
        self.noise = noise
        self.build = 0.15 * noise
        self.coreSpread = coreSpread
        self.coreBuild = coreBuild
        self.decimals = decimals
    }

    /// A sensor that reads its operating point and nothing else.
    private init(constant decimals: Int) { self.init(0, 0, noise: 0, decimals: decimals) }

    /// The shift from the typical new unit's reading, in the sensor's unit.
    ///
    /// `core` is the unit's own core speed, normally distributed, which shows as the unit wears
    /// from `new` on; a worn fan hides it.
    func shift(
        _ wear: Degradation.Wear, since new: Degradation.Wear, _ fault: Degradation.Fault,
        core: Double, nominal: Double
    ) -> Double {
        let typical = Degradation.typicalInitialWear
        let way = Self.wearAtFailure - typical
        switch fault {
        case .compressor:
            let own = coreSpread * core * (mixed(wear) - mixed(new))
            return nominal * (compressor * (mixed(wear) - typical) + own) / way
        case .fan:
            return nominal * fan * (mixed(wear) - typical) / way
        }
    }

    private func mixed(_ wear: Degradation.Wear) -> Double {
        efficiencyShare * wear.efficiency + (1 - efficiencyShare) * wear.flow
    }

    /// Sensors 1 to 21, in indices 0 to 20.
    ///
    /// Signs and sizes are those of FD001 to FD004: with a worn compressor P30 (7), phi (12) and
    /// the coolant bleeds (20, 21) fall; with a worn fan they rise, and EPR (10) with them. Noise
    /// is that of successive differences over the first 60 cycles of FD001's units. Core speed (9)
    /// and corrected core speed (14) go their own way there: they rise towards failure in 71 and
    /// 57 % of the units, together (correlation 0.98 to 1.0).
    static let all: [SensorResponse] = [
        SensorResponse(constant: 2),
        SensorResponse(0.00205, 0.0020, share: 0.6, noise: 0.30),
        SensorResponse(0.0099, 0.0132, share: 0.6, noise: 4.0),
        SensorResponse(0.0190, 0.0211, share: 0.6, noise: 3.9),
        SensorResponse(constant: 2),
        SensorResponse(0.0001, 0.0001, noise: 0.0015),
        SensorResponse(-0.0045, 0.0262, share: 0.4, noise: 0.40),
        SensorResponse(0.000_075, 0.000_25, noise: 0.030, coreSpread: -0.000_02),
        SensorResponse(0.0046, 0.0080, noise: 4.2, coreSpread: 0.0055, coreBuild: 6.3),
        SensorResponse(0, 0.0120, noise: 0.0005),
        SensorResponse(0.0170, 0.0215, share: 0.6, noise: 0.095),
        SensorResponse(-0.0041, 0.0267, share: 0.4, noise: 0.30),
        SensorResponse(0.000_075, 0.000_25, noise: 0.030, coreSpread: -0.000_02),
        SensorResponse(0.0036, 0.0070, noise: 3.1, coreSpread: 0.0055, coreBuild: 6.3),
        SensorResponse(0.0124, -0.0186, share: 0.4, noise: 0.020, decimals: 4),
        SensorResponse(constant: 2),
        SensorResponse(0.0104, 0.0138, noise: 0.88, decimals: 0),
        SensorResponse(constant: 0),
        SensorResponse(constant: 2),
        SensorResponse(-0.0127, 0.0150, share: 0.4, noise: 0.098),
        SensorResponse(-0.0126, 0.0151, share: 0.4, noise: 0.059, decimals: 4),
    ]
}
