/// Test units of a data set, with what was left of each after its last snapshot.
package struct TestUnits: Equatable, Sendable {
    /// Trajectories cut off before failure.
    package let trajectories: [Trajectory]
    /// The true RUL after each trajectory's last snapshot, in cycles.
    package let trueRULs: [Int32]

    /// - Precondition: There is one RUL per trajectory.
    package init(trajectories: [Trajectory], trueRULs: [Int32]) {
        precondition(trajectories.count == trueRULs.count)
        self.trajectories = trajectories
        self.trueRULs = trueRULs
    }
}

/// A folder with data sets in NASA's layout: `train_FD001.txt`, `test_FD001.txt`, `RUL_FD001.txt`.
///
/// Each file may be compressed; `.txt` is looked for before `.txt.gz`.
package struct DatasetFolder: Sendable {
    /// The folder.
    package let path: String

    package init(_ path: String) { self.path = path }

    /// The run-to-failure trajectories of a subset, for example `FD001` or `SIM`.
    package func train(subset: String) throws(DatasetError) -> [Trajectory] {
        let file = try find("train_\(subset)")
        return try CMAPSSReader.trajectories(
            WholeFile.read(file), file: file, endsInFailure: true)
    }

    /// The run-to-failure trajectories of a subset, without the units that are not whole.
    package func validatedTrain(subset: String) throws(DatasetError) -> ValidatedRuns {
        let file = try find("train_\(subset)")
        return try ValidatedRuns(WholeFile.read(file), file: file)
    }

    /// The test units of a subset.
    package func test(subset: String) throws(DatasetError) -> TestUnits {
        let files = try (find("test_\(subset)"), find("RUL_\(subset)"))
        return try Self.test(file: files.0, rulFile: files.1)
    }

    /// The test units of a test file and its RUL file.
    package static func test(
        file: String, rulFile: String
    ) throws(DatasetError) -> TestUnits {
        let trajectories = try CMAPSSReader.trajectories(
            WholeFile.read(file), file: file, endsInFailure: false)
        let rulBytes = try WholeFile.read(rulFile)
        let ruls = try CMAPSSReader.trueRULs(
            rulBytes, file: rulFile, units: trajectories.count)
        return TestUnits(trajectories: trajectories, trueRULs: ruls)
    }

    private func find(_ stem: String) throws(DatasetError) -> String {
        let names = ["\(stem).txt", "\(stem).txt.gz"]
        for name in names where WholeFile.exists("\(path)/\(name)") { return "\(path)/\(name)" }
        throw .notFound(folder: path, tried: names)
    }
}
