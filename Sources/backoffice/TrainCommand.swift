import ArgumentParser
import BackofficePipeline
import Registry

/// `backoffice train`: trains one model type on the newest data set.
struct TrainCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "train",
        abstract: "Train one model type on the newest data set, quantize it and register it.",
        discussion: """
            Prints the run id, the model version and the bundle. A run that succeeded before is \
            not repeated; one that was killed is marked FAILED by the next command and may run \
            again. An ensemble combines the runs of its members, which must have succeeded on the \
            same data set; interval and alarm threshold are its own.

              backoffice train --workspace W --type xgboost --seed 1
              backoffice train --workspace W --type lstm --seed 1
              backoffice train --workspace W --type ensemble --ensemble xgboost=0.6,lstm=0.4
            """)

    @OptionGroup var workspace: WorkspaceOptions

    @Option(
        help: .setting(
            "TYPE",
            "The model type: \(TrainStep.modelTypes.joined(separator: ", ")) or ensemble."))
    var type: String?

    @OptionGroup var ensemble: EnsembleOptions

    @Option(help: .setting("SEED", "The seed of the training, 0 to \(UInt32.max).", default: "1"))
    var seed: UInt32?

    func run() throws {
        try reportingFailure {
            let type: String = try Setting.required(type, "TYPE")
            let seed = try Setting.optional(seed, "SEED") ?? 1
            if type != EnsembleRecipe.modelType, ensemble.ensemble != nil {
                throw ValidationError(
                    "--ensemble needs --type ensemble. Add it or leave --ensemble out.")
            }
            let recipe = type == EnsembleRecipe.modelType ? try self.recipe() : nil
            let workspace = try workspace.open(.change, for: "train")
            let step =
                if let recipe {
                    TrainStep(
                        workspace: workspace, ensemble: recipe, seed: seed,
                        progress: .standardError)
                } else {
                    try TrainStep(
                        workspace: workspace, modelType: type, seed: seed,
                        progress: .standardError)
                }
            try printResult(ReportText.line(step.run()))
        }
    }

    private func recipe() throws -> EnsembleRecipe {
        guard let recipe = try ensemble.recipe() else {
            throw ValidationError("ENSEMBLE is 'none': nothing to combine. Name its members.")
        }
        return recipe
    }
}
