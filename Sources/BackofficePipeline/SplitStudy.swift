import Datasets
package import Evaluation
import Prognostics
import Quantization
package import StrictJSON
import Training

/// What a way to split rows makes of the same boosted trees on the newest data set.
///
/// Two splits of the source design are wrong, and this shows how. A study trains in memory and
/// keeps nothing: there is no run, no bundle and no version of it that could be promoted or pushed.
package struct SplitStudy {
    /// How rows are shared 70 : 15 : 15 among training, threshold and judgement.
    package enum Split: String, CaseIterable, Sendable {
        /// Whole units: what every other step of this program does.
        case unit
        /// Rows at random: a unit's rows train and judge, and neighbours in time are almost equal.
        case row
        /// The first part of each life trains: no row of it is near a failure.
        case chronological
    }

    /// The figures of one split.
    package struct Report: Equatable, Sendable {
        package let split: Split
        /// What every line about this split must say; nil for the honest one.
        package let label: String?
        /// Why, in a sentence.
        package let reason: String?
        package let trainRowCount: Int
        package let judgedRowCount: Int
        package let capped: RegressionMetrics
        /// Nil when no classifier of failures within 30 cycles can be trained.
        package let failure: FailureMetrics?

        /// The report as `evaluate --split --json` prints it.
        package var json: JSON {
            func number(_ value: Double?) -> JSON { value.map { .double($0) } ?? .null }
            return [
                "split": .string(split.rawValue), "label": label.map { .string($0) } ?? .null,
                "reason": reason.map { .string($0) } ?? .null,
                "train_rows": .integer(trainRowCount), "rows": .integer(judgedRowCount),
                "rmse": .double(capped.rmse), "mae": .double(capped.mae),
                "f2": number(failure?.f2), "precision": number(failure?.precision),
                "recall": number(failure?.recall), "roc_auc": number(failure?.rocAUC),
            ]
        }
    }

    private enum Part { case train, tune, judge }

    private let trajectories: [Trajectory]
    private let seed: UInt32
    private let progress: ProgressReport

    /// Reads the newest data set, whatever its roles.
    package init(workspace: Workspace, seed: UInt32, progress: ProgressReport) throws {
        trajectories = try PreprocessStep.newest(in: workspace).trajectories
        self.seed = seed
        self.progress = progress
    }

    /// Trains on one part of the rows, sets the threshold on another and judges on the third.
    ///
    /// Scaler, regimes and health index are fitted on every unit with a row that trains.
    package func run(_ split: Split) throws -> Report {
        let parts = parts(split)
        let trainUnits = zip(trajectories, parts).filter { $0.1.contains(.train) }.map(\.0)
        let parameters = try FeatureFitting.fit(trainUnits)
        let rows = try LabelledRows(trajectories, using: parameters)
        let flat = parts.flatMap { $0 }
        func select(_ part: Part) -> LabelledRows {
            rows.selecting(flat.indices.filter { flat[$0] == part })
        }
        let (train, tune, judged) = (select(.train), select(.tune), select(.judge))
        let isTrainable = train.ruls.contains(where: RULLabel.isNearFailure)
        guard tune.ruls.contains(where: RULLabel.isNearFailure) || !isTrainable,
            !judged.ruls.isEmpty
        else { throw BackofficeError.tooFewToSplit(units: trajectories.count) }
        let (label, reason) = Self.warning(split, train: train)
        progress.step(
            "Split by \(split.rawValue): training on \(train.ruls.count) of \(flat.count) rows"
                + (label.map { ": \($0)" } ?? ""))
        let trained = try XGBoostTrainer.train(
            train, featureParameters: parameters, parameters: .shipped, seed: seed
        ) { step in
            progress.advance("\(step.fit.rawValue) fit", done: step.round, of: step.roundCount)
            return .goOn
        }
        let said = try trained.predict(judged.features)
        return Report(
            split: split, label: label, reason: reason, trainRowCount: train.ruls.count,
            judgedRowCount: judged.ruls.count,
            capped: RegressionMetrics(
                predicted: said.map { Double(min(max($0, 0), Prediction.cap)) },
                truth: judged.targets.map(Double.init)),
            failure: isTrainable
                ? try Self.failure(said, judged: judged, tune: tune, trained: trained) : nil)
    }

    /// What is wrong with a split, and why.
    private static func warning(
        _ split: Split, train: LabelledRows
    ) -> (label: String?, reason: String?) {
        guard train.ruls.contains(where: RULLabel.isNearFailure) else {
            return (
                "UNTRAINABLE",
                "The least RUL of \(train.ruls.count) training rows is \(train.ruls.min() ?? 0) "
                    + "cycles, so none shows a failure within 30 and no classifier is trained."
            )
        }
        if split == .unit { return (nil, nil) }
        return ("LEAKAGE", "The same units train and judge, so the figures are not comparable.")
    }

    /// Judges the failures within 30 cycles, with the threshold of the part that tunes.
    private static func failure(
        _ said: [Float], judged: LabelledRows, tune: LabelledRows, trained: TrainedXGBoost
    ) throws -> FailureMetrics {
        let threshold = AlarmThreshold.maximizingF2(
            probabilities: try trained.predict(tune.features).map(risk),
            events: tune.ruls.map(RULLabel.isNearFailure))
        return FailureMetrics(
            probabilities: said.map { Double(risk($0)) },
            positive: judged.ruls.map(RULLabel.isNearFailure), threshold: Double(threshold))
    }

    /// A predicted RUL as something that grows towards failure, in `0...1`.
    private static func risk(_ rul: Float) -> Float {
        1 - min(max(rul, 0), Prediction.cap) / Prediction.cap
    }

    /// The part of each row of each unit.
    private func parts(_ split: Split) -> [[Part]] {
        var random = SplitMix64(seed: UInt64(seed))
        func part(_ place: Double) -> Part { place < 0.7 ? .train : place < 0.85 ? .tune : .judge }
        let order = Array(trajectories.indices).shuffled(using: &random)
        var place = [Double](repeating: 0, count: order.count)
        for (dealt, unit) in order.enumerated() {
            place[unit] = (Double(dealt) + 0.5) / Double(order.count)
        }
        return trajectories.indices.map { unit in
            let count = trajectories[unit].snapshots.count
            return switch split {
            case .unit: .init(repeating: part(place[unit]), count: count)
            case .row: (0..<count).map { _ in part(random.uniform()) }
            case .chronological: (0..<count).map { part(Double($0) / Double(count)) }
            }
        }
    }
}
