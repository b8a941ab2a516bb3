/// Transcendental functions of our own, so that every machine computes the same bits.
package enum PortableMath {
    /// e to the power of `x`, with a relative error below 4e-16 for results in `Double`'s range.
    ///
    /// x = k ln 2 + r with |r| <= ln 2 / 2; ln 2 in two parts (Cody and Waite 1980) keeps `r` exact
    /// to the last bit. The Taylor polynomial of degree 13 leaves r^14 / 14! < 5e-18 off. Only
    /// additions, multiplications and a change of exponent: no step depends on the machine.
    /// Results beyond `exp(±700)` saturate there; a NaN gives `exp(-700)`.
    package static func exp(_ x: Double) -> Double {
        let bounded = x > -700 ? min(x, 700) : -700
        let scaled = bounded * 1.442_695_040_888_963_4
        let power = Int64(scaled < 0 ? scaled - 0.5 : scaled + 0.5)
        // The upper part has 21 trailing zero bits, so its product with |k| < 2^11 is exact.
        let upper = Double(power) * 0x1.62e42feep-1
        let rest = (bounded - upper) - Double(power) * 0x1.a39ef35793c76p-33
        var sum = inverseFactorials[13]
        for index in stride(from: 12, through: 0, by: -1) {
            sum = sum * rest + inverseFactorials[index]
        }
        return sum * Double(bitPattern: UInt64(power + 1023) << 52)
    }

    /// 1 / (1 + exp(-x)), in `0...1`.
    package static func sigmoid(_ x: Double) -> Double { 1 / (1 + exp(-x)) }

    /// 1 / n! for n in `0...13`.
    private static let inverseFactorials: InlineArray<14, Double> = [
        1, 1, 1 / 2, 1 / 6, 1 / 24, 1 / 120, 1 / 720, 1 / 5_040, 1 / 40_320, 1 / 362_880,
        1 / 3_628_800, 1 / 39_916_800, 1 / 479_001_600, 1 / 6_227_020_800,
    ]
}
