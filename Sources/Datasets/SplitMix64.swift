/// A pseudo-random generator that is the same on every machine.
///
/// Source: Steele, Lea, Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014,
/// figure 17, with the constants of variant 13 by Stafford: γ = 0x9e3779b97f4a7c15.
package struct SplitMix64: RandomNumberGenerator, Sendable {
    /// The golden-ratio increment γ of the paper.
    private static let gamma: UInt64 = 0x9E37_79B9_7F4A_7C15

    private var state: UInt64

    /// Creates a generator; equal seeds give equal sequences.
    package init(seed: UInt64) { state = seed }

    /// The next 64 bits.
    package mutating func next() -> UInt64 {
        state &+= Self.gamma
        return Self.mix(state)
    }

    /// The paper's finalizer `mix64`: a bijection in which each input bit moves every output bit.
    package static func mix(_ value: UInt64) -> UInt64 {
        var z = value
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }

    /// The upper 53 bits as a fraction in `0 ..< 1`, exact in a Double.
    package static func fraction(_ value: UInt64) -> Double { Double(value >> 11) * 0x1p-53 }

    /// The next number in `0 ..< 1`, evenly distributed.
    package mutating func uniform() -> Double { Self.fraction(next()) }

    /// The next number in `range`, evenly distributed.
    package mutating func uniform(in range: ClosedRange<Double>) -> Double {
        range.lowerBound + (range.upperBound - range.lowerBound) * uniform()
    }
}
