import ArgumentParser
import BackofficePipeline
import Prognostics
import Registry

/// `backoffice logs`: brings inference logs home and writes them out.
struct LogsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "logs", abstract: "Pull inference logs from agents, and export them.",
        subcommands: [LogsPullCommand.self, LogsExportCommand.self])
}

/// `backoffice logs pull`: pulls what an agent logged since the last pull.
struct LogsPullCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pull",
        abstract: "Pull an agent's log pages into the bucket inference-logs.",
        discussion: """
            A page is acknowledged after it is stored, so a pull may be killed and repeated at will.

              backoffice logs pull --workspace W --broker-host 127.0.0.1 --broker-port 1883 \\
                --fleet demo --agent edge-1
            """)

    @OptionGroup var workspace: WorkspaceOptions
    @OptionGroup var broker: BrokerOptions

    @Option(help: .setting("AGENT", "The agent's identifier."))
    var agent: String?

    func run() throws {
        try reportingFailure {
            let text: String = try Setting.required(agent, "AGENT")
            guard let agent = UnitIdentifier(text) else {
                throw BackofficeError.badIdentifier(option: "--agent", text: text)
            }
            let broker = try broker.broker()
            let workspace = try workspace.open(.change, for: "logs pull")
            let step = try PullLogsStep(
                workspace: workspace, broker: broker, agent: agent, progress: .standardError)
            try printResult(ReportText.line(step.run()))
        }
    }
}

extension ExportLogsStep.Format: ExpressibleByArgument {
    package static var allValueStrings: [String] { allCases.map(\.rawValue) }
}

/// `backoffice logs export`: writes pulled entries.
struct LogsExportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export",
        abstract: "Write all pulled log entries to standard output, each once, in order.",
        discussion: """
            Each entry says first whose it is: fleet, agent and store.

              backoffice logs export --workspace W --format jsonl > log.jsonl
              backoffice logs export --workspace W --format parquet > log.parquet
            """)

    @OptionGroup var workspace: WorkspaceOptions

    @Option(help: .setting("FORMAT", "The format: jsonl, csv or parquet.", default: "jsonl"))
    var format: ExportLogsStep.Format?

    func run() throws {
        try reportingFailure {
            let format = try Setting.optional(format, "FORMAT") ?? .jsonl
            let workspace = try workspace.open(.look, for: "logs export")
            try ExportLogsStep.run(
                workspace: workspace, progress: .standardError, format: format
            ) { bytes in
                try writeResult(bytes)
            }
        }
    }
}
