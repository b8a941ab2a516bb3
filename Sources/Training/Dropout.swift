import Datasets

/// Sets a share of values to 0 and scales the others up, so that their mean stays.
///
/// Source: Srivastava et al. 2014, with the scale in training instead of afterwards.
struct Dropout {
    /// What each value is multiplied with: 0, or 1 / (1 − share).
    private let factors: FloatBuffer
    /// The values after it.
    let output: FloatBuffer
    /// A 16-bit draw below this drops its value.
    private let threshold: UInt64

    /// - Precondition: `share` is in `0 ..< 1`.
    init(count: Int, share: Double) {
        factors = FloatBuffer(count: count)
        output = FloatBuffer(count: count)
        threshold = UInt64((share * 65_536).rounded())
        factors.base.update(repeating: 1, count: count)
    }

    /// Chooses anew which values are dropped; without a call, none are.
    func draw(_ generator: inout SplitMix64) {
        guard threshold > 0 else { return }
        let kept = 65_536 / Float(65_536 - threshold)
        var bits: UInt64 = 0
        for index in 0..<factors.count {
            if index.isMultiple(of: 4) { bits = generator.next() }
            factors.base[index] = bits & 0xFFFF < threshold ? 0 : kept
            bits >>= 16
        }
    }

    /// Multiplies `input` into ``output``.
    func forward(_ input: UnsafePointer<Float>) {
        for index in 0..<factors.count { output.base[index] = input[index] * factors.base[index] }
    }

    /// Multiplies a gradient by ``output`` into one by the input, in place.
    func backward(_ gradient: UnsafeMutablePointer<Float>) {
        for index in 0..<factors.count { gradient[index] *= factors.base[index] }
    }
}
