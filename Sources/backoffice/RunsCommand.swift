import ArgumentParser
import BackofficePipeline
import Registry
import StrictJSON

/// `backoffice runs`: what was trained, and what failed.
struct RunsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "runs", abstract: "Show training runs and looks at official test files.",
        subcommands: [RunsListCommand.self, RunsScoringsCommand.self])
}

/// `backoffice runs list`: every run with its status.
struct RunsListCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List training runs with status and reason.",
        discussion: "  backoffice runs list --workspace W")

    @OptionGroup var workspace: WorkspaceOptions
    @OptionGroup var output: OutputOptions

    func run() throws {
        try reportingFailure {
            let isJSON = try output.isJSON()
            let workspace = try workspace.open(.look, for: "runs list")
            let runs = try workspace.runs()
            try printResult(isJSON ? ReportText.json(runs).text : ReportText.table(runs))
        }
    }
}

/// `backoffice runs scorings`: every look at an official test file.
struct RunsScoringsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "scorings",
        abstract: "List every scoring of an official test file, with its purpose.",
        discussion: "  backoffice runs scorings --workspace W")

    @OptionGroup var workspace: WorkspaceOptions
    @OptionGroup var output: OutputOptions

    func run() throws {
        try reportingFailure {
            let isJSON = try output.isJSON()
            let workspace = try workspace.open(.look, for: "runs scorings")
            let scorings = try workspace.registry.officialScorings()
            try printResult(
                isJSON ? ReportText.json(scorings).text : ReportText.table(scorings))
        }
    }
}
