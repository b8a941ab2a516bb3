/// The sensor channels of a turbofan: symbol, quantity and unit of each column s1...s21.
///
/// Source: Saxena, Goebel, Simon, Eklund, "Damage propagation modeling for aircraft engine
/// run-to-failure simulation", PHM 2008, table 2.
package enum SensorChannel: Int, CaseIterable, Sendable {
    case t2 = 1, t24, t30, t50, p2, p15, p30, nf, nc, epr, ps30, phi, nrf, nrc, bpr, farB, htBleed,
        nfDemanded, pcnfrDemanded, w31, w32

    /// The column's number in `1...21`.
    package var number: Int { rawValue }

    /// The paper's symbol for the quantity.
    package var symbol: String {
        switch self {
        case .t2: "T2"
        case .t24: "T24"
        case .t30: "T30"
        case .t50: "T50"
        case .p2: "P2"
        case .p15: "P15"
        case .p30: "P30"
        case .nf: "Nf"
        case .nc: "Nc"
        case .epr: "epr"
        case .ps30: "Ps30"
        case .phi: "phi"
        case .nrf: "NRf"
        case .nrc: "NRc"
        case .bpr: "BPR"
        case .farB: "farB"
        case .htBleed: "htBleed"
        case .nfDemanded: "Nf_dmd"
        case .pcnfrDemanded: "PCNfR_dmd"
        case .w31: "W31"
        case .w32: "W32"
        }
    }

    /// The physical unit; `-` for a ratio.
    package var unit: String {
        switch self {
        case .t2, .t24, .t30, .t50: "degR"
        case .p2, .p15, .p30, .ps30: "psia"
        case .nf, .nc, .nrf, .nrc, .nfDemanded, .pcnfrDemanded: "rpm"
        case .phi: "pps/psi"
        case .w31, .w32: "lbm/s"
        case .epr, .bpr, .farB, .htBleed: "-"
        }
    }
}
