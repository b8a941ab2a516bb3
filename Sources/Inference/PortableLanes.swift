/// Eight floats side by side; every operation on them is rounded as a single Float's.
package typealias Lanes = SIMD8<Float>

extension UnsafePointer<Float> {
    /// Eight neighbours from `index` on.
    @inline(__always)
    func lanes(at index: Int) -> Lanes {
        UnsafeRawPointer(self + index).loadUnaligned(as: Lanes.self)
    }
}

extension UnsafeMutablePointer<Float> {
    /// Replaces eight neighbours from `index` on.
    @inline(__always)
    func store(_ lanes: Lanes, at index: Int) {
        UnsafeMutableRawPointer(self + index).storeBytes(of: lanes, as: Lanes.self)
    }
}

/// Elementwise arithmetic of `docs/int8-arithmetic.md`: additions, multiplications, divisions and
/// changes of bits, so that every machine computes the same.
extension PortableMath {
    /// 1.5 · 2^23: adding it to a float below 2^22 in magnitude leaves no room for a fraction.
    private static let roundingShift: Float = 0x1.8p23
    /// The bits of ``roundingShift``, which a rounded number has added to its own.
    private static let roundingShiftBits: Int32 = 0x4B40_0000

    /// The nearest whole number, ties to even, of numbers below 2^22 in magnitude.
    @inline(__always)
    package static func rounded(_ x: Lanes) -> Lanes { (x + roundingShift) - roundingShift }

    /// The lanes inside `low...high`.
    @inline(__always)
    static func clamped(_ x: Lanes, _ low: Float, _ high: Float) -> Lanes {
        let raised = x.replacing(with: Lanes(repeating: low), where: x .< low)
        return raised.replacing(with: Lanes(repeating: high), where: raised .> high)
    }

    /// Whole numbers below 2^22 in magnitude as floats, exactly.
    @inline(__always)
    static func floats(_ x: SIMD8<Int32>) -> Lanes {
        unsafeBitCast(x &+ roundingShiftBits, to: Lanes.self) - roundingShift
    }

    /// e to the power of `x`, with a relative error below 3e-7; beyond ±60 that of ±60.
    ///
    /// As ``exp(_:)``, with a polynomial of degree 7: r^8 / 8! < 6e-9.
    @inline(__always)
    package static func exp(_ x: Lanes) -> Lanes {
        let bounded = clamped(x, -60, 60)
        let shifted = bounded * 1.442_695_04 + roundingShift
        let power = shifted - roundingShift
        // The upper part has 15 significant bits, so its product with |power| <= 87 is exact.
        let rest = (bounded - power * 0x1.62e4p-1) - power * 0x1.7f7d1cp-20
        var sum = rest * (1 / 5_040) + 1 / 720
        sum = sum * rest + 1 / 120
        sum = sum * rest + 1 / 24
        sum = sum * rest + 1 / 6
        sum = sum * rest + 0.5
        sum = sum * rest + 1
        sum = sum * rest + 1
        let exponent = unsafeBitCast(shifted, to: SIMD8<Int32>.self) &- roundingShiftBits &+ 127
        return sum * unsafeBitCast(exponent &<< 23, to: Lanes.self)
    }

    /// 1 / (1 + exp(-x)).
    @inline(__always)
    static func sigmoid(_ x: Lanes) -> Lanes { 1 / (1 + exp(0 - x)) }

    /// 2 / (1 + exp(-2x)) - 1.
    @inline(__always)
    package static func tanh(_ x: Lanes) -> Lanes { 2 / (1 + exp(-2 * x)) - 1 }
}
