import Datasets
package import Evaluation
import ObjectStore
import Prognostics
import Registry
import Sodium
import StrictJSON

/// Scores bundles, from their bytes and with the device's code.
package struct EvaluateStep {
    /// The official files to score, and why.
    package struct OfficialTest: Equatable, Sendable {
        package let testFile: String
        package let rulFile: String
        /// Goes on record with the scoring.
        package let purpose: String

        package init(testFile: String, rulFile: String, purpose: String) {
            self.testFile = testFile
            self.rulFile = rulFile
            self.purpose = purpose
        }
    }

    private let workspace: Workspace
    private let expectedTypes: [String]
    private let excludeFailed: Bool
    private let progress: ProgressReport

    /// `expectedTypes` must all have succeeded before any model of their configuration is scored;
    /// with `excludeFailed`, those whose run failed are left out.
    package init(
        workspace: Workspace, expectedTypes: [String], excludeFailed: Bool = false,
        progress: ProgressReport
    ) {
        self.workspace = workspace
        self.expectedTypes = expectedTypes
        self.excludeFailed = excludeFailed
        self.progress = progress
    }

    /// The nightly protocol on every bundle of the newest configuration; keeps the reports.
    package func nightly() throws -> [EvaluationReport] {
        let rows = try NightlyRows(workspace)
        return try candidates().map { candidate in
            progress.step("Scoring version \(candidate.version) on \(rows.unitCount) units")
            let report = try rows.report(candidate)
            try workspace.objects.put(
                report.json.bytes, bucket: .models,
                key: ObjectKey("\(candidate.runID)/evaluation.json"), replace: true)
            return report
        }
    }

    /// The official protocol on one version, or on all of the newest configuration.
    ///
    /// Every look at a test file is appended to the registry before its figures are returned.
    package func official(
        _ files: OfficialTest, version: Int64?, nowMillis: Int64
    ) throws -> [EvaluationReport] {
        let bundles =
            if let version {
                [try StoredBundle.version(version, in: workspace)]
            } else {
                try candidates()
            }
        let test = try DatasetFolder.test(file: files.testFile, rulFile: files.rulFile)
        let testDigest = DataSet.fingerprint(test.trajectories).description
        let ruls = test.trueRULs.map { "\($0)\n" }.joined()
        let rulDigest = SHA256.digest(of: Array(ruls.utf8)).description
        return try bundles.map { candidate in
            progress.step(
                "Scoring version \(candidate.version) on \(test.trajectories.count) units")
            warnOfOtherFleet(candidate, test.trajectories)
            let report = EvaluationReport(
                subject: candidate.subject, protocol: .official,
                rows: candidate.scoring.official(test),
                lateStarters: candidate.scoring.official(MidLife.cut(test)))
            try workspace.registry.appendOfficialScoring(
                timeMillis: nowMillis, purpose: files.purpose, version: candidate.version,
                testDigest: testDigest, rulDigest: rulDigest, report: report.json.text)
            return report
        }
    }

    /// Says when test units fly where the model's fleet did not: its figures then mean little.
    private func warnOfOtherFleet(_ candidate: StoredBundle, _ trajectories: [Trajectory]) {
        let strange = candidate.scoring.strangeSnapshotCount(trajectories)
        guard strange > 0 else { return }
        let total = trajectories.reduce(0) { $0 + $1.snapshots.count }
        progress.step(
            "Warning: \(strange) of \(total) rows have settings far from every operating regime "
                + "that version \(candidate.version) was trained on. Check that the test file is "
                + "of its fleet.")
    }

    /// The bundles of the newest configuration, once every expected type has one.
    private func candidates() throws -> [StoredBundle] {
        guard let newest = try workspace.registry.newestDataSet() else {
            throw BackofficeError.noDataSet
        }
        let types = try CandidateTypes(
            expected: expectedTypes, excludeFailed: excludeFailed, configHash: newest.configHash,
            in: workspace.registry)
        guard types.missing.isEmpty else {
            throw BackofficeError.notReady(configHash: newest.configHash, missing: types.missing)
        }
        for sentence in types.excluded { progress.step(sentence) }
        return try workspace.registry.modelVersions(configHash: newest.configHash).map {
            try StoredBundle($0, in: workspace)
        }
    }
}

/// The evaluate units of the newest data set, which every bundle of a night is scored on.
struct NightlyRows {
    private let trajectories: [Trajectory]

    var unitCount: Int { trajectories.count }

    init(_ workspace: Workspace) throws {
        trajectories = try PreprocessStep.newest(in: workspace).trajectories(.evaluate)
        let isEmpty = trajectories.allSatisfy {
            $0.snapshots.count < EvaluationProtocol.firstSnapshot
        }
        guard !isEmpty else { throw BackofficeError.noEvaluateUnits }
    }

    func report(_ candidate: StoredBundle) throws -> EvaluationReport {
        EvaluationReport(
            subject: candidate.subject, protocol: .nightly, rows: rows(candidate),
            lateStarters: candidate.scoring.nightly(MidLife.cut(trajectories)))
    }

    /// What a bundle predicts for every row, in the order of units and cycles.
    func rows(_ bundle: StoredBundle) -> [ScoredRow] { bundle.scoring.nightly(trajectories) }
}
