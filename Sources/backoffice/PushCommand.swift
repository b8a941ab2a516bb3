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
            Run it again after a broker lost its memory. With --rollout staged a promoted model \
            that the fleet has not been offered starts a rollout; while one is active, a push \
            repairs what it published.

              backoffice push --workspace W --broker-host 127.0.0.1 --broker-port 1883 --fleet demo
            """)

    @OptionGroup var workspace: WorkspaceOptions
    @OptionGroup var broker: BrokerOptions
    @OptionGroup var delivery: DeliveryOptions
    @OptionGroup var plan: RolloutPlanOptions

    func run() throws {
        try reportingFailure {
            let broker = try broker.broker()
            let plan = try delivery.plan(plan)
            let workspace = try workspace.open(.change, for: "push")
            let nowMillis = WallClock.nowMillis()
            let rollout = RolloutStep(
                workspace: workspace, broker: broker, nowMillis: nowMillis,
                progress: .standardError)
            if let plan, let report = try rollout.deliver(plan) {
                return try printResult(RolloutText.line(report))
            }
            let step = PushStep(workspace: workspace, broker: broker, nowMillis: nowMillis)
            try printResult(ReportText.line(step.run()))
        }
    }
}
