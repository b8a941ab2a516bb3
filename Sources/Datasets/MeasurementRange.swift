package import Prognostics

/// What a channel of this engine can possibly read: beyond it, the sensor is broken.
///
/// For sensors, half of the least to twice the greatest reading in NASA's FD001 to FD004, over all
/// regimes and up to failure; settings have ranges of their kind. A dead channel's 0 or -999, and a
/// value in another unit by orders of magnitude, fall outside; wear never does.
package enum MeasurementRange {
    /// Of the 24 columns of a snapshot.
    private static let ranges: [ClosedRange<Float>] = [
        // Altitude in 1000 ft, Mach number, throttle angle.
        -2...60, -0.1...1.5, 0...200,
        // T2, T24, T30, T50.
        222...1_038, 267...1_291, 621...3_234, 511...2_883,
        // P2, P15, P30.
        1.95...29.3, 2.83...43.3, 68...1_142,
        // Nf, Nc, epr, Ps30, phi.
        957...4_778, 3_992...18_490, 0.46...2.64, 18...97.1, 64.1...1_075,
        // NRf, NRc, BPR, farB, htBleed.
        1_013...4_781, 3_922...16_588, 4.07...22.2, 0.01...0.06, 151...800,
        // Nf_dmd, PCNfR_dmd, W31, W32.
        957...4_776, 42.4...200, 5.08...79.8, 3...47.91,
    ]

    /// The first column of a snapshot that is outside of its range; nil when none is.
    package static func violation(
        in snapshot: Snapshot
    ) -> (column: Int, value: Float, range: ClosedRange<Float>)? {
        for (index, range) in ranges.enumerated()
        where !range.contains(snapshot.columns[index]) {
            return (index, snapshot.columns[index], range)
        }
        return nil
    }

    /// The name of a snapshot's column.
    package static func name(ofColumn index: Int) -> String {
        index < Snapshot.settingCount
            ? "setting_\(index + 1)" : "s\(index - Snapshot.settingCount + 1)"
    }
}
