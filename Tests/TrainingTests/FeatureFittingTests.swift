import Datasets
import Features
import Prognostics
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

    @Test(
        "The health index is scikit-learn's ridge regression",
        .enabled(if: OraclePython.isPresent, "\(OraclePython.skipMessage)"))
    func healthIndex() throws {
        let fleet = MadeUpFleet.trajectories(count: 12, seed: 3)
        let parameters = try FeatureFitting.fit(fleet)
        var rows = ""
        for trajectory in fleet {
            for (snapshot, rul) in zip(trajectory.snapshots, RULLabel.labels(trajectory)) {
                let values = FeatureSpec.sensors.map { "\(snapshot.sensor($0))" }
                rows += (values + ["\(rul)"]).joined(separator: " ") + "\n"
            }
        }
        let printed = try OraclePython.run(
            """
            import sys, numpy, sklearn.linear_model
            rows = numpy.loadtxt(sys.stdin)
            x = rows[:, :14].astype("f4").astype("f8")
            x = (x - x.mean(0)) / x.std(0)
            ridge = sklearn.linear_model.Ridge(alpha=0.01 * len(x), solver="cholesky")
            ridge.fit(x, numpy.minimum(rows[:, 14], 125) / 125)
            print(*ridge.coef_, ridge.intercept_)
            """, input: Array(rows.utf8))
        let weights = printed.split(whereSeparator: \.isWhitespace).compactMap { Double($0) }
        try #require(weights.count == 15)
        for (seen, wanted) in zip(parameters.healthWeights, weights) {
            #expect(abs(seen - wanted) <= 1e-9)
        }
    }

    @Test("Nothing is fitted on nothing")
    func noRows() {
        #expect(throws: TrainingError.noTrainingRows) { try FeatureFitting.fit([]) }
    }
}
