import Prognostics
import StrictJSON

/// Reads a JSON reading as sensors write it, in one pass and without a tree of values.
///
/// Takes only objects of `cycle`, the 24 measurements and perhaps `unit`, each once, in any order,
/// without escapes; everything else, errors included, is left to the parser of whole documents. So
/// what this takes, that takes too, with the same result.
struct PlainReading {
    /// Bit of `cycle` in ``seen``; the measurements' bits are their columns.
    private static let cycleBit: UInt32 = 24
    private static let unitBit: UInt32 = 25
    private static let requiredBits: UInt32 = 1 << 25 - 1

    private var columns = InlineArray<24, Float>(repeating: 0)
    private var cycle: CycleCount?
    private var seen: UInt32 = 0
    private var index = 0

    private init() {}

    /// The reading in `payload`; `nil` when it is not that plain.
    static func decode(
        _ payload: borrowing Span<UInt8>, unit: UnitIdentifier
    ) -> Reading? {
        var reader = Self()
        guard reader.readObject(payload, unit: unit), let cycle = reader.cycle else { return nil }
        return Reading(unit: unit, snapshot: Snapshot(cycle: cycle, columns: reader.columns))
    }

    private mutating func readObject(
        _ payload: borrowing Span<UInt8>, unit: UnitIdentifier
    ) -> Bool {
        guard accept(UInt8(ascii: "{"), payload) else { return false }
        repeat {
            guard let key = text(payload), accept(UInt8(ascii: ":"), payload),
                let bit = Self.bit(payload.extracting(key)), seen & 1 << bit == 0
            else { return false }
            seen |= 1 << bit
            guard readValue(of: bit, payload, unit: unit) else { return false }
        } while accept(UInt8(ascii: ","), payload)
        guard accept(UInt8(ascii: "}"), payload) else { return false }
        skipBlanks(payload)
        return index == payload.count && seen & Self.requiredBits == Self.requiredBits
    }

    private mutating func readValue(
        of bit: UInt32, _ payload: borrowing Span<UInt8>, unit: UnitIdentifier
    ) -> Bool {
        if bit == Self.unitBit {
            guard let text = text(payload) else { return false }
            return unit.hasBytes(payload.extracting(text))
        }
        guard let number = number(payload) else { return false }
        if bit == Self.cycleBit {
            cycle = Self.cycle(payload.extracting(number))
            return cycle != nil
        }
        guard let value = DecimalFloat.parse(payload.extracting(number)) else { return false }
        columns[Int(bit)] = value
        return true
    }

    /// The bit of a known key.
    private static func bit(_ key: borrowing Span<UInt8>) -> UInt32? {
        if key.count <= 3, key.count >= 2, key[0] == UInt8(ascii: "s") {
            return digits(key, from: 1).flatMap { number in
                (1...UInt32(Snapshot.sensorCount)).contains(number)
                    ? UInt32(Snapshot.settingCount) + number - 1 : nil
            }
        }
        if equals(key.extracting(first: max(key.count - 1, 0)), "setting_") {
            return digits(key, from: 8).flatMap { number in
                (1...UInt32(Snapshot.settingCount)).contains(number) ? number - 1 : nil
            }
        }
        if equals(key, "cycle") { return cycleBit }
        return equals(key, "unit") ? unitBit : nil
    }

    /// A whole number without leading zeros, to the end of the text.
    private static func digits(_ text: borrowing Span<UInt8>, from start: Int) -> UInt32? {
        guard start < text.count, text.count - start <= 5, text[start] != UInt8(ascii: "0") else {
            return nil
        }
        var value: UInt32 = 0
        for index in start..<text.count {
            guard isDigit(text[index]) else { return nil }
            value = value * 10 + UInt32(text[index] - UInt8(ascii: "0"))
        }
        return value
    }

    private static func cycle(_ text: borrowing Span<UInt8>) -> CycleCount? {
        digits(text, from: 0).flatMap { number in
            number <= CycleCount.limit ? CycleCount(Int32(number)) : nil
        }
    }

    private static func equals(_ text: borrowing Span<UInt8>, _ expected: StaticString) -> Bool {
        guard text.count == expected.utf8CodeUnitCount else { return false }
        for index in 0..<text.count where text[index] != expected.utf8Start[index] { return false }
        return true
    }

    private static func isDigit(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
    }

    // MARK: Tokens

    /// RFC 8259, section 2: the four blanks between tokens.
    private mutating func skipBlanks(_ payload: borrowing Span<UInt8>) {
        while index < payload.count {
            switch payload[index] {
            case UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "\n"), UInt8(ascii: "\r"):
                index += 1
            default: return
            }
        }
    }

    private mutating func accept(_ byte: UInt8, _ payload: borrowing Span<UInt8>) -> Bool {
        skipBlanks(payload)
        guard index < payload.count, payload[index] == byte else { return false }
        index += 1
        return true
    }

    /// The place of a text of printable ASCII without escapes.
    private mutating func text(_ payload: borrowing Span<UInt8>) -> Range<Int>? {
        guard accept(UInt8(ascii: "\""), payload) else { return nil }
        let start = index
        while index < payload.count {
            switch payload[index] {
            case UInt8(ascii: "\""):
                index += 1
                return start..<index - 1
            case UInt8(ascii: " ")..<0x7F where payload[index] != UInt8(ascii: "\\"): index += 1
            default: return nil
            }
        }
        return nil
    }

    /// The place of a number, RFC 8259, section 6.
    private mutating func number(_ payload: borrowing Span<UInt8>) -> Range<Int>? {
        skipBlanks(payload)
        let start = index
        if index < payload.count, payload[index] == UInt8(ascii: "-") { index += 1 }
        let whole = index
        guard skipDigits(payload) else { return nil }
        if payload[whole] == UInt8(ascii: "0"), index > whole + 1 { return nil }
        if index < payload.count, payload[index] == UInt8(ascii: ".") {
            index += 1
            guard skipDigits(payload) else { return nil }
        }
        if index < payload.count, payload[index] | 0x20 == UInt8(ascii: "e") {
            index += 1
            if index < payload.count,
                payload[index] == UInt8(ascii: "+") || payload[index] == UInt8(ascii: "-")
            {
                index += 1
            }
            guard skipDigits(payload) else { return nil }
        }
        return index - start <= JSONNumber.sizeMax ? start..<index : nil
    }

    /// Skips at least one digit.
    private mutating func skipDigits(_ payload: borrowing Span<UInt8>) -> Bool {
        let start = index
        while index < payload.count, Self.isDigit(payload[index]) { index += 1 }
        return index > start
    }
}

extension UnitIdentifier {
    /// Whether the identifier is written with exactly these bytes.
    fileprivate func hasBytes(_ bytes: borrowing Span<UInt8>) -> Bool {
        let own = description.utf8
        guard own.count == bytes.count else { return false }
        return zip(own, 0..<bytes.count).allSatisfy { $0 == bytes[$1] }
    }
}
