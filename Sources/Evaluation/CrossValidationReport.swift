import Prognostics

/// What each model type is worth on units that none of its bundles was made with, fold by fold.
///
/// Every unit is held out once, so the folds' units together are the whole fleet.
package struct CrossValidationReport: Equatable, Sendable {
    /// One bundle on the units that its fold held out.
    package struct Fold: Equatable, Sendable {
        /// Every row from cycle 15.
        package let report: EvaluationReport
        /// A few random rows of each unit, as an official test file has one.
        package let cuts: RegressionMetrics

        /// Measures the held-out rows of a bundle.
        /// - Precondition: There is at least one row; a unit's rows stand together, oldest first.
        package init(
            subject: EvaluationReport.Subject, rows: [ScoredRow], lateStarters: [ScoredRow],
            seed: UInt64
        ) {
            report = EvaluationReport(
                subject: subject, protocol: .cv, rows: rows, lateStarters: lateStarters)
            let cut = CutPoints.choose(rows, seed: seed)
            cuts = RegressionMetrics(
                predicted: cut.map { Double($0.prediction.rul) }, truth: cut.map(\.cappedTruth))
        }
    }

    /// One model type over all folds.
    package struct Candidate: Equatable, Sendable {
        package let modelType: String
        package let folds: [Fold]

        package init(modelType: String, folds: [Fold]) {
            self.modelType = modelType
            self.folds = folds
        }

        /// The sums of all units, fold by fold.
        package var tallies: [UnitTally] { folds.flatMap(\.report.metrics.tallies) }
    }

    /// The data set's configuration.
    package let configHash: String
    package let foldCount: Int
    package let seed: UInt32
    /// Names of inputs that no model was trained with, separated by commas; empty for none.
    package let without: String
    package let candidates: [Candidate]

    /// - Precondition: All candidates have the same folds.
    package init(
        configHash: String, foldCount: Int, seed: UInt32, without: String = "",
        candidates: [Candidate]
    ) {
        precondition(candidates.allSatisfy { $0.folds.count == foldCount })
        self.configHash = configHash
        self.foldCount = foldCount
        self.seed = seed
        self.without = without
        self.candidates = candidates
    }

    /// The candidate of the least mean RMSE at the cut points.
    package var best: Candidate? {
        func mean(_ candidate: Candidate) -> Double {
            FoldStatistic(candidate.folds.map(\.cuts.rmse))?.mean ?? .infinity
        }
        return candidates.min { mean($0) < mean($1) }
    }
}

/// Mean and spread of a metric over folds.
package struct FoldStatistic: Equatable, Sendable {
    package let mean: Double
    /// Sample standard deviation, over n − 1; nil for a single fold.
    package let deviation: Double?

    /// Nil when a fold lacks the metric, or without folds.
    package init?(_ values: [Double?]) {
        let known = values.compactMap { $0 }
        guard !known.isEmpty, known.count == values.count else { return nil }
        let mean = known.reduce(0, +) / Double(known.count)
        self.mean = mean
        deviation =
            known.count == 1
            ? nil
            : (known.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(known.count - 1))
                .squareRoot()
    }
}
