import Datasets
package import Evaluation
import ObjectStore
import Prognostics
import Registry
import Sodium
import StrictJSON
package import Training

/// Judges model types by engine-wise cross-validation on the units of the newest data set.
///
/// A fold is a night of its own: its bundles are trained, quantized and calibrated by the very
/// steps that ship, on units that it does not hold out. The nights live in a workspace inside the
/// workspace, so nothing of them can be promoted, and one that was killed goes on where it stopped.
package struct CrossValidationStep {
    /// What to judge.
    package struct Request: Equatable, Sendable {
        /// Parts that the units are dealt into, in `foldRange`.
        package let foldCount: Int
        /// Types to judge; an ensemble's members are trained whether they are among them or not.
        package let modelTypes: [String]
        /// Deals the units and trains.
        package let seed: UInt32
        /// What every model is trained without, to measure what it is worth.
        package let without: InputMask
        /// What the type `ensemble` stands for.
        package let ensemble: EnsembleRecipe?

        /// - Precondition: An ensemble is given if the types name it; inputs are masked for
        ///   `TrainStep.maskedTypes` only.
        package init(
            foldCount: Int, modelTypes: [String], seed: UInt32, without: InputMask = [],
            ensemble: EnsembleRecipe? = nil
        ) {
            precondition(ensemble != nil || !modelTypes.contains(EnsembleRecipe.modelType))
            precondition(
                without.isEmpty || modelTypes.allSatisfy(TrainStep.maskedTypes.contains))
            self.foldCount = foldCount
            self.modelTypes = modelTypes
            self.seed = seed
            self.without = without
            self.ensemble = ensemble
        }
    }

    /// From two folds on there is something to train with; more than 20 take a night each.
    package static let foldRange = 2...20

    private let workspace: Workspace
    private let request: Request
    private let progress: ProgressReport

    package init(workspace: Workspace, request: Request, progress: ProgressReport) {
        self.workspace = workspace
        self.request = request
        self.progress = progress
    }

    /// Trains what no earlier call has trained, and scores each bundle on its held-out units.
    package func run() throws -> CrossValidationReport {
        let whole = try PreprocessStep.newest(in: workspace)
        let folds = UnitFolds(
            unitCount: whole.trajectories.count, foldCount: request.foldCount,
            seed: UInt64(request.seed))
        guard folds.isComplete else {
            throw BackofficeError.tooFewUnits(
                units: whole.trajectories.count, folds: request.foldCount)
        }
        let nights = try Workspace(
            path: "\(workspace.path)/cross-validation", access: .create, command: "evaluate")
        let fingerprint = DataSet.fingerprint(whole.trajectories)
        var scored: [String: [CrossValidationReport.Fold]] = [:]
        for fold in 0..<request.foldCount {
            let dataSet = DataSet(
                configHash: configHash(fold, of: fingerprint), trajectories: whole.trajectories,
                roles: folds.roles(holdingOut: fold))
            try PreprocessStep.store(dataSet, in: nights)
            for type in request.modelTypes {
                progress.step("Fold \(fold + 1) of \(request.foldCount): \(type)")
                let run = try train(type, in: nights)
                let bundle = try StoredBundle.version(run.version, in: nights)
                let held = dataSet.trajectories(.evaluate)
                scored[type, default: []].append(
                    CrossValidationReport.Fold(
                        subject: bundle.subject, rows: bundle.scoring.nightly(held),
                        lateStarters: bundle.scoring.nightly(MidLife.cut(held)),
                        seed: UInt64(request.seed)))
            }
        }
        return CrossValidationReport(
            configHash: whole.configHash.description, foldCount: request.foldCount,
            seed: request.seed, without: request.without.text,
            candidates: request.modelTypes.map { .init(modelType: $0, folds: scored[$0] ?? []) })
    }

    /// Trains a type on the fold that was stored last, an ensemble's members before it.
    private func train(_ type: String, in nights: Workspace) throws -> TrainStep.Report {
        guard type == EnsembleRecipe.modelType, let ensemble = request.ensemble else {
            return try TrainStep(
                workspace: nights, modelType: type, seed: request.seed, without: request.without,
                progress: progress
            ).run()
        }
        for member in ensemble.members {
            _ = try TrainStep(
                workspace: nights, modelType: member.modelType,
                seed: member.seed ?? request.seed, progress: progress
            ).run()
        }
        return try TrainStep(
            workspace: nights, ensemble: ensemble, seed: request.seed, progress: progress
        ).run()
    }

    /// Names a fold by what its bundles follow from.
    private func configHash(_ fold: Int, of fingerprint: Digest) -> Digest {
        let json: JSON = [
            "format": .string(DataSet.format), "data": .string(fingerprint.description),
            "folds": .integer(request.foldCount), "fold": .integer(fold),
            "seed": .integer(request.seed),
        ]
        return SHA256.digest(of: json.bytes)
    }
}
