import ArgumentParser
import BackofficePipeline
import Evaluation
import StrictJSON
import Registry

extension EvaluationProtocol: ExpressibleByArgument {
    package static var allValueStrings: [String] { ["nightly", "official"] }
}

/// `backoffice evaluate`: scores bundles from their bytes.
struct EvaluateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "evaluate",
        abstract: "Score bundles, decoded from their bytes and run by the device's code.",
        discussion: """
            Needs a successful run of every expected model type; otherwise exit status 2.
            The nightly protocol scores every row from cycle 15 of the evaluate units. The \
            official one scores the last cycle of each unit of a test file, and each look at it \
            goes on record.

              backoffice evaluate --workspace W
              backoffice evaluate --workspace W --protocol official \\
                --test data/test_SIM.txt --rul data/RUL_SIM.txt --json
            """)

    @OptionGroup var workspace: WorkspaceOptions
    @OptionGroup var expected: ExpectedTypesOptions
    @OptionGroup var output: OutputOptions

    @Option(help: .setting("PROTOCOL", "Which rows: nightly or official.", default: "nightly"))
    var `protocol`: EvaluationProtocol?

    @Option(help: .setting("TEST", "Official: the test file, plain or gzip."))
    var test: String?

    @Option(help: .setting("RUL", "Official: the file of true RULs."))
    var rul: String?

    @Option(help: .setting("MODEL", "Official: one model version instead of all of the newest."))
    var model: Int64?

    @Option(
        help: .setting("PURPOSE", "Official: why the test file is looked at.", default: "report"))
    var purpose: String?

    func run() throws {
        try reportingFailure {
            let isOfficial = try Setting.optional(`protocol`, "PROTOCOL") == .official
            if !isOfficial { try refuseOfficialOptions() }
            let isJSON = try output.isJSON()
            let official = isOfficial ? try officialTest() : nil
            let version = try Setting.optional(model, "MODEL")
            let types = try expected.types()
            let workspace = try workspace.open(.change, for: "evaluate")
            let step = EvaluateStep(
                workspace: workspace, expectedTypes: types, progress: .standardError)
            let reports =
                if let official {
                    try step.official(
                        official, version: version, nowMillis: WallClock.nowMillis())
                } else {
                    try step.nightly()
                }
            try printResult(
                isJSON ? ReportText.json(reports).text : EvaluationText.table(reports))
        }
    }

    /// Options that the nightly protocol would ignore; the environment may hold them for later.
    private func refuseOfficialOptions() throws {
        let given = [
            ("--test", test != nil), ("--rul", rul != nil), ("--model", model != nil),
            ("--purpose", purpose != nil),
        ]
        guard let first = given.first(where: \.1)?.0 else { return }
        throw ValidationError("\(first) needs --protocol official. Add it or leave \(first) out.")
    }

    private func officialTest() throws -> EvaluateStep.OfficialTest {
        EvaluateStep.OfficialTest(
            testFile: try Setting.required(test, "TEST"),
            rulFile: try Setting.required(rul, "RUL"),
            purpose: try Setting.optional(purpose, "PURPOSE") ?? "report")
    }
}
