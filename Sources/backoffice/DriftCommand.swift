import ArgumentParser
import BackofficePipeline
import Evaluation
import Prognostics
import Registry
import StrictJSON

/// `backoffice drift`: whether the fleet's readings still look like the training data.
struct DriftCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "drift",
        abstract:
            "Compare what the fleet reads and is told now with what its model was trained on.",
        discussion: """
            Agents keep counts of their newest readings at the broker; no log is pulled. A track \
            of a regime is compared with training engines of the same ages: a sensor's level \
            (s2 to s21) and repeats, the health index, the distance from known regimes, and what \
            the model predicts. Distance (Wasserstein-1) and shift are in training standard \
            deviations. A track drifts when 3 of its newest 4 windows of 512 log rows differ by \
            more than 0.25 beyond what engines differ by chance, or show readings where training \
            has none. Field errors follow, for engines whose failure the pulled logs tell.
            Exit status: 0 nothing drifts; 3 something does; 1 a failure.

              backoffice drift --workspace W --broker-host 127.0.0.1 --fleet demo
              backoffice drift --workspace W --fleet demo --all
              backoffice drift --workspace W --fleet demo --json
            """)

    @OptionGroup var workspace: WorkspaceOptions
    @OptionGroup var broker: BrokerOptions
    @OptionGroup var output: OutputOptions

    @Option(help: .setting("AGENT", "One agent's readings instead of the whole fleet's."))
    var agent: String?

    @Flag(help: .setting("ALL", "List every track, also those that are as in training."))
    var all = false

    func run() throws {
        try reportingFailure {
            let isJSON = try output.isJSON()
            let isWhole = try Setting.flag(all, "ALL")
            let broker = try broker.broker()
            var chosen: UnitIdentifier?
            if let text = try Setting.optional(agent, "AGENT") {
                chosen = UnitIdentifier(text)
                if chosen == nil {
                    throw BackofficeError.badIdentifier(option: "--agent", text: text)
                }
            }
            let workspace = try workspace.open(.look, for: "drift")
            let report = try DriftStep(
                workspace: workspace, broker: broker, progress: .standardError
            ).run(agent: chosen)
            try printResult(
                isJSON ? report.json.text : DriftText.lines(report, isWhole: isWhole))
            guard report.drifting.isEmpty else { throw Self.driftingStatus }
        }
    }

    /// Something drifts.
    private static let driftingStatus = ExitCode(3)
}
