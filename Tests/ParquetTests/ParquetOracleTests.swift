import Foundation
import Parquet
import TestSupport
import Testing

@Suite(.enabled(if: OraclePython.isPresent, Comment(rawValue: OraclePython.skipMessage)))
struct ParquetOracleTests {
    @Test("pyarrow and duckdb read every value, type, absence and statistic of our files")
    func othersReadOurs() throws {
        let folder = try TemporaryFolder()
        let table = ParquetTableTests.table
        let path = try folder.write(table.encoded(), to: "table.parquet")
        let seen = try OraclePython.run(file: "Tests/ParquetTests/Oracles/describe.py", [path])
            .split(separator: "\n").map { try Self.object($0) }
        try #require(seen.count == 2)
        let expected = Self.columns(table)
        for document in seen {
            let columns = try #require(document["columns"] as? [String: [Any]])
            #expect(NSDictionary(dictionary: columns) == NSDictionary(dictionary: expected))
        }
        #expect(
            seen[0]["types"] as? [String] == [
                "bool", "int32", "int64", "float", "double", "string", "int32", "int64", "float",
                "double", "string", "bool", "binary",
            ])
        #expect(
            seen[0]["nullable"] as? [Bool]
                == Array(repeating: false, count: 6) + Array(repeating: true, count: 7))
        #expect(seen[0]["metadata"] as? [String: String] == table.metadata)
        let statistics = try #require(seen[0]["statistics"] as? [String: [Any]])
        #expect(statistics["cycle"] as? [Int] == [Int(Int32.min), Int(Int32.max), 0])
        #expect(statistics["rul"] as? [Int] == [1, 3, 3])
        #expect(statistics["note"] as? [AnyHashable] == ["", "y", 2])
        #expect(statistics["left"] == nil)
    }

    @Test(
        "What pyarrow writes is read: plain and dictionary pages, uncompressed and gzip",
        arguments: ["NONE", "GZIP"], ["plain", "dictionary"])
    func readsOthers(compression: String, dictionary: String) throws {
        for kind in ["nullable", "required"] {
            let table = try Self.write(kind, compression, dictionary)
            let count = 3_000
            #expect(table.rowCount == count)
            #expect(try table.column("flag").values == .boolean((0..<count).map { $0 % 3 == 0 }))
            #expect(try table.column("small").int32s() == (0..<count).map { Int32($0 % 7 - 3) })
            #expect(
                try table.column("large").int64s()
                    == (0..<count).map { Int64($0 % 50) * 10_000_000_000 })
            #expect(
                try table.column("single").floats()
                    == (0..<count).map { Float(Double($0 % 100) / 3) })
            #expect(
                try table.column("double").values
                    == .double((0..<count).map { Double($0 % 100) / 7 }))
            #expect(
                try table.column("raw").values
                    == .bytes((0..<count).map { [UInt8($0 % 256), 0, 255] }))
            #expect(try table.column("text").strings() == (0..<count).map { "unit-\($0 % 40)é" })
            guard kind == "nullable" else { continue }
            let gaps = ParquetColumn(
                "gaps", optional: (0..<count).map { $0 % 5 == 0 ? nil : Int32($0) })
            let holes = ParquetColumn(
                "holes", optional: (0..<count).map { $0 % 2 == 1 ? nil : "\($0)" })
            #expect(try table.column("gaps") == gaps)
            #expect(try table.column("holes") == holes)
            let none = try table.column("none").presence
            #expect(none == .init(repeating: false, count: count))
        }
    }

    @Test(
        "What is not read is refused by its name",
        arguments: [
            (["nullable", "SNAPPY", "plain", "1.0"], "codec snappy"),
            (["nullable", "ZSTD", "plain", "1.0"], "codec zstd"),
            (["nullable", "NONE", "plain", "2.0"], "data pages of version 2"),
            (["delta", "NONE", "plain", "1.0"], "encoding deltaBinaryPacked"),
            (["nested", "NONE", "plain", "1.0"], "nested columns"),
            (["time", "NONE", "plain", "1.0"], "numbers of converted type 9"),
            (["decimal", "NONE", "plain", "1.0"], "values of type fixedByteArray"),
        ])
    func refusesOthers(arguments: [String], feature: String) throws {
        let error = try #require(throws: ParquetError.self) {
            try Self.write(arguments[0], arguments[1], arguments[2], version: arguments[3])
        }
        #expect(error.description.contains(feature), "\(error)")
    }

    private static func write(
        _ kind: String, _ compression: String, _ dictionary: String, version: String = "1.0"
    ) throws -> ParquetTable {
        let folder = try TemporaryFolder()
        let path = folder.path("table.parquet")
        _ = try OraclePython.run(
            file: "Tests/ParquetTests/Oracles/write.py",
            [path, kind, compression, dictionary, version])
        return try ParquetTable(
            decoding: Array(Data(contentsOf: URL(fileURLWithPath: path))))
    }

    private static func object(_ line: Substring) throws -> [String: Any] {
        let object = try JSONSerialization.jsonObject(with: Data(line.utf8))
        return try #require(object as? [String: Any])
    }

    /// The table as the oracle prints it: floats as the exact hexadecimal text of Python.
    private static func columns(_ table: ParquetTable) -> [String: [Any]] {
        Dictionary(
            uniqueKeysWithValues: table.columns.map { column in
                let all: [Any] =
                    switch column.values {
                    case .boolean(let values): values
                    case .int32(let values): values.map { Int($0) }
                    case .int64(let values): values.map { Int($0) }
                    case .float(let values): values.map { hexadecimal(Double($0)) }
                    case .double(let values): values.map(hexadecimal)
                    case .string(let values): values
                    case .bytes(let values): values.map(digits)
                    }
                let values = all.enumerated().map { index, value in
                    column.presence?[index] ?? true ? value : NSNull()
                }
                return (column.name, values)
            })
    }

    /// Python's `bytes.hex`.
    private static func digits(_ bytes: [UInt8]) -> String {
        bytes.map { String(UInt16($0) + 256, radix: 16).dropFirst() }.joined()
    }

    /// Python's `float.hex`.
    private static func hexadecimal(_ value: Double) -> String {
        let sign = value.sign == .minus ? "-" : ""
        guard value != 0 else { return "\(sign)0x0.0p+0" }
        let bits = value.magnitude.bitPattern
        let fraction = String(bits & 0xF_FFFF_FFFF_FFFF, radix: 16)
        let digits = String(repeating: "0", count: 13 - fraction.count) + fraction
        let exponent = value.isNormal ? Int(bits >> 52) - 1_023 : -1_022
        let lead = value.isNormal ? "1" : "0"
        return "\(sign)0x\(lead).\(digits)p\(exponent < 0 ? "" : "+")\(exponent)"
    }
}
