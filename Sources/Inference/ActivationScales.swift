/// How the values between two layers become 8-bit integers: one scale per value.
package struct ActivationScales: Equatable, Sendable {
    /// The greatest magnitude of a quantized value.
    package static let valueMax: Float = 127

    /// Per value what one unit of its integer stands for.
    package let scales: [Float]
    /// Integers per 1: the reciprocals of ``scales``.
    let rates: [Float]

    /// - Throws: When a scale is out of range.
    package init(_ name: String, _ scales: [Float]) throws(InferenceError) {
        try FloatRange.scale.check(name, scales)
        self.scales = scales
        rates = scales.map { 1 / $0 }
    }

    package var count: Int { scales.count }

    /// The value of one place as a whole multiple of its scale, in `-127...127`.
    @inline(__always)
    func quantized(_ value: Float, at index: Int) -> Int16 {
        let bounded = min(max(value * rates[index], -Self.valueMax), Self.valueMax)
        return Int16(bounded.rounded(.toNearestOrEven))
    }

    /// What the integer of one place's value stands for: the value as the network sees it.
    package func represented(_ value: Float, at index: Int) -> Float {
        Float(quantized(value, at: index)) * scales[index]
    }

    /// Writes eight neighbours, from `index` on, as whole multiples of their scales.
    /// - Precondition: The values are finite, and there are eight scales from `index` on.
    @inline(__always)
    package func quantize(_ lanes: Lanes, at index: Int, into values: UnsafeMutablePointer<Int16>) {
        let rates = rates.withUnsafeBufferPointer { rates in
            rates.baseAddress.map { $0.lanes(at: index) } ?? Lanes()
        }
        let whole = PortableMath.rounded(
            PortableMath.clamped(lanes * rates, -Self.valueMax, Self.valueMax))
        for lane in 0..<Lanes.scalarCount {
            values[index + lane] = Int16(truncatingIfNeeded: Int32(whole[lane]))
        }
    }
}
