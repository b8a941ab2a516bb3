import ArgumentParser
import BackofficePipeline
import Evaluation
import StrictJSON
import Registry
import Training

extension EvaluationProtocol: ExpressibleByArgument {
    package static var allValueStrings: [String] { ["nightly", "official", "cv"] }
}

extension SplitStudy.Split: ExpressibleByArgument {
    package static var allValueStrings: [String] { allCases.map(\.rawValue) }
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

    @Option(
        help: .setting(
            "WITHOUT",
            "Cross-validation: inputs to train without, own-mean, age or both with a comma."))
    var without: String?

    @OptionGroup var ensemble: EnsembleOptions

    @Option(
        help: .setting(
            "SPLIT",
            "Instead of a protocol: what a split of rows makes of the same trees: unit, row "
                + "(LEAKAGE) or chronological (UNTRAINABLE). Keeps nothing."))
    var split: SplitStudy.Split?

    func run() throws {
        try reportingFailure {
            let chosen = try Setting.optional(`protocol`, "PROTOCOL") ?? .nightly
            let isOfficial = chosen == .official
            if !isOfficial { try refuseOfficialOptions() }
            let split = try Setting.optional(split, "SPLIT")
            if chosen != .cv || split != nil { try refuseFoldOptions(seeded: split != nil) }
            let isJSON = try output.isJSON()
            if let split { return try study(split, isJSON: isJSON) }
            if chosen == .cv { return try crossValidate(isJSON: isJSON) }
            let official = isOfficial ? try officialTest() : nil
            let version = try Setting.optional(model, "MODEL")
            let types = try expected.types()
            let workspace = try WorkspaceWait.open(
                path: workspace.path(), command: "evaluate",
                store: workspace.objectStore.choice(),
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

    /// Options that only cross-validation reads; a study of a split has a seed, too.
    private func refuseFoldOptions(seeded: Bool) throws {
        let given = [
            ("--folds", folds != nil), ("--types", types != nil), ("--without", without != nil),
            ("--ensemble", ensemble.ensemble != nil), ("--seed", seed != nil && !seeded),
        ]
        guard let first = given.first(where: \.1)?.0 else { return }
        throw ValidationError("\(first) needs --protocol cv. Add it or leave \(first) out.")
    }

    private func study(_ split: SplitStudy.Split, isJSON: Bool) throws {
        if `protocol` != nil {
            throw ValidationError("--split stands instead of --protocol. Leave one of them out.")
        }
        let workspace = try workspace.open(.look, for: "evaluate")
        let study = try SplitStudy(
            workspace: workspace, seed: try Setting.optional(seed, "SEED") ?? 1,
            progress: .standardError)
        let report = try study.run(split)
        try printResult(isJSON ? report.json.text : CrossValidationText.lines(report))
    }

    private func mask() throws -> InputMask {
        guard let text = try Setting.optional(without, "WITHOUT") else { return [] }
        guard let mask = InputMask(text) else {
            throw ValidationError(
                "--without is '\(text)', expected own-mean, age or both with a comma between.")
        }
        return mask
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
        let known = TrainStep.modelTypes + [EnsembleRecipe.modelType]
        if let unknown = types.first(where: { !known.contains($0) }) {
            throw BackofficeError.unknownModelType(unknown, known: known)
        }
        let without = try mask()
        if !without.isEmpty,
            let whole = types.first(where: { !TrainStep.maskedTypes.contains($0) })
        {
            throw ValidationError(
                "--without is for \(TrainStep.maskedTypes.joined(separator: " and ")), not for "
                    + "\(whole). Name only these with --types.")
        }
        let recipe = types.contains(EnsembleRecipe.modelType) ? try ensemble.recipe() : nil
        if types.contains(EnsembleRecipe.modelType) && recipe == nil {
            throw ValidationError("ENSEMBLE is 'none': nothing to combine. Name its members.")
        }
        let request = CrossValidationStep.Request(
            foldCount: folds, modelTypes: types, seed: try Setting.optional(seed, "SEED") ?? 1,
            without: without, ensemble: recipe)
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
