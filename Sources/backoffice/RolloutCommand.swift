import ArgumentParser
import BackofficePipeline
import Fleet
import Foundation
import Registry
import StrictJSON

/// `backoffice rollout`: takes the promoted model into the fleet in stages.
struct RolloutCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rollout",
        abstract: "Take the promoted model into the fleet in stages, and halt when agents fail.",
        discussion: """
            A canary gets it first, then growing shares, then everybody. Each agent compares it \
            with its running model on its own readings before it serves (shadow). A rollout halts \
            itself when agents refuse, hold or lose it, are DEGRADED, or do not report; nobody \
            else gets it then, and the operator resumes or aborts. 'abort' offers the former model \
            to all.

            A look at the fleet takes the next step if it is due: each 'nightly' takes one look, \
            'rollout run' looks again and again. Any of them may be killed at any time.

              backoffice rollout start --workspace W --fleet demo --rollout-canary edge-1
              backoffice rollout run --workspace W --fleet demo
              backoffice rollout status --workspace W --fleet demo
              backoffice rollout abort --workspace W --fleet demo
            """,
        subcommands: [
            RolloutStartCommand.self, RolloutStatusCommand.self, RolloutRunCommand.self,
            RolloutPauseCommand.self, RolloutResumeCommand.self, RolloutAbortCommand.self,
        ])
}

/// What every command of a rollout needs.
struct RolloutOptions: ParsableArguments {
    @OptionGroup var workspace: WorkspaceOptions
    @OptionGroup var broker: BrokerOptions
    @OptionGroup var output: OutputOptions

    /// Opens the workspace, does one step, and prints where the rollout is then.
    func change(
        _ command: String, _ body: (RolloutStep) throws -> RolloutStep.Report
    ) throws -> RolloutStep.Report {
        let broker = try broker.broker()
        let workspace = try workspace.open(.change, for: command)
        return try body(
            RolloutStep(
                workspace: workspace, broker: broker, nowMillis: WallClock.nowMillis(),
                progress: .standardError))
    }

    /// Prints a report as a line, or as JSON.
    func show(_ report: RolloutStep.Report) throws {
        try printResult(
            try output.isJSON() ? RolloutText.json(report, []).text : RolloutText.line(report))
    }
}

/// `backoffice rollout start`: puts a rollout on record and offers to the canary.
struct RolloutStartCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "start",
        abstract: "Start a rollout of the promoted version and offer it to the canary.",
        discussion: """
            The version that the whole fleet was offered last stands for everybody else, also for \
            an agent that comes without a model. The first model of a fleet is pushed, not rolled \
            out.

              backoffice rollout start --workspace W --fleet demo --dry-run
              backoffice rollout start --workspace W --fleet demo --rollout-canary edge-1,edge-2 \\
                --rollout-waves 25%,50%
            """)

    @OptionGroup var options: RolloutOptions
    @OptionGroup var plan: RolloutPlanOptions

    @Flag(help: "Print the plan and change nothing.")
    var dryRun = false

    func run() throws {
        try reportingFailure {
            let plan = try plan.plan()
            if dryRun {
                let step = RolloutStep(
                    workspace: try options.workspace.open(.look, for: "rollout start"),
                    broker: try options.broker.broker(), nowMillis: WallClock.nowMillis(),
                    progress: .standardError)
                let (version, former) = try step.candidate()
                return try printResult(
                    "would roll out version \(version) over version \(former):\n"
                        + RolloutText.plan(plan))
            }
            try options.show(
                options.change("rollout start") { step in
                    _ = try step.start(plan)
                    return try step.advance()
                })
        }
    }
}

/// `backoffice rollout status`: where the newest rollout is.
struct RolloutStatusCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status", abstract: "Show where the newest rollout is, and its history.",
        discussion: """
            As it is on record; asks no broker and disturbs no other command.

              backoffice rollout status --workspace W --fleet demo --json
            """)

    @OptionGroup var options: RolloutOptions

    func run() throws {
        try reportingFailure {
            let isJSON = try options.output.isJSON()
            let target = try options.broker.broker().target
            let workspace = try options.workspace.open(.look, for: "rollout status")
            guard let report = try RolloutStep.newest(in: workspace, target: target) else {
                return try printResult(isJSON ? JSON.null.text : "no rollout yet")
            }
            let events = try workspace.registry.rolloutEvents(report.record.number)
            try printResult(
                isJSON
                    ? RolloutText.json(report, events).text : RolloutText.page(report, events))
        }
    }
}

