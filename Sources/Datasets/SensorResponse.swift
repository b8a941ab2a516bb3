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
    /// Standard deviation between new units, in the sensor's unit.
    let build: Double
    /// Digits after the point in NASA's files.
    let decimals: Int

    /// The percent of wear at which a unit fails, to which the shifts refer.
    static let wearAtFailure = 8.6

    private init(
        _ compressor: Double, _ fan: Double, share: Double = 0.5, noise: Double,
        decimals: Int = 2
    ) {
        self.compressor = compressor
        self.fan = fan
        self.efficiencyShare = share
        self.noise = noise
        self.build = 0.6 * noise
        self.decimals = decimals
    }

    /// A sensor that reads its operating point and nothing else.
    private init(constant decimals: Int) { self.init(0, 0, noise: 0, decimals: decimals) }

    /// The shift in the sensor's unit.
    func shift(_ wear: Degradation.Wear, _ fault: Degradation.Fault, nominal: Double) -> Double {
        let atFailure = fault == .compressor ? compressor : fan
        let mixed = efficiencyShare * wear.efficiency + (1 - efficiencyShare) * wear.flow
        return nominal * atFailure * mixed / Self.wearAtFailure
    }

    /// Sensors 1 to 21, in indices 0 to 20.
    ///
    /// Signs and sizes are those of FD001 to FD004: with a worn compressor P30 (7), phi (12) and
    /// the coolant bleeds (20, 21) fall; with a worn fan they rise.
    static let all: [SensorResponse] = [
        SensorResponse(constant: 2),
        SensorResponse(0.0021, 0.0016, share: 0.6, noise: 0.30),
        SensorResponse(0.0096, 0.0113, share: 0.6, noise: 3.8),
        SensorResponse(0.0188, 0.0180, share: 0.6, noise: 4.6),
        SensorResponse(constant: 2),
        SensorResponse(0, 0, noise: 0.002),
        SensorResponse(-0.0045, 0.0259, share: 0.4, noise: 0.42),
        SensorResponse(0.000_077, 0.000_21, noise: 0.036),
        SensorResponse(0.0046, 0.0075, noise: 6.0),
        SensorResponse(constant: 2),
        SensorResponse(0.0170, 0.0187, share: 0.6, noise: 0.125),
        SensorResponse(-0.0042, 0.0264, share: 0.4, noise: 0.34),
        SensorResponse(0.000_077, 0.000_21, noise: 0.036),
        SensorResponse(0.0036, 0.0067, noise: 5.6),
        SensorResponse(0.0123, -0.0200, share: 0.4, noise: 0.020, decimals: 4),
        SensorResponse(constant: 2),
        SensorResponse(0.0102, 0.0119, noise: 0.85, decimals: 0),
        SensorResponse(constant: 0),
        SensorResponse(constant: 2),
        SensorResponse(-0.0126, 0.0161, share: 0.4, noise: 0.095),
        SensorResponse(-0.0126, 0.0163, share: 0.4, noise: 0.057, decimals: 4),
    ]
}
