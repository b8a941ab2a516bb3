import ArgumentParser
import BackofficePipeline
import Registry
import StrictJSON

/// `backoffice models`: what was trained and what was promoted.
struct ModelsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "models", abstract: "Show model versions and the history of promotions.",
        subcommands: [ModelsListCommand.self, ModelsHistoryCommand.self])
}

/// `backoffice models list`: every version, the promoted one marked.
struct ModelsListCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List model versions; '*' marks the promoted one.",
        discussion: "  backoffice models list --workspace W")

    @OptionGroup var workspace: WorkspaceOptions
    @OptionGroup var output: OutputOptions

    func run() throws {
        try reportingFailure {
            let isJSON = try output.isJSON()
            let workspace = try workspace.open(.look, for: "models list")
            let versions = try workspace.registry.modelVersions()
            let promoted = try workspace.registry.promotedVersion()
            try printResult(
                isJSON
                    ? ReportText.json(versions, promoted: promoted).text
                    : ReportText.table(versions, promoted: promoted))
        }
    }
}

/// `backoffice models history`: every decision, with its reasons.
struct ModelsHistoryCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "history", abstract: "List every promotion decision with its reasons.",
        discussion: "  backoffice models history --workspace W")

    @OptionGroup var workspace: WorkspaceOptions
    @OptionGroup var output: OutputOptions

    func run() throws {
        try reportingFailure {
            let isJSON = try output.isJSON()
            let workspace = try workspace.open(.look, for: "models history")
            let history = try workspace.registry.promotionHistory()
            try printResult(isJSON ? ReportText.json(history).text : ReportText.table(history))
        }
    }
}
