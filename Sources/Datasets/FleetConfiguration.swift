/// What a simulated fleet is made of.
package struct FleetConfiguration: Equatable, Sendable {
    /// Operating regimes that engines fly in.
    package enum Regimes: Int, CaseIterable, Sendable {
        /// Sea level only, as in FD001 and FD003.
        case one = 1
        /// Six points of altitude, Mach number and throttle, as in FD002 and FD004.
        case six = 6
    }

    /// Faults of which each unit gets one.
    package enum FaultModes: Int, CaseIterable, Sendable {
        /// Wear of the high-pressure compressor, as in FD001 and FD002.
        case one = 1
        /// Wear of the high-pressure compressor or of the fan, as in FD003 and FD004.
        case two = 2
    }

    /// How wear grows over a life; fleets of both laws have sensors that answer to wear alike.
    package enum WearLaw: String, CaseIterable, Sendable {
        /// As in the paper and in NASA's data: slowly at first, and visible from mid-life on.
        case gradual
        /// Hardly at all for two thirds of a life, then fast: the same wear leaves half the cycles.
        case sudden
    }

    /// The greatest fleet: 20,000 units make files of up to 750 MB.
    package static let unitsMax = 20_000

    /// Training units, and as many test units, in `1...unitsMax`.
    package let units: Int
    /// Equal seeds give equal bytes on every machine.
    package let seed: UInt64
    /// How many operating regimes there are.
    package let regimes: Regimes
    /// How many kinds of fault there are.
    package let faultModes: FaultModes
    /// How wear grows.
    package let wearLaw: WearLaw

    /// Creates a configuration; `nil` when `units` is out of range.
    package init?(
        units: Int, seed: UInt64, regimes: Regimes = .one, faultModes: FaultModes = .one,
        wearLaw: WearLaw = .gradual
    ) {
        guard (1...Self.unitsMax).contains(units) else { return nil }
        self.units = units
        self.seed = seed
        self.regimes = regimes
        self.faultModes = faultModes
        self.wearLaw = wearLaw
    }
}
