import EdgeProtocol
import Prognostics
import Testing

/// Readings that are decoded in one pass, against the parser of whole documents.
///
/// A member that no sensor has, of a kind that the one pass does not know, makes the parser of
/// whole documents read the same object: both must answer alike.
@Suite("Plain JSON readings")
struct PlainReadingTests {
    /// What becomes of a payload: its reading, or the error's text.
    enum Answer: Equatable {
        case reading(Reading)
        case refused

        init(_ text: String) {
            do throws(PayloadError) {
                self = .reading(try Fixture.decode(text))
            } catch {
                self = .refused
            }
        }
    }

    /// The object with one more member at its end.
    static func withExtra(_ object: String) -> String {
        guard let end = object.lastIndex(of: "}") else { return object }
        return object[..<end] + ", \"extra\": [null]" + object[end...]
    }

    @Test(
        "A value is taken or refused as in any other JSON document",
        arguments: [
            "0", "-0", "-0.0", "1e5", "1E+5", "2.5e-3", "0.1", "123456789.987654321", "1e38",
            "00", "01", "-", "+1", ".5", "1.", "1e", "1e+", "1e39", "--1", "1.2.3", "0x1", "NaN",
            "1 2", "null", "true", "\"1\"", "[1]", "", "1,", "12345678901234567890123456789",
            String(repeating: "1", count: 64), "0." + String(repeating: "3", count: 63),
        ])
    func values(value: String) {
        for name in ["s1", "setting_3", "s21", "cycle"] {
            let object = Fixture.object(changing: [name: value])
            #expect(Answer(object) == Answer(Self.withExtra(object)), "\(name): \(value)")
        }
    }

    @Test("A cycle is a whole number within the limit", arguments: [0, 1, 20_000, 20_001, 100_000])
    func cycles(cycle: Int) {
        let object = Fixture.object(changing: ["cycle": "\(cycle)"])
        #expect(Answer(object) == Answer(Self.withExtra(object)))
        #expect((Answer(object) == .refused) == !(1...20_000).contains(cycle))
    }

    @Test(
        "A member that is there twice, missing or of a similar name is treated as in any document",
        arguments: [
            "\"s1\": 1", "\"cycle\": 12", "\"s22\": 1", "\"s0\": 1", "\"s01\": 1",
            "\"setting_4\": 1", "\"setting_\": 1", "\"\": 1", "\"S1\": 1", "\"s\\u0031\": 1",
            "\"unit\": \"7\"", "\"unit\": \"8\"", "\"unit\": 7", "\"unit\": \"7\", \"unit\": \"7\"",
            "\"é\": 1", "s1: 1", "\"note\": \"a\"",
        ])
    func members(member: String) {
        for object in [Fixture.object(), Fixture.object(changing: ["s1": String?.none])] {
            let changed = "{\(member), " + object.dropFirst()
            #expect(Answer(changed) == Answer(Self.withExtra(changed)))
        }
    }

    @Test(
        "What stands around an object decides as in any document",
        arguments: ["\t", "\u{0B}", "\u{00}", "x", "{}", ",", "\u{FEFF}"])
    func around(text: String) {
        let object = Fixture.object()
        #expect(Answer(object + text) == Answer(Self.withExtra(object) + text))
        #expect(Answer(text + object) == Answer(text + Self.withExtra(object)))
    }

    @Test("Every part of an object that is cut off is refused")
    func cut() {
        let object = Fixture.object()
        #expect(Answer(object) != .refused)
        for count in 0..<object.utf8.count {
            #expect(Answer(String(object.prefix(count))) == .refused, "\(count) bytes")
        }
    }
}
