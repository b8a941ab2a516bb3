/// Correctly rounded decimal text to `Float`, shared by C-MAPSS rows and JSON.
///
/// Grammar: `[+-]? (digits ("." digits?)? | "." digits) ([eE] [+-]? digits)?`, at most
/// ``sizeMax`` bytes. Not a number: empty text, white space, hexadecimal, `nan`, `inf`, and what
/// rounds to infinity. What is too small rounds to a subnormal or to zero of its sign.
package enum DecimalFloat {
    /// The greatest length in bytes.
    package static let sizeMax = 64

    /// Parses the whole of `bytes`.
    package static func parse(_ bytes: [UInt8]) -> Float? { parse(bytes.span) }

    /// Parses the bytes at `range`.
    /// - Precondition: `range` lies within `bytes`.
    package static func parse(_ bytes: [UInt8], in range: Range<Int>) -> Float? {
        parse(bytes.span.extracting(range))
    }

    /// Parses the whole of `bytes`.
    package static func parse(_ bytes: borrowing Span<UInt8>) -> Float? {
        guard let decimal = Decimal(bytes) else { return nil }
        guard let magnitude = decimal.exactFast ?? slow(bytes) else { return nil }
        return decimal.isNegative ? -magnitude : magnitude
    }

    /// The standard library's conversion, correctly rounded; for the rare text that needs it.
    private static func slow(_ bytes: borrowing Span<UInt8>) -> Float? {
        var text: [UInt8] = []
        for index in 0..<bytes.count { text.append(bytes[index]) }
        guard let value = Float(String(decoding: text, as: UTF8.self)), value.isFinite else {
            return nil
        }
        return value.magnitude
    }
}

/// `digits · 10^exponent`, when all significant digits fit; `isWhole` is false otherwise.
private struct Decimal {
    private var digits: UInt64 = 0
    private var exponent = 0
    /// Whether `digits` holds every significant digit of the text.
    private var isWhole = true
    private(set) var isNegative = false

    init?(_ bytes: borrowing Span<UInt8>) {
        guard !bytes.isEmpty, bytes.count <= DecimalFloat.sizeMax else { return nil }
        var index = 0
        if bytes[0] == UInt8(ascii: "-") || bytes[0] == UInt8(ascii: "+") {
            isNegative = bytes[0] == UInt8(ascii: "-")
            index = 1
        }
        var digitCount = 0
        var pointSeen = false
        while index < bytes.count {
            let byte = bytes[index]
            if byte == UInt8(ascii: "."), !pointSeen {
                pointSeen = true
            } else if let digit = Self.digit(byte) {
                digitCount += 1
                take(digit, afterPoint: pointSeen)
            } else {
                break
            }
            index += 1
        }
        guard digitCount > 0 else { return nil }
        guard index < bytes.count else { return }
        guard bytes[index] | 0x20 == UInt8(ascii: "e"),
            let power = Self.exponent(bytes, from: index + 1)
        else { return nil }
        exponent += power
    }

    /// 19 digits always fit 64 bits; further ones only move the point.
    private mutating func take(_ digit: UInt64, afterPoint: Bool) {
        if digits < 100_000_000_000_000_000 {
            digits = digits * 10 + digit
            if afterPoint { exponent -= 1 }
        } else {
            isWhole = isWhole && digit == 0
            if !afterPoint { exponent += 1 }
        }
    }

    /// The power after `e`, saturated far outside of what a `Float` can hold; `nil` if malformed.
    private static func exponent(_ bytes: borrowing Span<UInt8>, from start: Int) -> Int? {
        var index = start
        var isNegative = false
        guard index < bytes.count else { return nil }
        if bytes[index] == UInt8(ascii: "-") || bytes[index] == UInt8(ascii: "+") {
            isNegative = bytes[index] == UInt8(ascii: "-")
            index += 1
        }
        guard index < bytes.count else { return nil }
        var power = 0
        while index < bytes.count {
            guard let digit = Self.digit(bytes[index]) else { return nil }
            power = min(power * 10 + Int(digit), 100_000)
            index += 1
        }
        return isNegative ? -power : power
    }

    private static func digit(_ byte: UInt8) -> UInt64? {
        byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9")
            ? UInt64(byte - UInt8(ascii: "0")) : nil
    }

    /// The nearest `Float` by one exact floating-point operation; `nil` when that cannot be proved.
    ///
    /// Clinger 1990, "How to read floating point numbers accurately": when digits and power of ten
    /// are exact, their product or quotient is rounded once. First in Float; then in Double, whose
    /// rounding to Float is right unless the Double lies on the middle of two Floats, where the
    /// first rounding may have decided.
    var exactFast: Float? {
        guard isWhole else { return nil }
        if digits == 0 { return 0 }
        if digits <= 1 << 24, exponent >= -10, exponent <= 10 {
            let power = Self.floatPowers[abs(exponent)]
            return exponent < 0 ? Float(digits) / power : Float(digits) * power
        }
        guard digits <= 1 << 53, exponent >= -22, exponent <= 22 else { return nil }
        let power = Self.doublePowers[abs(exponent)]
        let wide = exponent < 0 ? Double(digits) / power : Double(digits) * power
        let isMiddle = wide.bitPattern & 0x1FFF_FFFF == 0x1000_0000
        let narrow = Float(wide)
        return isMiddle || !narrow.isNormal ? nil : narrow
    }

    private static let floatPowers: [Float] = [
        1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10,
    ]
    private static let doublePowers: [Double] = [
        1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16,
        1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
    ]
}
