import StrictJSON
import TestSupport
import Testing

@Suite("Decimal text to Float")
struct DecimalFloatTests {
    @Test(
        "Common text becomes the nearest Float",
        arguments: [
            ("0", 0), ("-0", -0.0), ("+1.5", 1.5), ("1.", 1), (".5", 0.5), ("-.25", -0.25),
            ("00012.50", 12.5), ("521.66", 521.66), ("-0.0007", -0.0007), ("1e3", 1000),
            ("1E-3", 0.001), ("1e+2", 100), ("16777217", 16_777_216), ("16777219", 16_777_220),
            ("3.4028235e38", .greatestFiniteMagnitude), ("1e-45", .leastNonzeroMagnitude),
            ("1e-400", 0), ("0e99999999999", 0), ("9999999999999999999999", 1e22),
        ] as [(String, Float)])
    func nearest(text: String, value: Float) {
        #expect(DecimalFloat.parse(Array(text.utf8))?.bitPattern == value.bitPattern)
    }

    @Test(
        "What is no finite decimal number is refused",
        arguments: [
            "", " ", "-", "+", ".", "e5", "1e", "1e+", "1e5.0", "1 ", " 1", "1,5", "0x10", "nan",
            "NaN", "inf", "-Infinity", "1e400", "-1e39", "3.4028236e38", "1_000", "--1", "1.2.3",
            "1f", "٣", "1\u{0}", "1e9999999999999999999999",
        ])
    func refused(text: String) {
        #expect(DecimalFloat.parse(Array(text.utf8)) == nil)
    }

    @Test("Text of the greatest size is read, one byte more is not")
    func sizeLimit() {
        let zeros = [UInt8](repeating: UInt8(ascii: "0"), count: DecimalFloat.sizeMax - 1)
        #expect(DecimalFloat.parse(zeros + [UInt8(ascii: "7")]) == 7)
        #expect(DecimalFloat.parse(zeros + Array("07".utf8)) == nil)
    }

    @Test("A range inside a row is read alone")
    func range() {
        let row = Array("1 521.66 -0.0007".utf8)
        #expect(DecimalFloat.parse(row, in: 2..<8) == 521.66)
        #expect(DecimalFloat.parse(row, in: 9..<16) == -0.0007)
        #expect(DecimalFloat.parse(row, in: 1..<8) == nil)
        #expect(DecimalFloat.parse(row, in: 3..<3) == nil)
    }

    @Test(
        "Random text is rounded as exact rational arithmetic rounds it",
        .enabled(if: OraclePython.isPresent, "\(OraclePython.skipMessage)"))
    func oracle() throws {
        let lines = try OraclePython.run(
            file: "Tests/StrictJSONTests/Oracles/nearest_float32.py", ["20260721", "15000"])
        var count = 0
        var wrong: [String] = []
        for line in lines.split(separator: "\n") {
            let parts = line.split(separator: " ")
            try #require(parts.count == 2)
            let bits = DecimalFloat.parse(Array(parts[0].utf8))?.bitPattern
            if bits != UInt32(parts[1]) { wrong.append(String(line)) }
            count += 1
        }
        #expect(count > 12_000)
        #expect(wrong.isEmpty, "\(wrong.count) differ, first \(wrong.prefix(3))")
    }
}
