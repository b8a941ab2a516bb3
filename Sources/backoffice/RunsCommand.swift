import ArgumentParser
import BackofficePipeline
import Registry
import StrictJSON

/// `backoffice runs`: what was trained, and what failed.
struct RunsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "runs", abstract: "Show training runs and looks at official test files.",
        subcommands: [
            RunsListCommand.self, RunsShowCommand.self, RunsCompareCommand.self,
            RunsScoringsCommand.self,
        ])
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

/// `backoffice runs show`: one run, with all that is known of it.
struct RunsShowCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show",
        abstract: "Show one run: data, parameters, duration, figures, reason, decisions.",
        discussion: """
            A run is named by its id, or by the first characters of it, four or more.

              backoffice runs show 3f2a --workspace W
            """)

    @Argument(help: "The run's id, or its beginning.")
    var name: String

    @OptionGroup var workspace: WorkspaceOptions
    @OptionGroup var output: OutputOptions

    func run() throws {
        try reportingFailure {
            let isJSON = try output.isJSON()
            let workspace = try workspace.open(.look, for: "runs show")
            let story = try RunStory.named([name], in: workspace)[0]
            try printResult(isJSON ? story.json.text : RunText.show(story))
        }
    }
}

/// `backoffice runs compare`: runs side by side.
struct RunsCompareCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "compare",
        abstract: "Show runs side by side: data, parameters, duration and figures.",
        discussion: """
            Runs of different data were scored on different units; a last line says so.

              backoffice runs compare 3f2a 77c0 --workspace W
            """)

    @Argument(help: "The runs' ids, or their beginnings: 2 to 8.")
    var names: [String]

    @OptionGroup var workspace: WorkspaceOptions
    @OptionGroup var output: OutputOptions

    func run() throws {
        try reportingFailure {
            guard (2...8).contains(names.count) else {
                throw ValidationError("\(names.count) run(s) are named, expected 2 to 8.")
            }
            let isJSON = try output.isJSON()
            let workspace = try workspace.open(.look, for: "runs compare")
            let stories = try RunStory.named(names, in: workspace)
            try printResult(
                isJSON
                    ? JSON.array(stories.map(\.json)).text : RunText.compare(stories))
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
