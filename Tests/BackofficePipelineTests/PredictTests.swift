import BackofficePipeline
import Datasets
import EdgeProtocol
import Evaluation
import Foundation
import ModelBundle
import ObjectStore
import Prognostics
import Registry
import StrictJSON
import TestSupport
import Testing
import Zlib

@Suite("Predicting a file or a pipe")
struct PredictTests {
    let folder: TemporaryFolder

    init() throws {
        folder = try SmallNight.copy()
        try SmallNight.promote(try SmallNight.open(folder))
    }

    func run(
        _ arguments: [String], input: [UInt8] = [], environment: [String: String] = [:]
    ) throws -> Finished {
        try Subprocess.run(
            BuiltProduct.path("backoffice"),
            ["predict", "--workspace", folder.path("W")] + arguments, environment: environment,
            input: input)
    }

    static func members(_ finished: Finished) throws -> [JSONReader] {
        try finished.standardOutput.split(separator: 10).map { try JSONReader(parsing: Array($0)) }
    }

    /// The rows of a unit in the training file, as text.
    func rows(_ unit: String) throws -> [String] {
        String(decoding: try folder.read("data/train_SIM.txt"), as: UTF8.self)
            .split(separator: "\n").map(String.init).filter { $0.hasPrefix("\(unit) ") }
    }

    /// The same reading as agents take it on a unit's topic.
    static func object(_ row: String, unit: String? = nil) -> String {
        let values = row.split(separator: " ")
        var members = unit.map { ["\"unit\":\"\($0)\""] } ?? []
        members.append("\"cycle\":\(values[1])")
        for (name, value) in zip(ReadingDecoder.memberNames, values.dropFirst(2)) {
            members.append("\"\(name)\":\(value)")
        }
        return "{" + members.joined(separator: ",") + "}"
    }

