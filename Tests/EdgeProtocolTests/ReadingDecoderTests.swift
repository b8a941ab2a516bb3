import EdgeProtocol
import Prognostics
import StrictJSON
import TestSupport
import Testing

@Suite("Readings in both forms")
struct ReadingDecoderTests {
    @Test("A row and a JSON object of one reading are the same snapshot, bit for bit")
    func sameReading() throws {
        let row = try Fixture.decode(Fixture.row())
        let object = try Fixture.decode(Fixture.object())
        #expect(row == object)
        #expect(row.unit.description == "7")
        #expect(row.snapshot.canonicalBytes == object.snapshot.canonicalBytes)
    }

    @Test("A row's canonical bytes are those that Python's struct packs")
    func canonical() throws {
        let snapshot = try Fixture.decode(Fixture.row()).snapshot
        #expect(Fixture.hex(snapshot.canonicalBytes) == Fixture.canonicalHex)
    }

    @Test("A row on the common topic names its unit itself")
    func commonTopic() throws {
        let reading = try Fixture.decode(Fixture.row(unit: "engine-9"), unit: nil)
        #expect(reading.unit.description == "engine-9")
    }

    @Test(
        "White space between, before and after the columns means nothing",
        arguments: [
            Fixture.row() + "  ", "  " + Fixture.row(), Fixture.row() + "\r\n",
            Fixture.row() + "\n", Fixture.row().replacing(" ", with: "\t"),
            Fixture.row().replacing(" ", with: "   "), "\n" + Fixture.row(),
            "\u{B}" + Fixture.row() + "\u{C}",
        ])
    func space(row: String) throws {
        #expect(try Fixture.decode(row) == Fixture.decode(Fixture.row()))
    }

    @Test("White space in a JSON object and members of other names mean nothing")
    func looseObject() throws {
        let spaced = "\r\n\t " + Fixture.object().replacing(",", with: "\n,\t") + " \r\n"
        #expect(try Fixture.decode(spaced) == Fixture.decode(Fixture.row()))
        let object = Fixture.object(changing: ["operator": "\"night shift\"", "unit": "\"7\""])
        #expect(try Fixture.decode(object) == Fixture.decode(Fixture.row()))
    }

    @Test("The first and the last cycle are readings", arguments: ["1", "20000", "00012"])
    func cycles(cycle: String) throws {
        let reading = try Fixture.decode(Fixture.row(cycle: cycle))
        #expect(reading.snapshot.cycle.cycles == Int32(cycle))
    }

    @Test("Negative zero, exponents and many digits survive in both forms alike")
    func numbers() throws {
        let texts = ["-0.0", "1e-3", "2.5E+2", "518.670000000000000000001", "3.4028235e38"]
        let values = texts + Fixture.measurements.dropFirst(texts.count)
        let row = "7 12 " + values.joined(separator: " ")
        var changes: [String: String?] = [:]
        for (name, value) in zip(ReadingDecoder.memberNames, values) { changes[name] = value }
        let reading = try Fixture.decode(row)
        #expect(try Fixture.decode(Fixture.object(changing: changes)) == reading)
        #expect(reading.snapshot.columns[0].bitPattern == Float(-0.0).bitPattern)
    }

    @Test("A snapshot's JSON members decode to the same bits")
    func members() throws {
        let snapshot = try Fixture.decode(Fixture.row()).snapshot
        let bytes = JSON.object(snapshot.members).bytes
        #expect(try Fixture.decode(bytes).snapshot == snapshot)
    }

    @Test(
        "Random rows have the canonical bytes that Python computes",
        .enabled(if: OraclePython.isPresent, "\(OraclePython.skipMessage)"))
    func oracle() throws {
        let script = """
            import random, struct
            random.seed(20261121)
            for _ in range(300):
                cycle = random.randint(1, 20000)
                texts = [random.choice(["%.4f", "%.2f", "%g", "%e", "%.9e"])
                         % random.choice([random.uniform(-1, 10000), random.gauss(0, 1e-3)])
                         for _ in range(24)]
                packed = struct.pack("<i24f", cycle, *map(float, texts))
                print("7 %d %s|%s" % (cycle, " ".join(texts), packed.hex()))
            """
        let lines = try OraclePython.run(script).split(separator: "\n")
        #expect(lines.count == 300)
        for line in lines {
            let parts = line.split(separator: "|")
            let reading = try Fixture.decode(String(parts[0]))
            #expect(Fixture.hex(reading.snapshot.canonicalBytes) == parts[1], "\(parts[0])")
        }
    }
}