/// `backoffice rollout run`: follows the active rollout until it ends.
struct RolloutRunCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run", abstract: "Follow the active rollout until it is complete or halts.",
        discussion: """
            Looks at the fleet every --interval seconds and takes each step when it is due. It \
            holds the workspace only while it looks, and may be killed and started at will.
            Exit status: 0 complete; 2 halted, paused, or not complete after --timeout.

              backoffice rollout run --workspace W --fleet demo --timeout 86400
            """)

    @OptionGroup var options: RolloutOptions

    @Option(help: .setting("INTERVAL", "Seconds between two looks, 1 to 3600.", default: "10"))
    var interval: UInt32?

    @Option(
        help: .setting(
            "TIMEOUT", "Seconds, 0 to 2592000, after which it stops looking; 0 for one look.",
            default: "86400"))
    var timeout: Int?

    func run() throws {
        try reportingFailure {
            let interval = try Setting.optional(interval, "INTERVAL") ?? 10
            let timeout = try Setting.optional(timeout, "TIMEOUT") ?? 86_400
            guard (1...3_600).contains(interval), (0...2_592_000).contains(timeout) else {
                throw ValidationError("--interval is 1 to 3600 s, --timeout 0 to 2592000 s.")
            }
            StopSignal.listen()
            let clock = ContinuousClock()
            let deadline = clock.now + .seconds(timeout)
            var report = try look(waiting: timeout > 0)
            while report?.rollout.phase ?? .running == .running, clock.now < deadline,
                !StopSignal.isGiven
            {
                // The fleet takes its time: there is nothing to wait for but the next look.
                sleep(interval)
                report = try look(waiting: clock.now < deadline) ?? report
            }
            guard let report else { throw heldStatus }
            try options.show(report)
            guard report.rollout.phase == .complete else { throw heldStatus }
        }
    }

    /// One look; nil when another command holds the workspace and there is time to wait for it.
    private func look(waiting: Bool) throws -> RolloutStep.Report? {
        do {
            return try options.change("rollout run") { try $0.advance() }
        } catch BackofficeError.busy where waiting {
            return nil
        }
    }
}

/// `backoffice rollout pause`: stops a running rollout where it is.
struct RolloutPauseCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pause", abstract: "Stop a running rollout at the stage that it has reached.",
        discussion: "  backoffice rollout pause --workspace W --fleet demo")

    @OptionGroup var options: RolloutOptions

    func run() throws {
        try reportingFailure {
            try options.show(options.change("rollout pause") { try $0.pause() })
        }
    }
}

/// `backoffice rollout resume`: lets a paused or halted rollout go on.
struct RolloutResumeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "resume",
        abstract: "Let a paused or halted rollout go on; failures so far count no more.",
        discussion: "  backoffice rollout resume --workspace W --fleet demo")

    @OptionGroup var options: RolloutOptions

    func run() throws {
        try reportingFailure {
            try options.show(options.change("rollout resume") { try $0.resume() })
        }
    }
}

/// `backoffice rollout abort`: ends a rollout and offers the former version to all.
struct RolloutAbortCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "abort",
        abstract: "End a rollout, and offer the former version to the whole fleet.",
        discussion: """
            Under a new counter, so that agents that run the candidate go back; the others accept \
            it as what they run. Pushes stay with the former version until another one is promoted.

              backoffice rollout abort --workspace W --fleet demo --dry-run
            """)

    @OptionGroup var options: RolloutOptions

    @Flag(help: "Print what would be offered and change nothing.")
    var dryRun = false

    func run() throws {
        try reportingFailure {
            guard dryRun else {
                return try options.show(options.change("rollout abort") { try $0.abort() })
            }
            let target = try options.broker.broker().target
            let workspace = try options.workspace.open(.look, for: "rollout abort")
            guard let report = try RolloutStep.newest(in: workspace, target: target),
                report.record.isActive
            else { throw RolloutStepError.none }
            let serving = report.rollout.members.values.count { $0.servedMillis != nil }
            try printResult(
                "would end rollout \(report.record.number) and offer version "
                    + "\(report.record.formerVersion) to the whole fleet; \(serving) agent(s) have "
                    + "run version \(report.record.version)")
        }
    }
}
