import Datasets
import Prognostics
import TestSupport
import Testing

@Suite("C-MAPSS files")
struct CMAPSSReaderTests {
    /// A row with the given unit and cycle; its other columns are 0.5, 1.5 … 23.5.
    static func row(_ unit: Int, _ cycle: Int) -> String {
        ([String(unit), String(cycle)] + (0..<24).map { "\($0).5" }).joined(separator: " ")
    }

    static func read(_ text: String) throws -> [Trajectory] {
        try CMAPSSReader.trajectories(Array(text.utf8), file: "f.txt", endsInFailure: true)
    }

    @Test("Rows become one trajectory per unit, in the file's order")
    func reads() throws {
        let text = [(1, 1), (1, 2), (3, 1)].map { Self.row($0.0, $0.1) }.joined(separator: "\n")
        let trajectories = try Self.read(text)
        #expect(trajectories.map(\.unit.description) == ["1", "3"])
        #expect(trajectories.map(\.snapshots.count) == [2, 1])
        #expect(trajectories[0].endsInFailure)
        let snapshot = trajectories[0].snapshots[1]
        #expect(snapshot.cycle == CycleCount(2))
        #expect(snapshot.setting(1) == 0.5)
        #expect(snapshot.sensor(21) == 23.5)
    }

    @Test(
        "Line ends, tabs and blanks do not matter",
        arguments: ["\n", "\r\n", "  \n", "\t \r\n", "\n\n", "\n \n"])
    func lineEnds(end: String) throws {
        let plain = Self.row(1, 1) + "\n" + Self.row(1, 2)
        let expected = try Self.read(plain)
        #expect(try Self.read(plain + end) == expected)
        if end.filter({ $0.isNewline }).count == 1 {
            let tabbed = plain.replacing(" ", with: "\t").replacing("\n", with: end)
            #expect(try Self.read("  " + tabbed) == expected)
        }
    }

    /// A text that is not a data set, and the error it gets.
    struct Refused: CustomTestStringConvertible {
        let testDescription: String
        let text: String
        let error: DatasetError

        init(_ testDescription: String, _ text: String, _ error: DatasetError) {
            self.testDescription = testDescription
            self.text = text
            self.error = error
        }
    }

    static let first = row(1, 1)

    @Test(
        "What deviates is refused with its line, its column, what was seen and what was expected",
        arguments: [
            Refused("empty", "", .empty(file: "f.txt")),
            Refused("blank", " \r\n\n", .empty(file: "f.txt")),
            Refused(
                "25 columns", first + "\n" + row(1, 2).dropLast(5),
                .columnCount(file: "f.txt", line: 2, seen: 25)),
            Refused(
                "27 columns", first + " 1", .columnCount(file: "f.txt", line: 1, seen: 27)),
            Refused(
                "blank line between rows", first + "\n\n" + row(1, 2),
                .columnCount(file: "f.txt", line: 2, seen: 0)),
            Refused(
                "not a number", first.replacing(" 2.5", with: " nan"),
                .badValue(
                    file: "f.txt", line: 1, column: 5, seen: "nan",
                    expected: "a finite decimal number")),
            Refused(
                "infinite", first.replacing(" 23.5", with: " 1e39"),
                .badValue(
                    file: "f.txt", line: 1, column: 26, seen: "1e39",
                    expected: "a finite decimal number")),
            Refused(
                "comma", first.replacing(" 0.5", with: " 0,5"),
                .badValue(
                    file: "f.txt", line: 1, column: 3, seen: "0,5",
                    expected: "a finite decimal number")),
            Refused(
                "unit 0", row(0, 1),
                .badValue(
                    file: "f.txt", line: 1, column: 1, seen: "0", expected: "a unit number from 1"
                )),
            Refused(
                "unit with a fraction", "1.0" + first.dropFirst(),
                .badValue(
                    file: "f.txt", line: 1, column: 1, seen: "1.0",
                    expected: "a unit number from 1")),
            Refused(
                "cycle beyond the limit", row(1, 20_001),
                .badValue(
                    file: "f.txt", line: 1, column: 2, seen: "20001",
                    expected: "a cycle in 1...20000")),
            Refused(
                "first cycle is 2", row(1, 2),
                .badOrder(
                    file: "f.txt", line: 1, seen: "cycle 2", expected: "cycle 1 of unit 1")),
            Refused(
                "gap", first + "\n" + row(1, 3),
                .badOrder(
                    file: "f.txt", line: 2, seen: "cycle 3", expected: "cycle 2 of unit 1")),
            Refused(
                "cycle twice", first + "\n" + first,
                .badOrder(
                    file: "f.txt", line: 2, seen: "cycle 1", expected: "cycle 2 of unit 1")),
            Refused(
                "units go back", row(2, 1) + "\n" + first,
                .badOrder(
                    file: "f.txt", line: 2, seen: "unit 1", expected: "unit 2 or a greater one")),
        ])
    func refuses(_ refused: Refused) {
        #expect(throws: refused.error) { try Self.read(refused.text) }
    }

    @Test("An error message is one sentence with the place, then what to do")
    func messages() {
        let error = DatasetError.badValue(
            file: "train.txt", line: 3, column: 5, seen: "x", expected: "a finite decimal number")
        #expect(
            error.description
                == "train.txt, line 3, column 5: expected a finite decimal number, saw 'x'. "
                + "Mend the row.")
    }

    @Test("A long or unprintable value is shown short and printable")
    func shownValue() {
        let long = String(repeating: "9", count: 50) + "\u{7}"
        let text = Self.first.replacing(" 0.5", with: " \u{7}\(long)")
        let expected = DatasetError.badValue(
            file: "f.txt", line: 1, column: 3, seen: "." + String(repeating: "9", count: 39) + "…",
            expected: "a finite decimal number")
        #expect(throws: expected) { try Self.read(text) }
    }

    @Test("A compressed file is known by its first bytes, and a damaged one is refused")
    func compressed() throws {
        let packed = try Subprocess.run("gzip", ["-c"], input: Array(Self.first.utf8))
            .standardOutput
        let read = { (bytes: [UInt8]) in
            try CMAPSSReader.trajectories(bytes, file: "f.txt", endsInFailure: true)
        }
        #expect(try read(packed) == Self.read(Self.first))
        #expect(throws: DatasetError.self) { try read(Array(packed.dropLast())) }
    }

    @Test("True RULs are one whole number per line, as many as there are units")
    func trueRULs() throws {
        func read(_ text: String, units: Int) throws -> [Int32] {
            try CMAPSSReader.trueRULs(Array(text.utf8), file: "r.txt", units: units)
        }
        #expect(try read("112 \n98 \r\n0\n", units: 3) == [112, 98, 0])
        #expect(throws: DatasetError.rulCount(file: "r.txt", seen: 2, units: 3)) {
            try read("112\n98\n", units: 3)
        }
        let negative = DatasetError.badValue(
            file: "r.txt", line: 2, column: 1, seen: "-1", expected: "cycles in 0...20000")
        #expect(throws: negative) { try read("112\n-1\n", units: 2) }
        let second = DatasetError.badValue(
            file: "r.txt", line: 1, column: 2, seen: "98", expected: "the end of the line")
        #expect(throws: second) { try read("112 98\n", units: 2) }
    }
}
