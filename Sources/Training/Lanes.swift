/// Eight values at a time; layer widths are multiples of 8.
typealias Lanes = SIMD8<Float>

extension UnsafePointer<Float> {
    /// Eight values from `offset` on.
    @inline(__always)
    func lanes(_ offset: Int) -> Lanes {
        UnsafeRawPointer(self + offset).loadUnaligned(as: Lanes.self)
    }
}

extension UnsafeMutablePointer<Float> {
    /// Eight values from `offset` on.
    @inline(__always)
    func lanes(_ offset: Int) -> Lanes {
        UnsafeRawPointer(self + offset).loadUnaligned(as: Lanes.self)
    }

    /// Writes eight values from `offset` on.
    @inline(__always)
    func store(_ lanes: Lanes, _ offset: Int) {
        UnsafeMutableRawPointer(self + offset).storeBytes(of: lanes, as: Lanes.self)
    }
}

/// The activation functions, eight values at a time.
///
/// The device has its own, of higher accuracy and the same bits everywhere; these are for training.
enum Activation {
    /// e to the power of `x`, to about 2e-7 relative; saturates beyond ±87.
    ///
    /// x = k ln 2 + r with |r| ≤ ln 2 / 2, ln 2 in two parts (Cody and Waite 1980), and the minimax
    /// polynomial of `expf` in the Cephes library (S. Moshier, 1989).
    @inline(__always)
    static func exp(_ x: Lanes) -> Lanes {
        var bounded = x.replacing(with: -87, where: x .< -87)
        bounded.replace(with: 87, where: bounded .> 87)
        // Adding 1.5 · 2^23 rounds to a whole number, whose bits then are the sum's lowest.
        let magic = Lanes(repeating: 12_582_912)
        let shifted = bounded * 1.442_695_04 + magic
        let power = shifted - magic
        let r = (bounded - power * 0.693_359_375) + power * 2.121_944_4e-4
        var sum = r * 1.987_569_1e-4 + 1.398_199_9e-3
        sum = sum * r + 8.333_452e-3
        sum = sum * r + 4.166_579_6e-2
        sum = sum * r + 1.666_666_5e-1
        sum = sum * r + 0.5
        let value = sum * (r * r) + r + 1
        let bits = unsafeBitCast(shifted, to: SIMD8<UInt32>.self)
        let scale = (bits &+ 127) &<< 23
        return value * unsafeBitCast(scale, to: Lanes.self)
    }

    /// 1 / (1 + exp(-x)).
    @inline(__always)
    static func sigmoid(_ x: Lanes) -> Lanes { 1 / (1 + exp(-x)) }

    /// tanh x = 1 - 2 / (exp(2x) + 1), to about 1e-7 absolute.
    @inline(__always)
    static func tanh(_ x: Lanes) -> Lanes { 1 - 2 / (exp(x + x) + 1) }

    static func exp(_ x: Float) -> Float { exp(Lanes(repeating: x))[0] }

    static func sigmoid(_ x: Float) -> Float { sigmoid(Lanes(repeating: x))[0] }
}
