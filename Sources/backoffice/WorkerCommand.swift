import ArgumentParser
import BackofficePipeline
import Registry

/// `backoffice worker`: trains what others posted.
struct WorkerCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "worker",
        abstract: "Train what 'nightly' or 'preprocess --post' posted, until told to stop.",
        discussion: """
            Leases posted claims in the registry and trains each in a process of its own. A lease \
            is renewed while it trains; when this worker dies, another takes the claim over after \
            --lease-seconds, and a trainer that lost its lease records nothing. Every worker makes \
            the same bytes. Start as many as there are cores and memory for; all use the folder of \
            the workspace. With --fleet, announcements wake it and the ends of its runs are \
            announced; without, it looks every few seconds.
            SIGTERM and SIGINT stop it: what is being trained is given back.
            Exit status: 0 stopped, or nothing left with --drain; 1 the worker itself failed. Runs \
            that FAILED are in 'backoffice runs list'.

              backoffice worker --workspace W --broker-host 127.0.0.1 --fleet demo
              backoffice worker --workspace W --types lstm,gru --drain
            """)

    @OptionGroup var workspace: WorkspaceOptions
    @OptionGroup var broker: BrokerOptions
    @OptionGroup var trainers: TrainerOptions
    @OptionGroup var lease: LeaseOptions

    @Option(
        help: .setting("TYPES", "Model types to train, separated by commas.", default: "all"))
    var types: String?

    @Flag(help: .setting("DRAIN", "End when there is nothing to train."))
    var drain = false

    func run() throws {
        try reportingFailure {
            let known = TrainStep.modelTypes + [EnsembleRecipe.modelType]
            let types = try Setting.optional(types, "TYPES").map {
                $0.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
            }
            if let unknown = types?.first(where: { !known.contains($0) }) {
                throw BackofficeError.unknownModelType(unknown, known: known)
            }
            let budget = try trainers.budget()
            guard budget.jobs > 0 else {
                throw ValidationError("--train-jobs is 0: a worker needs at least one trainer.")
            }
            let request = WorkerStep.Request(
                modelTypes: types ?? [], budget: budget, leaseSeconds: try lease.seconds(),
                drains: try Setting.flag(drain, "DRAIN"), broker: try broker.brokerIfNamed())
            let workspace = try workspace.open(.share, for: "worker")
            StopSignal.listen()
            let runs = try WorkerStep(
                workspace: workspace, request: request, progress: .standardError
            ).run { StopSignal.isGiven }
            try printResult(ReportText.lines(runs))
        }
    }
}
