import Datasets
import Features
import TestSupport
import Testing
import Training

/// Normalization against NumPy's, on NASA's files.
@Suite("Fitting of feature parameters")
struct FeatureFittingTests {
    /// Means and population deviations per group of rounded altitude, in ascending order.
    static let script = """
        import gzip, sys, numpy
        opened = gzip.open if sys.argv[1].endswith(".gz") else open
        with opened(sys.argv[1], "rt") as lines:
            rows = numpy.loadtxt(lines)
        sensors = [2, 3, 4, 7, 8, 9, 11, 12, 13, 14, 15, 17, 20, 21]
        altitude = numpy.round(rows[:, 2]) * (sys.argv[2] == "6")
        values = rows[:, [4 + s for s in sensors]].astype("f4").astype("f8")
        for group in numpy.unique(altitude):
            chosen = values[altitude == group]
            deviation = chosen.std(0)
            print(*chosen.mean(0), *numpy.where(deviation < 1e-6, 1.0, deviation))
        """

    @Test(
        "Means and deviations are NumPy's",
        .enabled(
            if: CMAPSS.isPresent && OraclePython.isPresent,
            Comment(rawValue: CMAPSS.skipMessage + " " + OraclePython.skipMessage)),
        arguments: [("FD001", 1), ("FD002", 6)])
    func normalization(subset: String, regimeCount: Int) throws {
        let folder = DatasetFolder(try #require(CMAPSS.folder))
        let parameters = try FeatureFitting.fit(try folder.train(subset: subset))
        try #require(parameters.regimeCount == regimeCount)
        let printed = try OraclePython.run(
            Self.script, [try CMAPSS.file("train_\(subset)"), "\(regimeCount)"])
        let lines = printed.split(separator: "\n").map { line in
            line.split(separator: " ").compactMap { Double($0) }
        }
        try #require(lines.count == regimeCount && lines.allSatisfy { $0.count == 28 })
        for (regime, line) in lines.enumerated() {
            for sensor in 0..<14 {
                let slot = regime * 14 + sensor
                let (mean, deviation) = (line[sensor], line[14 + sensor])
                #expect(abs(parameters.means[slot] - mean) <= 1e-12 * abs(mean))
                #expect(abs(parameters.deviations[slot] - deviation) <= 1e-9 * deviation)
            }
        }
    }

    @Test("Nothing is fitted on nothing")
    func noRows() {
        #expect(throws: TrainingError.noTrainingRows) { try FeatureFitting.fit([]) }
    }
}
