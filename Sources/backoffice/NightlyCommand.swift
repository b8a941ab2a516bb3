import ArgumentParser
import BackofficePipeline
import Dashboard
import Datasets
import Evaluation
import Registry

/// `backoffice nightly`: the whole night, for a timer.
struct NightlyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "nightly",
        abstract: "Pull logs from online agents, preprocess, train, evaluate, promote and push.",
        discussion: """
            What engines in the field went through is trained on with the base data, once their \
            failure is known. \
            Trains every expected type, each in a process of its own, and the ensemble when its \
            members are there. The work is posted, so that workers may take part; with \
            --train-jobs 0 they do all of it. A killed \
            night goes on where it stopped. Data that was decided about before is not trained \
            again, and its push still repairs the broker. With --rollout staged a newly promoted \
            model starts a rollout instead of a push; an active rollout takes its next step, \
            whatever --rollout says. At its end it tells the receivers of alerts what must be \
            acted on; one that cannot be reached fails no night; and it writes its report, \
            W/night-report.html. A type whose training fails holds the promotion, unless \
            --exclude-failed leaves it out.
            Exit status: 0 done, also with nothing to retrain; 1 a part failed; 2 the candidate \
            was held, or types FAILED or were not trained before --train-deadline; 75 another run \
            holds the workspace.

              backoffice nightly --workspace W --data data --subset SIM \\
                --broker-host 127.0.0.1 --broker-port 1883 --fleet demo
            """)

    @OptionGroup var workspace: WorkspaceOptions
    @OptionGroup var data: DataOptions
    @OptionGroup var broker: BrokerOptions
    @OptionGroup var expected: ExpectedTypesOptions
    @OptionGroup var ensemble: EnsembleOptions
    @OptionGroup var trainers: TrainerOptions
    @OptionGroup var delivery: DeliveryOptions
    @OptionGroup var plan: RolloutPlanOptions
    @OptionGroup var alerts: AlertOptions

    @Option(help: .setting("SEED", "The seed of the training, 0 to \(UInt32.max).", default: "1"))
    var seed: UInt32?

    @Flag(
        help: .setting(
            "WITHOUT_PULL", "Ask no agent for its log, and learn from those pulled before."))
    var withoutPull = false

    func run() throws {
        try reportingFailure {
            let types = try expected.types()
            // Refused before hours of training, which either would make useless.
            let known = TrainStep.modelTypes + [EnsembleRecipe.modelType]
            if let unknown = types.first(where: { !known.contains($0) }) {
                throw BackofficeError.unknownModelType(unknown, known: known)
            }
            let recipe = try ensemble.recipe()
            if recipe == nil, types.contains(EnsembleRecipe.modelType) {
                throw ValidationError(
                    "EXPECTED_MODEL_TYPES has the ensemble and ENSEMBLE is 'none'. Correct one.")
            }
            let data = try data.request()
            guard data.scheme == .nightly else {
                throw ValidationError(
                    "--roles is official, which leaves no units to evaluate a night on. "
                        + "Use nightly.")
            }
            let request = NightlyStep.Request(
                data: data, expectedTypes: types, ensemble: recipe,
                excludeFailed: try expected.excludesFailed(),
                seed: try Setting.optional(seed, "SEED") ?? 1, broker: try broker.broker(),
                trainers: try trainers.budget(),
                pullsLogs: try !Setting.flag(withoutPull, "WITHOUT_PULL"),
                rollout: try delivery.plan(plan), alerts: try alerts.request())
            let workspace = try workspace.open(.create, for: "nightly")
            var report = try NightlyStep(
                workspace: workspace, request: request, progress: .standardError
            ).run()
            let page = Self.writePage(of: workspace, &report)
            try printResult(([ReportText.lines(report)] + page).joined(separator: "\n"))
            guard report.failures.isEmpty else {
                throw BackofficeError.partlyFailed(report.failures, isHeld: report.isHeld)
            }
            if case .hold = report.decision { throw heldStatus }
        }
    }

    /// Writes the night's page where 'report' writes it; a failure is one of the night's.
    private static func writePage(
        of workspace: Workspace, _ report: inout NightlyStep.Report
    ) -> [String] {
        let path = "\(workspace.path)/night-report.html"
        do {
            let night = try ReportStep.newest(in: workspace, progress: .silent)
            try WholeFile.write(Array(NightPage(night).html.utf8), to: path)
            return ["night report \(path)"]
        } catch {
            report.failures.append("The night report was not written: \(error)")
            return []
        }
    }
}
