/// Exponential and logarithm that are the same bits on every machine.
///
/// Only operations that IEEE 754 rounds exactly are used, in a fixed order; the C library's
/// functions differ between versions. Accurate to about 1e-15 relative for moderate arguments.
enum PortableMath {
    /// ln 2 in two parts whose product with a small integer is exact in the first (fdlibm,
    /// e_exp.c).
    private static let ln2High = 0x1.62e42feep-1
    private static let ln2Low = 0x1.a39ef35793c76p-33

    /// e^x, by x = k·ln 2 + r and the Taylor series of e^r up to r^13, |r| ≤ ln 2 / 2.
    /// - Precondition: `x` is in `-700...700`, so that the result is a normal number.
    static func exp(_ x: Double) -> Double {
        precondition((-700...700).contains(x), "exp(\(x)) is out of range")
        let k = (x / (ln2High + ln2Low)).rounded(.toNearestOrEven)
        let r = (x - k * ln2High) - k * ln2Low
        var sum = 1.0
        for n in stride(from: 13.0, through: 1.0, by: -1.0) { sum = 1 + r / n * sum }
        return Double(sign: .plus, exponent: Int(k), significand: sum)
    }

    /// ln x, by x = m·2^e with √½ ≤ m ≤ √2 and ln m = 2·artanh((m − 1)/(m + 1)) up to s^21.
    /// - Precondition: `x` is positive, finite and not subnormal.
    static func log(_ x: Double) -> Double {
        precondition(x.isNormal && x > 0, "log(\(x)) is out of range")
        var m = x.significand
        var e = Double(x.exponent)
        if m > 1.414_213_562_373_095 {
            m /= 2
            e += 1
        }
        let s = (m - 1) / (m + 1)
        var sum = 0.0
        for n in stride(from: 21.0, through: 1.0, by: -2.0) { sum = sum * (s * s) + 1 / n }
        return e * ln2High + (e * ln2Low + 2 * s * sum)
    }

    /// x^y for a positive x.
    static func power(_ x: Double, _ y: Double) -> Double { exp(y * log(x)) }
}

extension SplitMix64 {
    /// The next normal deviate, mean 0 and standard deviation 1, exact on every machine.
    ///
    /// The sum of twelve even 16-bit numbers, whose variance is 2^32 − 1 (Irwin and Hall 1927):
    /// no logarithm, and no value beyond 6 standard deviations.
    mutating func normal() -> Double {
        var sum: UInt64 = 0
        for _ in 0..<3 {
            let word = next()
            for shift in stride(from: UInt64(0), to: 64, by: 16) {
                sum += (word >> shift) & 0xFFFF
            }
        }
        return (Double(sum) - 6 * 65_535) / 65_536
    }
}
