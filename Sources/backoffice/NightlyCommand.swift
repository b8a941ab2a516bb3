import ArgumentParser
import BackofficePipeline
import Datasets
import Evaluation
import Registry

/// `backoffice nightly`: the whole night, for a timer.
struct NightlyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "nightly",
        abstract: "Preprocess, train, evaluate, promote, push, and pull logs from online agents.",
        discussion: """
            A killed night goes on where it stopped. Data that was decided about before is not \
            trained again, and its push still repairs the broker.
            Exit status: 0 done, also with nothing to retrain; 1 a part failed; 2 the candidate \
            was held; 75 another run holds the workspace.

              backoffice nightly --workspace W --data data --subset SIM \\
                --broker-host 127.0.0.1 --broker-port 1883 --fleet demo
            """)

    @OptionGroup var workspace: WorkspaceOptions
    @OptionGroup var data: DataOptions
    @OptionGroup var broker: BrokerOptions
    @OptionGroup var expected: ExpectedTypesOptions

    @Option(help: .setting("SEED", "The seed of the training, 0 to \(UInt32.max).", default: "1"))
    var seed: UInt32?

    func run() throws {
        try reportingFailure {
            let types = try expected.types()
            // Refused before hours of training, which either would make useless.
            if let unknown = types.first(where: { !TrainStep.modelTypes.contains($0) }) {
                throw BackofficeError.unknownModelType(unknown, known: TrainStep.modelTypes)
            }
            let data = try data.request()
            guard data.scheme == .nightly else {
                throw ValidationError(
                    "--roles is official, which leaves no units to evaluate a night on. "
                        + "Use nightly.")
            }
            let request = NightlyStep.Request(
                data: data, expectedTypes: types,
                seed: try Setting.optional(seed, "SEED") ?? 1, broker: try broker.broker())
            let workspace = try workspace.open(.create, for: "nightly")
            let report = try NightlyStep(
                workspace: workspace, request: request, progress: .standardError
            ).run()
            try printResult(ReportText.lines(report))
            guard report.failures.isEmpty else {
                throw BackofficeError.partlyFailed(report.failures)
            }
            if case .hold = report.decision { throw heldStatus }
        }
    }
}
