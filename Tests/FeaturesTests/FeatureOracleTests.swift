import Features
import Prognostics
import TestSupport
import Testing

/// Readings, parameters and the oracle's features, as the oracle's files hold them.
private struct OracleCase {
    /// Engineered features and channels per row.
    static let rowSize = FeatureSpec.engineeredCount + FeatureSpec.channelCount

    let units: [Int32]
    let cycles: [Int32]
    let readings: [Float]
    let parameters: FeatureParameters
    let expected: [Float]
    /// Per row the number of means of the health index, then 64 of them.
    let histories: [Float]

    init(_ folder: TemporaryFolder) throws {
        func words(_ name: String) throws -> [UInt32] {
            let bytes = try folder.read(name)
            return stride(from: 0, to: bytes.count, by: 4).map { start in
                (0..<4).reduce(0) { $0 | UInt32(bytes[start + $1]) << UInt32(8 * $1) }
            }
        }
        units = try words("units.i32").map { Int32(bitPattern: $0) }
        cycles = try words("cycles.i32").map { Int32(bitPattern: $0) }
        readings = try words("readings.f32").map { Float(bitPattern: $0) }
        expected = try words("features.f32").map { Float(bitPattern: $0) }
        histories = try words("history.f32").map { Float(bitPattern: $0) }
        let halves = try words("parameters.f64")
        let numbers = stride(from: 0, to: halves.count, by: 2).map {
            Double(bitPattern: UInt64(halves[$0]) | UInt64(halves[$0 + 1]) << 32)
        }
        let regimes = Int(numbers[0])
        parameters = try FeatureParameters(
            centroids: Array(numbers[2..<2 + 3 * regimes]),
            means: Array(numbers[(2 + 3 * regimes)..<(2 + 17 * regimes)]),
            deviations: Array(numbers[(2 + 17 * regimes)..<(2 + 31 * regimes)]),
            healthWeights: Array(numbers[(2 + 31 * regimes)...]),
            ageMax: try #require(CycleCount(Int32(numbers[1]))))
        try #require(expected.count == cycles.count * Self.rowSize)
    }

    func snapshot(_ row: Int) throws -> Snapshot {
        var columns = InlineArray<24, Float>(repeating: 0)
        for column in 0..<24 { columns[column] = readings[24 * row + column] }
        return Snapshot(cycle: try #require(CycleCount(cycles[row])), columns: columns)
    }

    /// The oracle's features of a row, then the window that its channels make up.
    func expectedValues(_ row: Int, firstRow: Int) -> [UInt32] {
        var values = Array(
            expected[row * Self.rowSize..<row * Self.rowSize + FeatureSpec.engineeredCount])
        for earlier in stride(from: FeatureSpec.windowLength - 1, through: 0, by: -1) {
            let start = max(firstRow, row - earlier) * Self.rowSize + FeatureSpec.engineeredCount
            values += expected[start..<start + FeatureSpec.channelCount]
        }
        return values.map(\.bitPattern)
    }

    /// The oracle's means of the health index.
    func expectedHistory(_ row: Int) -> [UInt32] {
        let start = row * (1 + HealthHistory.slotCount)
        return histories[start + 1..<start + 1 + Int(histories[start])].map(\.bitPattern)
    }

    /// Streams every unit, with a restart from a checkpoint now and then, and compares all bits.
    func compare() throws {
        var state = FeatureState()
        var firstRow = 0
        var mismatches = 0
        var first: String?
        for row in cycles.indices {
            if row == 0 || units[row] != units[row - 1] {
                state = FeatureState()
                firstRow = row
            }
            state.append(try snapshot(row), using: parameters)
            let seen = bits(state, parameters) + state.history.means.map(\.bitPattern)
            let wanted = expectedValues(row, firstRow: firstRow) + expectedHistory(row)
            if seen != wanted {
                mismatches += 1
                let index = zip(seen, wanted).prefix { $0.0 == $0.1 }.count
                first = first ?? "unit \(units[row]) cycle \(cycles[row]) value \(index)"
            }
            if row % 17 == 0 { state = try #require(FeatureState(encoded: state.encoded())) }
        }
        #expect(mismatches == 0, "\(mismatches) of \(cycles.count) rows, first \(first ?? "")")
    }
}

@Suite("Features against an independent program")
struct FeatureOracleTests {
    static let oracle = "Tests/FeaturesTests/Oracles/features_oracle.py"

    @Test(
        "NASA's trajectories have the oracle's features, bit for bit",
        .enabled(if: CMAPSS.isPresent, "\(CMAPSS.skipMessage)"),
        .enabled(if: OraclePython.isPresent, "\(OraclePython.skipMessage)"),
        arguments: [("train_FD001", 1), ("train_FD002", 6)])
    func nasa(stem: String, regimes: Int) throws {
        let folder = try TemporaryFolder("features")
        // An age limit that some of the units outlive.
        _ = try OraclePython.run(
            file: Self.oracle,
            ["prepare", try CMAPSS.file(stem), folder.path, "\(regimes)", "250"])
        let oracleCase = try OracleCase(folder)
        #expect(oracleCase.cycles.count == (regimes == 1 ? 20_631 : 53_759))
        try oracleCase.compare()
    }

    @Test(
        "Synthetic trajectories of every length have the oracle's features, bit for bit",
        .enabled(if: OraclePython.isPresent, "\(OraclePython.skipMessage)"))
    func synthetic() throws {
        let folder = try TemporaryFolder("features")
        let parameters = try SyntheticEngine.parameters(ageMax: 40)
        var (units, cycles, readings) = ([Int32](), [Int32](), [Float]())
        for unit in Int32(1)...70 {
            // Late starts, gaps and, in every tenth unit, a sensor that goes wild.
            let all = (1...unit).map { $0 + (unit % 3) * 4 + ($0 > 9 ? unit % 4 : 0) }
            for snapshot in try SyntheticEngine.snapshots(cycles: all, seed: UInt32(unit)) {
                units.append(unit)
                cycles.append(snapshot.cycle.cycles)
                for column in 0..<24 { readings.append(snapshot.columns[column]) }
                if unit % 10 == 0, snapshot.cycle.cycles % 7 == 0 {
                    readings[readings.count - 18] = -3e38
                }
            }
        }
        let numbers =
            [Double(parameters.regimeCount), Double(parameters.ageMax.cycles)]
            + parameters.centroids + parameters.means + parameters.deviations
            + parameters.healthWeights
        try folder.write(littleEndian(units), to: "units.i32")
        try folder.write(littleEndian(cycles), to: "cycles.i32")
        try folder.write(littleEndian(readings.map(\.bitPattern)), to: "readings.f32")
        try folder.write(littleEndian(numbers.map(\.bitPattern)), to: "parameters.f64")
        _ = try OraclePython.run(file: Self.oracle, ["run", folder.path])
        let oracleCase = try OracleCase(folder)
        #expect(oracleCase.parameters == parameters)
        try oracleCase.compare()
    }
}

/// The figures that the project's models were first trained with, beside NASA's files.
private enum ReferenceFixture {
    static let path = CMAPSS.folder.map { "\($0)/../reference/fixtures/fd001_inputs.npz" }
    static var isPresent: Bool { path.map(FileBytes.exists) ?? false }

    /// An array of the fixture as doubles, row-major.
    static func array(_ name: String) throws -> [Double] {
        let folder = try TemporaryFolder("reference")
        _ = try OraclePython.run(
            "import numpy, sys; numpy.load(sys.argv[1])[sys.argv[2]].astype('<f8')"
                + ".tofile(sys.argv[3])",
            [path ?? "", name, folder.path("array")])
        let bytes = try folder.read("array")
        return stride(from: 0, to: bytes.count, by: 8).map { start in
            let word = (0..<8).reduce(UInt64(0)) {
                $0 | UInt64(bytes[start + $1]) << UInt64(8 * $1)
            }
            return Double(bitPattern: word)
        }
    }
}

extension FeatureOracleTests {
    /// Compares with figures made from readings of double precision.
    ///
    /// The reference takes readings as Float64, the program as Float32, so a reading differs by up
    /// to half a unit in the last place, and a z-score by that over the sensor's deviation
    /// (sensor 13: 1.2e-4 rpm over 0.07 rpm = 1.7e-3). Means, extremes and deviations pass an
    /// error on undiminished, `delta` and the slope of two cycles double it.
    @Test(
        "FD001's features are the reference's up to the rounding of readings to Float32",
        .enabled(if: ReferenceFixture.isPresent, "The reference's figures are not here."),
        .enabled(if: OraclePython.isPresent, "\(OraclePython.skipMessage)"))
    func reference() throws {
        let means = try ReferenceFixture.array("mean")
        let deviations = try ReferenceFixture.array("deviation")
        let parameters = try FeatureParameters(
            centroids: [0, 0, 0], means: means, deviations: deviations,
            healthWeights: .init(repeating: 0, count: 15),
            ageMax: try #require(CycleCount(CycleCount.limit)))
        let tolerances = zip(means, deviations).map {
            Double(Float($0.0).ulp) * 1.01 / $0.1 + 1e-6
        }
        for (stem, prefix) in [("train_FD001", "unit1"), ("test_FD001", "test")] {
            let folder = try TemporaryFolder("features")
            _ = try OraclePython.run(
                file: Self.oracle, ["prepare", try CMAPSS.file(stem), folder.path, "1", "20000"])
            let oracleCase = try OracleCase(folder)
            let features = try ReferenceFixture.array("\(prefix)_features")
            let inputs = try ReferenceFixture.array(
                prefix == "unit1" ? "unit1_channels" : "test_windows")
            var state = FeatureState()
            var recordIndex = 0
            for row in oracleCase.cycles.indices {
                if row > 0, oracleCase.units[row] != oracleCase.units[row - 1] {
                    state = FeatureState()
                }
                if prefix == "unit1", oracleCase.units[row] > 1 { break }
                state.append(try oracleCase.snapshot(row), using: parameters)
                let isLast =
                    row + 1 == oracleCase.cycles.count
                    || oracleCase.units[row] != oracleCase.units[row + 1]
                guard prefix == "unit1" || isLast else { continue }
                let seen = values(state, parameters)
                for index in 0..<128 {
                    let tolerance = index < 126 ? tolerances[index / 9] : 0
                    let wanted = features[recordIndex * 128 + index]
                    #expect(abs(Double(seen[index]) - wanted) <= tolerance * max(1, abs(wanted)))
                }
                let rows = prefix == "unit1" ? 1 : FeatureSpec.windowLength
                let window = seen.suffix(rows * 29)
                for (offset, value) in window.enumerated() {
                    let channel = offset % 29
                    let tolerance = channel < 28 ? tolerances[channel % 14] : 1e-6
                    let wanted = inputs[recordIndex * rows * 29 + offset]
                    #expect(abs(Double(value) - wanted) <= tolerance)
                }
                recordIndex += 1
            }
            #expect(recordIndex == (prefix == "unit1" ? 192 : 100))
        }
    }
}

private func littleEndian<Word: FixedWidthInteger>(_ words: [Word]) -> [UInt8] {
    words.flatMap { word in
        stride(from: 0, to: Word.bitWidth, by: 8).map {
            UInt8(truncatingIfNeeded: word >> Word($0))
        }
    }
}
