/// The wear of one simulated unit, from its first cycle to the one in which it fails.
///
/// After Saxena et al. 2008. Health of a component, equation 5 with its constant corrected so that
/// a new component has h = 1 − d:
///
///     h(t) = 1 − d − (exp(a·t^b) − 1)
///
/// Efficiency and flow have their own d, a, b (equation 6). `wear` is 1 − h in percent; about 8.6
/// ends a life. How new engines differ is fitted to NASA's files: there the first readings tell how
/// much is left of each channel's way to its failure level (correlation −0.94), over a spread of a
/// sixth of that way, and hardly how many cycles are left (−0.2 to −0.5). Process noise, a mixture
/// of two normal distributions, is added to the trajectory, so wear is not locally monotonic; the
/// unit fails when the smallest of the normalized margins reaches 0 (equation 8).
struct Degradation {
    /// The component that wears.
    enum Fault { case compressor, fan }

    /// Wear of the failing component in one cycle, in percent.
    struct Wear {
        let efficiency: Double
        let flow: Double
    }

    /// Lives of accepted units, in cycles.
    ///
    /// A unit drawn outside is drawn again, so none is born failed; NASA's run from 128 to 543.
    static let lives = 100...550

    /// The wear of the typical new unit, in percent.
    static let typicalInitialWear = 2.5

    let fault: Fault
    /// The wear of cycle 1, 2 and so on; the unit fails in the last one.
    let wear: [Wear]

    /// Draws a unit's wear.
    init(
        _ fault: Fault, _ law: FleetConfiguration.WearLaw, _ random: inout SplitMix64
    ) {
        self.fault = fault
        // Fewer than 2 % of the draws fall outside `lives`: 1,000 in a row would mean that this
        // model is broken, not unlucky.
        for _ in 0..<1_000 {
            let path = Self.path(fault, law, &random)
            if Self.lives.contains(path.count) {
                wear = path
                return
            }
        }
        preconditionFailure("no life within \(Self.lives) cycles")
    }

    /// The constants a of equation 5 that give the median lives of NASA's files: 199 cycles with a
    /// worn compressor (FD001, FD002), 287 with a worn fan (FD003's units whose P30 rises).
    private static let compressorRate = 0.000_66
    private static let fanRate = 0.000_385

    /// a·t^b of equation 5 where the typical unit fails: 0.00066 · 199^1.5.
    private static let exponentAtFailure = 1.85

    /// d, a and b of equation 5 for one property of one component.
    private struct Growth {
        let initial: Double
        let rate: Double
        let power: Double

        /// Draws a property's growth for a unit whose service is `severity` times as hard as usual.
        ///
        /// `made` in 0...1 tells how well the whole unit was made.
        init(
            _ fault: Fault, _ law: FleetConfiguration.WearLaw, severity: Double, made: Double,
            _ random: inout SplitMix64
        ) {
            initial = 2 * Degradation.typicalInitialWear * (0.9 * made + 0.1 * random.uniform())
            let typical = fault == .compressor ? compressorRate : fanRate
            let gradual = typical * severity * (1 + 0.06 * random.normal())
            let spread = 0.01 * random.normal()
            switch law {
            case .gradual: (rate, power) = (gradual, 1.5 + spread)
            case .sudden:
                // Both laws reach `exponentAtFailure` in the same cycle, so that lives are alike.
                rate = gradual * gradual / Degradation.exponentAtFailure
                power = 3 + spread
            }
        }

        func wear(_ cycle: Int) -> Double {
            initial + PortableMath.exp(rate * PortableMath.power(Double(cycle), power)) - 1
        }
    }

    /// How much of a margin one percent of wear of the failing component takes.
    private struct Margin {
        let efficiency: Double
        let flow: Double

        func left(_ wear: Wear) -> Double { 1 - efficiency * wear.efficiency - flow * wear.flow }
    }

    /// The margins of fan, compressor (HPC), turbine (HPT) and exhaust temperature (EGT).
    private static func margins(_ fault: Fault) -> [Margin] {
        switch fault {
        case .compressor:
            [
                Margin(efficiency: 0.010, flow: 0.020), Margin(efficiency: 0.055, flow: 0.060),
                Margin(efficiency: 0.040, flow: 0.045), Margin(efficiency: 0.075, flow: 0.035),
            ]
        case .fan:
            [
                Margin(efficiency: 0.055, flow: 0.060), Margin(efficiency: 0.020, flow: 0.030),
                Margin(efficiency: 0.020, flow: 0.020), Margin(efficiency: 0.070, flow: 0.040),
            ]
        }
    }

    /// One draw of a whole life, cut off where it is too long to be accepted.
    private static func path(
        _ fault: Fault, _ law: FleetConfiguration.WearLaw, _ random: inout SplitMix64
    ) -> [Wear] {
        // Bounded away from 0, where a unit would never fail.
        let severity = max(0.25, 1 + 0.30 * random.normal())
        let made = random.uniform()
        let efficiency = Growth(fault, law, severity: severity, made: made, &random)
        let flow = Growth(fault, law, severity: severity, made: made, &random)
        let margins = margins(fault)
        var path: [Wear] = []
        for cycle in 1...lives.upperBound + 1 {
            let wear = Wear(
                efficiency: efficiency.wear(cycle) + processNoise(&random),
                flow: flow.wear(cycle) + processNoise(&random))
            path.append(wear)
            if margins.contains(where: { $0.left(wear) <= 0 }) { break }
        }
        return path
    }

    /// Process noise in percent of wear: two normal distributions, equally likely.
    private static func processNoise(_ random: inout SplitMix64) -> Double {
        let deviation = random.next() & 1 == 0 ? 0.12 : 0.18
        return deviation * random.normal()
    }
}
