import Foundation
import Parquet
import TestSupport
import Testing

@Suite struct ParquetTableTests {
    /// Every type, with and without missing values; the floats have no short decimal form.
    static let table: ParquetTable = {
        do {
            return try ParquetTable(
                columns: [
                    ParquetColumn("flag", .boolean([true, false, false, true, true])),
                    ParquetColumn("cycle", .int32([1, -2, .max, .min, 0])),
                    ParquetColumn("time", .int64([1, -2, .max, .min, 0])),
                    ParquetColumn("s1", .float([0.1, -0, .pi, .leastNonzeroMagnitude, 1e30])),
                    ParquetColumn("mean", .double([0.1, -0, .pi, .leastNonzeroMagnitude, 1e300])),
                    ParquetColumn("unit", .string(["a", "", "é", "engine-1", "a"])),
                    ParquetColumn("rul", optional: [1, nil, 3, nil, nil] as [Int32?]),
                    ParquetColumn("left", optional: [nil, nil, nil, nil, nil] as [Int64?]),
                    ParquetColumn("low", optional: [nil, 0.25, nil, 1.5, nil] as [Float?]),
                    ParquetColumn("high", optional: [0.5, nil, nil, nil, 2] as [Double?]),
                    ParquetColumn("note", optional: [nil, "", "x", nil, "y"] as [String?]),
                    ParquetColumn("held", optional: [nil, true, false, nil, true] as [Bool?]),
                    ParquetColumn(
                        "raw", optional: [[0, 255], nil, [], [0xC3], nil] as [[UInt8]?]),
                ], metadata: ["config_hash": "abc", "a": "1"])
        } catch {
            preconditionFailure("\(error)")
        }
    }()

    @Test("What is written is read back, and equal tables give equal bytes")
    func roundTrip() throws {
        let bytes = try Self.table.encoded()
        #expect(try ParquetTable(decoding: bytes) == Self.table)
        #expect(try Self.table.encoded() == bytes)
    }

    @Test(
        "Tables of any number of row groups come back, also of none",
        arguments: [0, 65_535, 65_536, 65_537, 140_000])
    func rowGroups(count: Int) throws {
        let table = try ParquetTable(columns: [
            ParquetColumn("n", .int32((0..<count).map(Int32.init))),
            ParquetColumn("odd", optional: (0..<count).map { $0 % 2 == 1 ? "x\($0)" : nil }),
        ])
        #expect(try ParquetTable(decoding: table.encoded()) == table)
    }

    @Test("Columns of different length, of one name, or none are refused")
    func refusesColumns() {
        #expect(throws: ParquetError.columnCount(0, limit: ParquetTable.columnCountMax)) {
            try ParquetTable(columns: [])
        }
        #expect(throws: ParquetError.columnTwice("a")) {
            try ParquetTable(columns: [
                ParquetColumn("a", .int32([1])), ParquetColumn("a", .int32([2])),
            ])
        }
        #expect(throws: ParquetError.rowCount(column: "b", seen: 2, expected: 1)) {
            try ParquetTable(columns: [
                ParquetColumn("a", .int32([1])), ParquetColumn("b", .int32([2, 3])),
            ])
        }
    }

    @Test("A column gives its values only as its own type and only when none is missing")
    func access() throws {
        let table = Self.table
        #expect(try table.column("cycle").int32s() == [1, -2, .max, .min, 0])
        #expect(try table.column("time").int64s().count == 5)
        #expect(try table.column("s1").floats()[2] == .pi)
        #expect(try table.column("unit").strings()[3] == "engine-1")
        #expect(throws: ParquetError.missingValue(column: "rul", row: 1)) {
            try table.column("rul").int32s()
        }
        #expect(
            throws: ParquetError.columnType(column: "unit", seen: "string", expected: "int32")
        ) { try table.column("unit").int32s() }
        #expect(throws: ParquetError.self) { try table.column("nothing") }
    }

    @Test("A file that is cut off anywhere is refused")
    func refusesTruncated() throws {
        let bytes = try Self.table.encoded()
        for size in 0..<bytes.count {
            #expect(throws: ParquetError.self) { try ParquetTable(decoding: Array(bytes[..<size])) }
        }
    }

    @Test("A flipped bit anywhere is refused, or leaves a table of as many rows")
    func survivesFlippedBits() throws {
        let bytes = try Self.table.encoded()
        for index in bytes.indices {
            for bit in UInt8(0)..<8 {
                var changed = bytes
                changed[index] ^= 1 << bit
                guard let table = try? ParquetTable(decoding: changed) else { continue }
                #expect(table.rowCount == Self.table.rowCount)
            }
        }
    }
}
