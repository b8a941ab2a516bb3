import EdgeProtocol
import Prognostics
import StrictJSON
import Testing

@Suite("Refused readings")
struct RefusedReadingTests {
    /// A payload on the topic of unit 7 and the start of the reason that quarantine keeps.
    struct Misfit: CustomTestStringConvertible {
        let testDescription: String
        let payload: [UInt8]
        let reason: String

        init(_ description: String, _ text: String, _ reason: String) {
            self.init(description, Array(text.utf8), reason)
        }

        init(_ description: String, _ payload: [UInt8], _ reason: String) {
            testDescription = description
            self.payload = payload
            self.reason = reason
        }

        /// Replaces one column of a good row, counted from 1.
        static func column(_ number: Int, _ text: String) -> Self {
            var columns = Fixture.row().split(separator: " ").map(String.init)
            columns[number - 1] = text
            return Self(
                "column \(number) is \(text.debugDescription)", columns.joined(separator: " "),
                "Column \(number) is")
        }
    }

    static let rows: [Misfit] = [
        Misfit("empty", "", "The payload is empty."),
        Misfit("blank", " \t\r\n", "The payload is empty."),
        Misfit("25 columns", String(Fixture.row().dropLast(8)), "The row has 25 columns"),
        Misfit("27 columns", Fixture.row() + " 1", "The row has 27 columns"),
        Misfit("27 columns, the last garbage", Fixture.row() + " x", "The row has 27 columns"),
        Misfit("two rows", Fixture.row() + "\n" + Fixture.row(), "The row has 52 columns"),
        Misfit("one word", "7", "The row has 1 columns"),
        Misfit("commas", Fixture.row().replacing(" ", with: ","), "Column 1 is"),
        Misfit("bytes that are no text", [0xFF, 0xFE, 0x00, 0x20, 0x31], "Column 1 is"),
        Misfit("a NUL in a column", Fixture.row() + "\u{0}", "Column 26 is"),
        Misfit("cut in a sign", String(Fixture.row().dropLast(8)) + " -", "Column 26 is"),
        Misfit("another unit", Fixture.row(unit: "8"), "The row names unit '8'"),
        Misfit("a JSON array", "[1, 2]", "Column 1 is"),
    ]
    static let columns: [Misfit] =
        ["0", "20001", "-1", "1.5", "+1", "1e2", "4294967297", "9999999999", "x", "１"].map {
            .column(2, $0)
        }
        + ["NaN", "nan", "inf", "-Infinity", "1e39", "0x1p3", "0x10", "1,5", "1_0", "--1", "e"]
        .flatMap { [.column(3, $0), .column(26, $0)] }
    static let units: [Misfit] =
        ["a/b", "+", "#", "ü", "a\u{0}", "$SYS", String(repeating: "x", count: 65)].map {
            .column(1, $0)
        }

    static let objects: [Misfit] =
        [
            Misfit(
                "cut in half", String(Fixture.object().prefix(100)), "The payload is not a JSON"),
            Misfit("two objects", Fixture.object() + "{}", "The payload is not a JSON"),
            Misfit("an empty object", "{}", "Member 'cycle' is missing or wrong"),
            Misfit("only a brace", "{", "The payload is not a JSON"),
            Misfit("nested too deep", "{\"a\":[[[[[]]]]]}", "The payload is not a JSON"),
            Misfit(
                "a key twice", "{\"s1\": 1, " + Fixture.object().dropFirst(),
                "The payload is not a JSON"),
            Misfit(
                "NaN in a channel", Fixture.object(changing: ["s3": "NaN"]),
                "The payload is not a JSON"),
            Misfit(
                "a channel that rounds to infinity", Fixture.object(changing: ["s3": "1e39"]),
                "Member 's3' is missing or wrong"),
            Misfit(
                "a channel in quotes", Fixture.object(changing: ["s3": "\"518.67\""]),
                "Member 's3' is missing or wrong"),
            Misfit(
                "a channel that is null", Fixture.object(changing: ["s21": "null"]),
                "Member 's21' is missing or wrong"),
            Misfit(
                "another unit", Fixture.object(changing: ["unit": "\"8\""]),
                "The row names unit '8'"),
            Misfit(
                "a unit that is a number", Fixture.object(changing: ["unit": "7"]),
                "The row names unit 'a value that is no text'"),
        ]
        + ["0", "20001", "-1", "1.5", "1e2", "12.0", "\"12\"", "null", "9223372036854775808"].map {
            (cycle: String) in
            Misfit(
                "cycle \(cycle)", Fixture.object(changing: ["cycle": cycle]),
                "Member 'cycle' is missing or wrong")
        }

