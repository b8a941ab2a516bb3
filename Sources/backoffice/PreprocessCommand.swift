import ArgumentParser
import BackofficePipeline
import Datasets
import StrictJSON
import Registry

extension RoleScheme: ExpressibleByArgument {
    package static var allValueStrings: [String] { allCases.map(\.rawValue) }
}

/// `backoffice preprocess`: turns raw runs into a data set with roles.
struct PreprocessCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "preprocess",
        abstract: "Validate raw runs, give units their roles, and store the data set.",
        discussion: """
            Prints a claim check. The config_hash follows from data, roles and feature \
            specification; a data set that is stored already is not written again, only made the \
            newest.

              backoffice preprocess --workspace W --data data --subset SIM
            """)

    @OptionGroup var workspace: WorkspaceOptions
    @OptionGroup var data: DataOptions

    func run() throws {
        try reportingFailure {
            let request = try data.request()
            let workspace = try workspace.open(.create, for: "preprocess")
            let claim = try PreprocessStep.run(
                request, workspace: workspace, progress: .standardError)
            try printResult(claim.json.text)
        }
    }
}
