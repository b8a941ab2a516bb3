import ArgumentParser
import BackofficePipeline
import Registry

/// `backoffice push`: makes the broker hold the promoted model.
struct PushCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "push",
        abstract: "Make the broker hold the promoted model: signed offer and blocks, retained.",
        discussion: """
            A repair: it reads what the broker holds and publishes only what is missing or \
            different.
            Run it again after a broker lost its memory.

              backoffice push --workspace W --broker-host 127.0.0.1 --broker-port 1883 --fleet demo
            """)

    @OptionGroup var workspace: WorkspaceOptions
    @OptionGroup var broker: BrokerOptions

    func run() throws {
        try reportingFailure {
            let broker = try broker.broker()
            let workspace = try workspace.open(.change, for: "push")
            let step = PushStep(
                workspace: workspace, broker: broker, nowMillis: WallClock.nowMillis())
            try printResult(ReportText.line(step.run()))
        }
    }
}
