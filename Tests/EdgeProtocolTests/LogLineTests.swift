import EdgeProtocol
import Prognostics
import StrictJSON
import Testing

@Suite("Lines of a log, read back")
struct LogLineTests {
    static func line(_ entry: LogEntry) -> [UInt8] { JSON.object(entry.members).bytes }

    static func entries() throws -> [LogEntry] {
        [
            .reading(try LogPageTests.entry()),
            .reading(try LogPageTests.entry(outcome: .unscored)),
            .reading(try LogPageTests.entry(outcome: .late, values: -3.4028235e38)),
            .quarantine(try LogPageTests.quarantined(topic: "a\"\u{1}\\é", prefix: [], size: 0)),
            .quarantine(try LogPageTests.quarantined()),
            .event(
                EventEntry(
                    sequence: 43, unit: try Fixture.unit(), installation: 3, kind: .removed,
                    cycle: try #require(CycleCount(180)), payloadHash: try Fixture.digest(),
                    receivedAt: -1, unprotected: true)),
        ]
    }

    @Test("Every kind of entry is decoded to the entry that was written, bit by bit")
    func roundTrip() throws {
        for entry in try Self.entries() {
            let line = Self.line(entry)
            let read = try LogEntry(line: line)
            #expect(read == entry)
            #expect(Self.line(read) == line)
        }
    }

    @Test(
        "A line with a changed word is refused by the name of its member",
        arguments: [
            (#""kind":"reading""#, #""kind":"guess""#, "kind"),
            (#""sequence":41"#, #""sequence":0"#, "sequence"),
            (#""unit":"7""#, #""unit":"7/8""#, "unit"),
            (#""installation":2"#, #""installation":0"#, "installation"),
            (#""outcome":"scored""#, #""outcome":"lost""#, "outcome"),
            (#""rul_low":80.5"#, #""rul_low":99"#, "rul"),
            (#""flags":["early","#, #""flags":["early","early","#, "flags"),
            (#""reading":{"cycle":12"#, #""reading":{"cycle":13"#, "cycle"),
            (#""payload_hash":"ab"#, #""payload_hash":"xy"#, "payload_hash"),
        ])
    func refused(part: String, other: String, name: String) throws {
        let text = String(
            decoding: Self.line(.reading(try LogPageTests.entry())), as: UTF8.self)
        let changed = text.replacing(part, with: other)
        #expect(changed != text)
        let error = #expect(throws: JSONError.self) { try LogEntry(line: Array(changed.utf8)) }
        #expect(error?.description.contains("`\(name)`") == true, "\(error?.description ?? "")")
    }
}
