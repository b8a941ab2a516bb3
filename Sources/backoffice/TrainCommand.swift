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
            With --claim it trains the data set that a claim check names, in a process of its own \
            and under a lease, so that several such commands train several types at once. Of two \
            for the same run one trains, and the other ends with 75 and names it. With --fleet the \
            end is announced on pipeline/model-training.
            Exit status: 0 SUCCESS, also when it had succeeded before; 1 FAILED, with the reason; \
            2 an ensemble lacks members; 65 the claim check is refused; 75 somebody else holds the \
            workspace, or with --claim the run.

              backoffice train --workspace W --type xgboost --seed 1
              backoffice train --workspace W --type lstm --seed 1
              backoffice train --workspace W --type ensemble --ensemble xgboost=0.6,lstm=0.4
              backoffice preprocess --workspace W --data data --subset SIM > claim.json
              backoffice train --workspace W --type gru --claim claim.json
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

    @Option(
        help: .setting(
            "CLAIM",
            "The data set's claim check: a file, '-' for standard input, or its key in "
                + "processed-data, {config_hash}/metadata.json."))
    var claim: String?

    @OptionGroup var trainers: TrainerOptions
    @OptionGroup var lease: LeaseOptions
    @OptionGroup var broker: BrokerOptions

    func run() throws {
        try reportingFailure {
            let type: String = try Setting.required(type, "TYPE")
            let seed = try Setting.optional(seed, "SEED") ?? 1
            if type != EnsembleRecipe.modelType, ensemble.ensemble != nil {
                throw ValidationError(
                    "--ensemble needs --type ensemble. Add it or leave --ensemble out.")
            }
            let recipe = type == EnsembleRecipe.modelType ? try self.recipe() : nil
            if let claim = try Setting.optional(claim, "CLAIM") {
                return try train(claim, recipe.map { .ensemble($0) } ?? .type(type), seed)
            }
            let broker = try broker.brokerIfNamed()
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
            defer { step.announce(broker: broker) }
            try printResult(ReportText.line(step.run()))
        }
    }

    /// Trains what a claim check names, beside whoever holds the workspace.
    private func train(_ claim: String, _ model: ClaimStep.Model, _ seed: UInt32) throws {
        var budget = try trainers.budget()
        budget.jobs = 1
        let broker = try broker.brokerIfNamed()
        let workspace = try workspace.open(.share, for: "train")
        let step = try ClaimStep(
            workspace: workspace,
            check: ClaimStep.claimCheck(claim == "-" ? "/dev/stdin" : claim, in: workspace),
            model: model, seed: seed, budget: budget, leaseSeconds: try lease.seconds(),
            broker: broker, progress: .standardError)
        StopSignal.listen()
        try printResult(ReportText.line(step.run { StopSignal.isGiven }))
    }

    private func recipe() throws -> EnsembleRecipe {
        guard let recipe = try ensemble.recipe() else {
            throw ValidationError("ENSEMBLE is 'none': nothing to combine. Name its members.")
        }
        return recipe
    }
}