    @Test("A payload that is no reading is refused with its reason", arguments: rows + objects)
    func refused(misfit: Misfit) {
        let error = #expect(throws: PayloadError.self) { try Fixture.decode(misfit.payload) }
        #expect(error?.description.hasPrefix(misfit.reason) == true, "\(String(describing: error))")
    }

    @Test("A column that does not hold what belongs there is named", arguments: columns + units)
    func refusedColumn(misfit: Misfit) {
        let error = #expect(throws: PayloadError.self) { try Fixture.decode(misfit.payload) }
        #expect(error?.description.hasPrefix(misfit.reason) == true, "\(String(describing: error))")
    }

    @Test(
        "A JSON object that lacks a channel is refused and the channel named",
        arguments: ReadingDecoder.memberNames + ["cycle"])
    func missing(name: String) {
        let error = #expect(throws: PayloadError.self) {
            try Fixture.decode(Fixture.object(changing: [name: .none]))
        }
        #expect(error?.description.hasPrefix("Member '\(name)' is missing") == true)
    }

    @Test("A truncated payload is never a reading, wherever it is cut")
    func truncated() {
        // The last two digits of a row may be lost unnoticed: a shorter number is a number.
        for length in 0..<(Fixture.row().utf8.count - 7) {
            #expect(throws: PayloadError.self) {
                try Fixture.decode(Array(Fixture.row().utf8.prefix(length)))
            }
        }
        for length in 0..<Fixture.object().utf8.count {
            #expect(throws: PayloadError.self) {
                try Fixture.decode(Array(Fixture.object().utf8.prefix(length)))
            }
        }
    }

    @Test("JSON on the common topic and rows on other topics are refused")
    func wrongTopic() {
        #expect(throws: PayloadError.self) { try Fixture.decode(Fixture.object(), unit: nil) }
        let row = Array(Fixture.row().utf8)
        for route in [Topics.Route.selectedModel, nil] {
            #expect(throws: PayloadError.unknownTopic) {
                try ReadingDecoder.decode(row.span, from: route)
            }
        }
    }

    @Test("A payload of the limit is read, one byte more is not")
    func sizeLimit() throws {
        for text in [Fixture.row(), Fixture.object()] {
            let padding = ProtocolLimits.payloadSizeMax - text.utf8.count
            let padded = text + String(repeating: " ", count: padding)
            #expect(try Fixture.decode(padded) == Fixture.decode(Fixture.row()))
            #expect(throws: PayloadError.tooLarge(size: ProtocolLimits.payloadSizeMax + 1)) {
                try Fixture.decode(padded + " ")
            }
        }
    }

    @Test("However long the payload's texts are, the stored reason stays short")
    func shortReasons() {
        let long = String(repeating: "\u{1F6EB}", count: 16_000)
        let payloads = [
            "{\"\(long.prefix(8_000))\": 1, \"\(long.prefix(8_000))\": 2}",
            Fixture.object(changing: ["unit": "\"\(long.prefix(15_000))\""]),
            "\(long) 1", "7 \(long)", "7 12 \(long)",
        ]
        for payload in payloads {
            let error = #expect(throws: PayloadError.self) { try Fixture.decode(payload) }
            #expect((error?.description.utf8.count ?? .max) < 1_200)
        }
    }
}