    @Test("A file is scored with the numbers of the evaluation, in the payload that agents publish")
    func file() throws {
        let workspace = try SmallNight.open(folder)
        let version = try #require(try workspace.registry.modelVersions().first)
        let bundle = try ModelBundle(
            decoding: workspace.objects.get(
                bucket: .models, key: ObjectKey(try #require(version.run.bundle).key)))
        let scoring = RowScoring(plan: bundle.plan, parameters: bundle.featureParameters)
        let finished = try run(["--input", folder.path("data/train_SIM.txt")])
        #expect(finished.status == 0, "\(finished.errors)")
        #expect(finished.errors.isEmpty)
        let units = try SmallNight.units(folder)
        let predictions = try Self.members(finished)
        #expect(predictions.count == units.reduce(0) { $0 + $1.snapshots.count })
        #expect(
            predictions.first?.keys == [
                "unit", "installation", "cycle", "rul", "rul_low", "rul_high",
                "failure_probability", "flags", "run_id", "latency_us", "backfill",
            ])
        var expected: [String: Prediction] = [:]
        for row in scoring.nightly(units) {
            expected["\(row.unit) \(row.cycle)"] = row.prediction
        }
        var compared = 0
        for line in predictions {
            let key = "\(try line.string("unit")) \(try line.integer("cycle"))"
            guard let row = expected[key] else { continue }
            compared += 1
            #expect(try line.float("rul") == row.rul)
            #expect(try line.float("rul_low") == row.rulLow)
            #expect(try line.float("rul_high") == row.rulHigh)
            #expect(try line.float("failure_probability") == row.failureProbability)
            #expect(try line.string("run_id") == version.run.runID)
        }
        #expect(compared == expected.count)
    }

    @Test("Rows, JSON objects, a gzip file and a pipe of the same readings give the same answers")
    func forms() throws {
        func answers(_ finished: Finished) throws -> [String] {
            #expect(finished.status == 0, "\(finished.errors)")
            return try Self.members(finished).map { line in
                let low = try line.float("rul_low")
                return "\(try line.integer("cycle")) \(try line.float("rul")) \(low)"
            }
        }
        let rows = try rows("3")
        let text = Array((rows.joined(separator: "\n") + "\n").utf8)
        let plain = try folder.write(text, to: "rows.txt")
        let expected = try answers(try run(["--input", plain]))
        #expect(expected.count == rows.count)
        let gzip = try folder.write(try Gzip.compress(text), to: "rows.txt.gz")
        #expect(try answers(try run(["--input", gzip])) == expected)
        // Without a line end after the last line, and with empty lines between.
        let spaced = Array(rows.joined(separator: "\n\r\n").utf8)
        #expect(try answers(try run(["--input", "-"], input: spaced)) == expected)
        let named = rows.map { Self.object($0, unit: "3") }.joined(separator: "\n")
        #expect(try answers(try run(["--input", "-"], input: Array(named.utf8))) == expected)
        let bare = rows.map { Self.object($0) }.joined(separator: "\n")
        let unit = ["--input", "-", "--unit", "3"]
        #expect(try answers(try run(unit, input: Array(bare.utf8))) == expected)
    }

    @Test("A refused line is named with its number, the rest is scored, and the end is status 65")
    func refused() throws {
        let rows = try rows("3")
        let other = rows[4].split(separator: " ").map(String.init)
        let conflict = (other.prefix(5) + ["1"] + other.dropFirst(6)).joined(separator: " ")
        let lines = [
            rows[0], "3 2 0.1", rows[1], "nonsense", Self.object(rows[2]), rows[2], rows[2],
            rows[4], conflict, rows[3], String(repeating: "1 ", count: 40_000), rows[5],
        ]
        let finished = try run(
            ["--input", "-", "--model", "1"], input: Array(lines.joined(separator: "\n").utf8))
        #expect(finished.status == 65)
        #expect(try Self.members(finished).map { try $0.integer("cycle") } == [1, 2, 3, 5, 6])
        let errors = finished.errors.split(separator: "\n").map(String.init)
        let expected = [
            "Line 2: The row has 3 columns", "Line 4: The row has 1 columns",
            "Line 5: The object names no unit", "Line 9: Cycle 5 of unit 3 comes after its cycle 5",
            "Line 10: Cycle 4 of unit 3 comes after its cycle 5", "Line 11: The payload has 65537",
            "Error: 6 of 12 lines were refused",
        ]
        #expect(errors.count == expected.count, "\(finished.errors)")
        for (seen, start) in zip(errors, expected) { #expect(seen.hasPrefix(start), "\(seen)") }
    }

    @Test("Cycle 1 with other values is the next installation, and a late start is flagged")
    func installations() throws {
        let (one, two) = (try rows("3"), try rows("4"))
        let second = two.prefix(2).map { "3 " + $0.drop { $0 != " " }.dropFirst() }
        let lines = [one[9], one[10]] + second + [second[0]]
        let finished = try run(["--input", "-"], input: Array(lines.joined(separator: "\n").utf8))
        #expect(finished.status == 0, "\(finished.errors)")
        let predictions = try Self.members(finished)
        #expect(try predictions.map { try $0.integer("installation") } == [1, 1, 2, 2])
        #expect(
            try predictions.map { try $0.strings("flags").contains("late_starter") }
                == [true, true, false, false])
    }

    @Test("A pipe is answered line by line, while its writer still waits")
    func pipe() throws {
        let row = try rows("3")[0]
        let program = try BuiltProduct.path("backoffice")
        // The second line is written only after the first answer has come.
        let script = """
            mkfifo pipe
            "$1" predict --workspace "$2" --input - < pipe > out & exec 3> pipe
            echo "$3" >&3
            for i in $(seq 200); do [ -s out ] && break; sleep 0.1; done
            wc -l < out; echo nonsense >&3; exec 3>&-; wait $!; echo "status $?"
            """
        let finished = try Subprocess.run(
            "bash", ["-c", script, "bash", program, folder.path("W"), row],
            directory: folder.path)
        #expect(finished.output == "1\nstatus 65\n", "\(finished.errors)")
    }

    @Test(
        "Wrong usage and missing things end with one sentence",
        arguments: [
            ([], 64, "Missing --input"), (["--input", "none.txt"], 1, "none.txt"),
            (["--input", "-", "--model", "9"], 1, "no model version 9"),
            (["--input", "-", "--unit", "a b"], 64, "--unit is 'a b'"),
        ] as [([String], Int32, String)])
    func usage(arguments: [String], status: Int32, named: String) throws {
        let finished = try run(arguments)
        #expect(finished.status == status)
        #expect(finished.errors.contains(named), "\(finished.errors)")
        #expect(finished.output.isEmpty)
    }
}
