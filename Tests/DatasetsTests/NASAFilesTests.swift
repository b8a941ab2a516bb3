import Datasets
import Prognostics
import TestSupport
import Testing

/// Unit and row counts are those of the data set's readme and of `wc -l`.
@Suite(
    "NASA's C-MAPSS files", .enabled(if: CMAPSS.isPresent, "\(CMAPSS.skipMessage)"))
struct NASAFilesTests {
    static var folder: DatasetFolder {
        get throws { DatasetFolder(try #require(CMAPSS.folder)) }
    }

    @Test(
        "Every training unit and row is read",
        arguments: [
            ("FD001", 100, 20_631), ("FD002", 260, 53_759), ("FD003", 100, 24_720),
            ("FD004", 249, 61_249),
        ])
    func training(subset: String, units: Int, rows: Int) throws {
        let trajectories = try Self.folder.train(subset: subset)
        #expect(trajectories.count == units)
        #expect(trajectories.map(\.snapshots.count).reduce(0, +) == rows)
        #expect(trajectories.map(\.unit.description) == (1...units).map(String.init))
        let lives = trajectories.map(\.snapshots.count)
        #expect(lives.allSatisfy { (128...543).contains($0) })
    }

    @Test(
        "Every test unit has its true RUL", arguments: [("FD001", 100, 112), ("FD002", 259, 18)])
    func testUnits(subset: String, units: Int, firstRUL: Int32) throws {
        let test = try Self.folder.test(subset: subset)
        #expect(test.trajectories.count == units)
        #expect(test.trueRULs.count == units)
        #expect(test.trueRULs[0] == firstRUL)
        #expect(test.trajectories.allSatisfy { !$0.endsInFailure })
    }

    @Test(
        "Each column sums to what NumPy reads from the same file, rounded to Float32",
        .enabled(if: OraclePython.isPresent, "\(OraclePython.skipMessage)"),
        arguments: ["train_FD001", "train_FD002", "test_FD002"])
    func sums(stem: String) throws {
        let file = try CMAPSS.file(stem)
        let script = """
            import sys, numpy
            rows = numpy.loadtxt(sys.argv[1]).astype(numpy.float32).astype(numpy.float64)
            for column in range(26):
                print(float(numpy.cumsum(rows[:, column])[-1]).hex())
            """
        let expected = try OraclePython.run(script, [file]).split(separator: "\n")
            .map { try #require(Double(String($0))) }
        let trajectories = try CMAPSSReader.trajectories(
            WholeFile.read(file), file: file, endsInFailure: true)
        var sums = [Double](repeating: 0, count: 26)
        for trajectory in trajectories {
            for snapshot in trajectory.snapshots {
                sums[0] += try #require(Double(trajectory.unit.description))
                sums[1] += Double(snapshot.cycle.cycles)
                for index in 0..<24 { sums[index + 2] += Double(snapshot.columns[index]) }
            }
        }
        #expect(sums == expected)
    }
}
