import ArgumentParser
import BackofficePipeline
import Evaluation
import StrictJSON
import Registry

extension EvaluationProtocol: ExpressibleByArgument {
    package static var allValueStrings: [String] { ["nightly", "official", "cv"] }
}

/// `backoffice evaluate`: scores bundles from their bytes.
struct EvaluateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "evaluate",
        abstract: "Score bundles, decoded from their bytes and run by the device's code.",
        discussion: """
            Needs a successful run of every expected model type; otherwise exit status 2. The \
            ensemble is scored with them when it was trained. While another process trains, \
            --wait waits for it, and ends with 2 and the unfinished types at its deadline.
            The nightly protocol scores every row from cycle 15 of the evaluate units. The \
            official one scores the last cycle of each unit of a test file, and each look at it \
            goes on record. Cross-validation (cv) looks at no test file: it deals the units of the \
            newest data set into folds, and for each fold trains every type without it and scores \
            the bundles on it. It goes on where it was stopped.

              backoffice evaluate --workspace W
              backoffice evaluate --workspace W --protocol official \\
                --test data/test_SIM.txt --rul data/RUL_SIM.txt --json
              backoffice evaluate --workspace W --protocol cv --types xgboost,lstm --folds 5
            """)

    @OptionGroup var workspace: WorkspaceOptions
    @OptionGroup var expected: ExpectedTypesOptions
    @OptionGroup var output: OutputOptions

    @Option(
        help: .setting(
            "WAIT", "Seconds to wait for a process that holds the workspace.", default: "0"))
    var wait: UInt16?

    @Option(help: .setting("PROTOCOL", "Which rows: nightly, official or cv.", default: "nightly"))
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

    @Option(help: .setting("FOLDS", "Cross-validation: the folds, 2 to 20.", default: "5"))
    var folds: Int?

    @Option(
        help: .setting(
            "TYPES", "Cross-validation: model types separated by commas.",
            default: "EXPECTED_MODEL_TYPES"))
    var types: String?

    @Option(
        help: .setting("SEED", "Cross-validation: deals the units and trains.", default: "1"))
    var seed: UInt32?

    func run() throws {
        try reportingFailure {
            let chosen = try Setting.optional(`protocol`, "PROTOCOL") ?? .nightly
            let isOfficial = chosen == .official
            if !isOfficial { try refuseOfficialOptions() }
            if chosen != .cv { try refuseFoldOptions() }
            let isJSON = try output.isJSON()
            if chosen == .cv { return try crossValidate(isJSON: isJSON) }
            let official = isOfficial ? try officialTest() : nil
            let version = try Setting.optional(model, "MODEL")
            let types = try expected.types()
            let workspace = try WorkspaceWait.open(
                path: workspace.path(), command: "evaluate",
                seconds: Int(try Setting.optional(wait, "WAIT") ?? 0), expectedTypes: types,
                progress: .standardError)
            let step = EvaluateStep(
                workspace: workspace, expectedTypes: types,
                excludeFailed: try expected.excludesFailed(), progress: .standardError)
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

    private func refuseFoldOptions() throws {
        let given = [("--folds", folds != nil), ("--types", types != nil), ("--seed", seed != nil)]
        guard let first = given.first(where: \.1)?.0 else { return }
        throw ValidationError("\(first) needs --protocol cv. Add it or leave \(first) out.")
    }

    private func crossValidate(isJSON: Bool) throws {
        let folds = try Setting.optional(folds, "FOLDS") ?? 5
        guard CrossValidationStep.foldRange.contains(folds) else {
            throw ValidationError("--folds is \(folds), expected 2 to 20.")
        }
        let named = try Setting.optional(types, "TYPES").map {
            $0.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
        }
        let types = try named ?? expected.types()
        if let unknown = types.first(where: { !TrainStep.modelTypes.contains($0) }) {
            throw BackofficeError.unknownModelType(unknown, known: TrainStep.modelTypes)
        }
        let request = CrossValidationStep.Request(
            foldCount: folds, modelTypes: types, seed: try Setting.optional(seed, "SEED") ?? 1)
        let workspace = try workspace.open(.change, for: "evaluate")
        let report = try CrossValidationStep(
            workspace: workspace, request: request, progress: .standardError
        ).run()
        try printResult(isJSON ? report.json.text : CrossValidationText.table(report))
    }

    private func officialTest() throws -> EvaluateStep.OfficialTest {
        EvaluateStep.OfficialTest(
            testFile: try Setting.required(test, "TEST"),
            rulFile: try Setting.required(rul, "RUL"),
            purpose: try Setting.optional(purpose, "PURPOSE") ?? "report")
    }
}
