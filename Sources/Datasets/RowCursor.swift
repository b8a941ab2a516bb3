import StrictJSON

/// Walks over a text of blank-separated values, line by line, and knows where it is.
///
/// Lines end with LF or CRLF; values are separated by spaces or tabs, which may also end a line.
struct RowCursor {
    /// The name that errors carry.
    let file: String
    /// The line of the last value returned, from 1.
    private(set) var line = 0
    private let bytes: [UInt8]
    private var offset = 0
    private var lineEnd = 0

    init(_ bytes: [UInt8], file: String) {
        self.bytes = bytes
        self.file = file
    }

    /// Moves to the next line; `false` when only blank lines or nothing is left.
    mutating func nextLine() -> Bool {
        offset = line == 0 ? 0 : lineEnd + 1
        guard offset < bytes.count else { return false }
        line += 1
        lineEnd = bytes[offset...].firstIndex(of: UInt8(ascii: "\n")) ?? bytes.count
        return !bytes[offset...].allSatisfy(Self.isBlankOrLineEnd)
    }

    /// The next value's place; empty when the line has no more.
    mutating func nextValue() -> Range<Int> {
        while offset < lineEnd, isBlank(offset) { offset += 1 }
        let start = offset
        while offset < lineEnd, !isBlank(offset) { offset += 1 }
        return start..<offset
    }

    /// The values on the current line, counted without moving.
    func valueCount() -> Int {
        var copy = self
        var count = 0
        while !copy.nextValue().isEmpty { count += 1 }
        return count
    }

    /// A whole number in decimal digits without a sign; nil for anything else or above 99,999,999.
    func wholeNumber(_ range: Range<Int>) -> Int32? {
        guard (1...8).contains(range.count) else { return nil }
        var value: Int32 = 0
        for index in range {
            let digit = Int32(bytes[index]) - Int32(UInt8(ascii: "0"))
            guard (0...9).contains(digit) else { return nil }
            value = value * 10 + digit
        }
        return value
    }

    /// A finite decimal number, correctly rounded; nil for anything else.
    func decimal(_ range: Range<Int>) -> Float? { DecimalFloat.parse(bytes, in: range) }

    /// A value as an error shows it: at most 40 bytes, with dots for what cannot be printed.
    func shown(_ range: Range<Int>) -> String {
        let text = bytes[range].prefix(40).map { (32..<127).contains($0) ? $0 : UInt8(ascii: ".") }
        return String(decoding: text, as: UTF8.self) + (range.count > 40 ? "…" : "")
    }

    private func isBlank(_ index: Int) -> Bool {
        let byte = bytes[index]
        if byte == UInt8(ascii: "\r") { return index + 1 == lineEnd }
        return byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t")
    }

    private static func isBlankOrLineEnd(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") || byte == UInt8(ascii: "\r")
            || byte == UInt8(ascii: "\n")
    }
}
