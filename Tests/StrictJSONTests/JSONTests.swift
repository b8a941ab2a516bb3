import StrictJSON
import TestSupport
import Testing

@Suite("Strict JSON")
struct JSONTests {
    @Test(
        "Valid documents are read and written canonically",
        arguments: [
            ("null", "null"), (" true ", "true"), ("\t[ ]\r\n", "[]"), ("{ }", "{}"),
            ("-0", "-0"), ("1.50E+2", "1.50E+2"), ("[1,2 , 3]", "[1,2,3]"),
            (#"{"b":1,"a":{"c":[false]}}"#, #"{"b":1,"a":{"c":[false]}}"#),
            (#""\u0041\/\"\\\b\f\n\r\t""#, #""A/\"\\\b\f\n\r\t""#),
            (#""é""#, #""\u00e9""#), (#""\ud83d\ude00""#, #""\ud83d\ude00""#),
            (#""😀\u007f""#, #""\ud83d\ude00\u007f""#), (#""\u0000""#, #""\u0000""#),
        ])
    func canonical(document: String, written: String) throws {
        let value = try JSON.parse(Array(document.utf8))
        #expect(value.text == written)
        #expect(try JSON.parse(value.bytes) == value)
    }

    @Test(
        "What RFC 8259 does not allow is refused",
        arguments: [
            "", " ", "01", "-01", "1.", ".5", "+1", "-", "1e", "1e+", "1.e5", "0x1", "NaN",
            "Infinity", "tru", "True", "nul", "[", "]", "[1", "[1,", "[1,]", "[,1]", "[1 2]", "{",
            "}", "{,}", #"{"a"}"#, #"{"a":}"#, #"{"a":1,}"#, #"{"a" 1}"#, "{a:1}", "{'a':1}",
            #"{"a":1 "b":2}"#, #"""#, #""a"#, #""\"#, #""\x""#, #""\u12""#, #""\u12g4""#,
            #""\ud800""#, #""\ud800x""#, #""\ud800\n""#, #""\ud800\u0041""#, #""\udc00""#,
            "\"\u{1}\"", "\"\n\"", "\"\t\"", "1 2", "{} x", "[1]]", "// c\n1", "\u{FEFF}1",
            "\u{A0}1", #"{"a":1,"a":2}"#, #"{"a":1,"\u0061":2}"#,
        ])
    func refused(document: String) {
        #expect(throws: JSONError.self) { try JSON.parse(Array(document.utf8)) }
    }

    @Test(
        "Bytes that are not UTF-8 are refused inside strings and outside",
        arguments: [
            [0x22, 0xFF, 0x22], [0x22, 0xC0, 0x80, 0x22], [0x22, 0xED, 0xA0, 0x80, 0x22], [0xFF],
            [0x22, 0xE2, 0x82, 0x22],
        ] as [[UInt8]])
    func notUTF8(bytes: [UInt8]) {
        #expect(throws: JSONError.self) { try JSON.parse(bytes) }
    }

    @Test("A document of a limit is read, one more of anything is not")
    func limits() throws {
        let limits = JSONLimits(sizeMax: 10, depthMax: 2)
        #expect(try JSON.parse(Array("[[1,2,34]]".utf8), limits: limits).kind == "an array")
        #expect(throws: JSONError.tooLarge(size: 11, limit: 10)) {
            try JSON.parse(Array("[[1,2,345]]".utf8), limits: limits)
        }
        #expect(throws: JSONError.tooDeep(offset: 2, limit: 2)) {
            try JSON.parse(Array("[[[]]]".utf8), limits: limits)
        }
        let long = [UInt8](repeating: UInt8(ascii: "1"), count: JSONNumber.sizeMax)
        #expect(try JSON.parse(long).kind == "a number")
        #expect(throws: JSONError.self) { try JSON.parse(long + [UInt8(ascii: "1")]) }
    }

    @Test("A doubled key is found among few and among many", arguments: [2, 32, 33, 34, 500])
    func doubledKey(count: Int) throws {
        for first in [0, count / 2, count - 2] {
            let members = (0..<count).map { "\"k\($0)\":\($0)" }
            let document = "{" + members.joined(separator: ",")
            #expect(try JSON.parse(Array((document + "}").utf8))["k\(first)"] == .integer(first))
            #expect {
                try JSON.parse(Array((document + ",\"k\(first)\":0}").utf8))
            } throws: { error in
                guard case .duplicateKey(_, "k\(first)")? = error as? JSONError else {
                    return false
                }
                return true
            }
        }
    }

    @Test("A megabyte of opening brackets is refused without exhausting the stack")
    func deep() {
        let bytes = [UInt8](repeating: UInt8(ascii: "["), count: 1 << 20)
        #expect(throws: JSONError.tooDeep(offset: 16, limit: 16)) { try JSON.parse(bytes) }
    }

    @Test("No prefix of a document is a document, and no flipped bit crashes the reader")
    func damaged() {
        let bytes = Array(#"{"a":[1.5e-3,true,null,"\ud83d\ude00é"],"b":{"c":-0}}"#.utf8)
        for count in 0..<bytes.count {
            #expect(throws: JSONError.self) { try JSON.parse(Array(bytes.prefix(count))) }
        }
        for index in bytes.indices {
            for bit in 0..<8 {
                var damaged = bytes
                damaged[index] ^= 1 << UInt8(bit)
                _ = try? JSON.parse(damaged)
            }
        }
    }

    @Test("Numbers convert to the type that is asked for, or not at all")
    func numbers() throws {
        func number(_ text: String) throws -> JSONNumber {
            guard case .number(let number) = try JSON.parse(Array(text.utf8)) else {
                throw TestSupportError("no number: \(text)")
            }
            return number
        }
        #expect(try number("12").integer == 12)
        #expect(try number("1.0").integer == nil)
        #expect(try number("9223372036854775808").integer == nil)
        #expect(try number("0.1").float == 0.1)
        #expect(try number("1e400").float == nil)
        #expect(try number("1e39").float == nil)
        #expect(try number("1e39").double == 1e39)
        #expect(try number("1e400").double == nil)
    }

    @Test("Floats are written so that they read back as the same bits")
    func floats() throws {
        var bits: UInt32 = 20_260_721
        for _ in 0..<2_000 {
            bits = bits &* 1_664_525 &+ 1_013_904_223
            let value = Float(bitPattern: bits)
            guard value.isFinite else { continue }
            let read = try JSON.parse(JSON.float(value).bytes)
            guard case .number(let number) = read else { throw TestSupportError("no number") }
            #expect(number.float?.bitPattern == value.bitPattern)
        }
    }

    @Test(
        "Python reads what is written as the same values",
        .enabled(if: OraclePython.isPresent, "\(OraclePython.skipMessage)"))
    func python() throws {
        let value: JSON = [
            "text": .string("a\u{1}\"\\é😀\u{7F}"),
            "numbers": .array([.float(0.1), .double(1e-300)]),
            "nested": ["null": .null, "flag": .bool(true)], "whole": .integer(-7),
        ]
        let output = try OraclePython.run(
            "import json, sys; d = json.loads(sys.stdin.buffer.read()); "
                + "print(json.dumps(d, separators=(',', ':')))",
            input: value.bytes)
        #expect(try JSON.parse(Array(output.utf8)) == value)
    }
}
