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
            again.

              backoffice train --workspace W --type xgboost --seed 1
            """)

    @OptionGroup var workspace: WorkspaceOptions

    @Option(help: .setting("TYPE", "The model type: xgboost or lstm."))
    var type: String?

    @Option(help: .setting("SEED", "The seed of the training, 0 to \(UInt32.max).", default: "1"))
    var seed: UInt32?

    func run() throws {
        try reportingFailure {
            let type: String = try Setting.required(type, "TYPE")
            let seed = try Setting.optional(seed, "SEED") ?? 1
            let workspace = try workspace.open(.change, for: "train")
            let step = try TrainStep(
                workspace: workspace, modelType: type, seed: seed, progress: .standardError)
            try printResult(ReportText.line(step.run()))
        }
    }
}
