package import Datasets
package import Features

/// A trained boosted-tree model, still in float: what quantization turns into a bundle.
package struct TrainedXGBoost: Sendable {
    /// What it was trained with.
    package let parameters: XGBoostParameters
    /// The seed of row and feature draws.
    package let seed: UInt32
    /// Scaler and regimes, fitted on the train units.
    package let featureParameters: FeatureParameters
    /// Indices of the kept features among all, ascending; column i of the model is the i-th.
    package let keptFeatures: [Int]
    /// The model as libxgboost saved it (JSON).
    package let savedModel: [UInt8]
    /// The same model, read.
    package let model: XGBoostModel
    /// Rows it was trained on.
    package let rowCount: Int

    /// What the float model says about rows of all features: libxgboost's own prediction,
    /// without clamping, in cycles.
    package func predict(_ features: FeatureMatrix) throws(TrainingError) -> [Float] {
        let matrix = try BoostingMatrix(
            features.selecting(keptFeatures), labels: nil, threadCount: 1)
        return try Booster(savedModel: savedModel, threadCount: 1).predict(matrix)
    }
}

/// How far training has come, after each boosting round.
package struct BoostingProgress: Equatable, Sendable {
    /// The two fits of one training: on all features to rank them, then on the kept ones.
    package enum Fit: String, Sendable {
        case ranking, final
    }

    /// Which fit is under way.
    package let fit: Fit
    /// Finished rounds, from 1.
    package let round: Int
    /// Rounds of this fit.
    package let roundCount: Int
    /// Root mean square error on the train rows, in cycles.
    package let rmse: Double
}

/// Whether training goes on after a round or step.
package enum TrainingDecision: Sendable {
    case goOn, cancel
}

/// Trains boosted trees on run-to-failure trajectories.
package enum XGBoostTrainer {
    /// Fits scaler and regimes, ranks all features by one fit, keeps the best and fits again.
    ///
    /// `trajectories` are the train units, each ending in its failure. The same ones in the same
    /// order, parameters and seed give the same bytes; one thread and two did in every run
    /// measured. `progress` hears of each round and may cancel.
    package static func train(
        _ trajectories: [Trajectory], parameters: XGBoostParameters, seed: UInt32,
        threadCount: Int = 2,
        progress: (BoostingProgress) -> TrainingDecision = { _ in .goOn }
    ) throws(TrainingError) -> TrainedXGBoost {
        let featureParameters = try FeatureFitting.fit(trajectories)
        let lateStarters = LateStart.sample(
            trajectories, share: parameters.lateStarterShare, seed: UInt64(seed))
        let rows = try LabelledRows(trajectories + lateStarters, using: featureParameters)
        return try train(
            rows, featureParameters: featureParameters, parameters: parameters, seed: seed,
            threadCount: threadCount, progress: progress)
    }

    /// The same on rows that were made with `featureParameters`.
    package static func train(
        _ rows: LabelledRows, featureParameters: FeatureParameters,
        parameters: XGBoostParameters, seed: UInt32, threadCount: Int = 2,
        progress: (BoostingProgress) -> TrainingDecision = { _ in .goOn }
    ) throws(TrainingError) -> TrainedXGBoost {
        var rows = rows
        rows.clear(parameters.without)
        let fitting = Fitting(
            targets: rows.targets, parameters: parameters, seed: seed, threadCount: threadCount)
        let ranking = try XGBoostModel(
            parsing: fitting.fit(.ranking, rows.features, progress: progress))
        // Age ranks 25th to 49th, so chance alone would drop it now and then: 2 to 4 cycles of RMSE
        // (docs/recipe.md).
        let kept = try ranking.featuresOfHighestGain(
            parameters.keptFeatureCount,
            always: parameters.without.contains(.age) ? nil : FeatureSpec.cycleIndex)
        let savedModel = try fitting.fit(
            .final, rows.features.selecting(kept), progress: progress)
        return TrainedXGBoost(
            parameters: parameters, seed: seed, featureParameters: featureParameters,
            keptFeatures: kept, savedModel: savedModel,
            model: try XGBoostModel(parsing: savedModel), rowCount: rows.ruls.count)
    }

    /// What the two fits have in common.
    private struct Fitting {
        let targets: [Float]
        let parameters: XGBoostParameters
        let seed: UInt32
        let threadCount: Int

        func fit(
            _ fit: BoostingProgress.Fit, _ features: FeatureMatrix,
            progress: (BoostingProgress) -> TrainingDecision
        ) throws(TrainingError) -> [UInt8] {
            let mean = targets.reduce(0) { $0 + Double($1) } / Double(targets.count)
            let matrix = try BoostingMatrix(
                features, labels: targets, threadCount: threadCount)
            let booster = try Booster(
                for: matrix, parameters: parameters, seed: seed, base: Float(mean),
                threadCount: threadCount)
            for round in 0..<parameters.roundCount {
                try booster.update(round: round, with: matrix)
                let step = BoostingProgress(
                    fit: fit, round: round + 1, roundCount: parameters.roundCount,
                    rmse: try booster.rmse(round: round, on: matrix))
                guard case .goOn = progress(step) else {
                    throw .cancelled(afterRound: round + 1)
                }
            }
            return try booster.savedModel()
        }
    }
}
