import ArgumentParser
import BackofficePipeline
import Dashboard
import Datasets
import Foundation
import Registry
import StrictJSON

/// `backoffice report`: the last night on one page.
struct ReportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "report",
        abstract: "Write the last night's decision, candidates and errors as one HTML page.",
        discussion: """
            The page is a single file that asks for nothing else: it can be mailed, printed and \
            kept. It is made from the registry and the stored bundles, which are scored anew, so \
            the same night gives the same bytes.

              backoffice report --workspace W --out night.html
              backoffice report --workspace W --open
              backoffice report --workspace W --json
            """)

    @OptionGroup var workspace: WorkspaceOptions
    @OptionGroup var output: OutputOptions

    @Option(
        help: .setting("OUT", "The file to write.", default: "W/night-report.html"))
    var out: String?

    @Flag(help: .setting("OPEN", "Show the page in the desktop's browser."))
    var open = false

    func run() throws {
        try reportingFailure {
            let isJSON = try output.isJSON()
            let isOpen = try Setting.flag(open, "OPEN")
            guard !(isJSON && isOpen) else {
                throw ValidationError(
                    "--open shows the page, --json prints it as JSON: choose one.")
            }
            let folder = try workspace.path()
            let path = try Setting.optional(out, "OUT") ?? "\(folder)/night-report.html"
            let workspace = try workspace.open(.look, for: "report")
            let report = try ReportStep.newest(in: workspace, progress: .standardError)
            if isJSON {
                try printResult(report.json.text)
            } else {
                try WholeFile.write(Array(NightPage(report).html.utf8), to: path)
                try printResult(path)
            }
            if isOpen { try Self.show(path) }
        }
    }

    /// Hands the page to the desktop, and says what to do where there is none.
    private static func show(_ path: String) throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["xdg-open", path]
        try process.run()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else {
            throw BackofficeError.file(
                operation: "show", path: path,
                reason: "xdg-open ended with \(process.terminationStatus). Open it in a browser.")
        }
    }
}
