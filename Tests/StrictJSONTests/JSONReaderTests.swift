import StrictJSON
import Testing

@Suite("Typed fields of a JSON object")
struct JSONReaderTests {
    static let document = Array(
        (#"{"cycle":12,"ratio":1.5,"name":"e","on":true,"none":null,"list":["a","b"],"#
            + #""in":{"x":1.5},"rows":[{"x":1},{"x":"z"}]}"#).utf8)

    @Test("Each field is read as its type")
    func reads() throws {
        let reader = try JSONReader(parsing: Self.document)
        #expect(try reader.integer("cycle") == 12)
        #expect(try reader.float("ratio") == 1.5)
        #expect(try reader.double("cycle") == 12)
        #expect(try reader.string("name") == "e")
        #expect(try reader.bool("on"))
        #expect(try reader.strings("list") == ["a", "b"])
        #expect(try reader.object("in").float("x") == 1.5)
        #expect(try reader.objects("rows").count == 2)
        #expect(reader.has("none"))
        #expect(!reader.has("other"))
    }

    /// A way to read a field wrongly, and the sentence that comes back.
    struct Misread: CustomTestStringConvertible, Sendable {
        let read: @Sendable (JSONReader) throws -> Void
        let message: String
        var testDescription: String { message }
    }

    @Test(
        "A wrong field is named together with what was expected and seen",
        arguments: [
            Misread(
                read: { _ = try $0.integer("ratio") },
                message: "Expected a whole number in field `ratio`, saw 1.5. "
                    + "Correct the field and send again."),
            Misread(
                read: { _ = try $0.integer("cycle", in: 1...10) },
                message: "Expected a whole number in 1...10 in field `cycle`, saw 12. "
                    + "Correct the field and send again."),
            Misread(
                read: { _ = try $0.float("name") },
                message: "Expected a number of single precision in field `name`, saw the text "
                    + "\"e\". Correct the field and send again."),
            Misread(
                read: { _ = try $0.string("missing") },
                message: "Expected a value in field `missing`, saw no such field. "
                    + "Correct the field and send again."),
            Misread(
                read: { _ = try $0.object("in").integer("x") },
                message: "Expected a whole number in field `in.x`, saw 1.5. "
                    + "Correct the field and send again."),
            Misread(
                read: { _ = try $0.objects("rows")[1].integer("x") },
                message: "Expected a whole number in field `rows[1].x`, saw the text \"z\". "
                    + "Correct the field and send again."),
            Misread(
                read: { try $0.allowOnly(["cycle"]) },
                message: "The field `ratio` is unknown. Remove it and send again."),
        ])
    func messages(misread: Misread) throws {
        let reader = try JSONReader(parsing: Self.document)
        do {
            try misread.read(reader)
            Issue.record("nothing was thrown")
        } catch {
            #expect("\(error)" == misread.message)
        }
    }
}
