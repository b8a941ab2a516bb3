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
            newest. With --fleet the claim check is announced on pipeline/training-data; a broker \
            that is away is said and does no harm. With --post the expected types are posted for \
            workers, which look there themselves. A unit with a bad row is left out and named, \
            up to 10 % of them; validation.json beside the data set counts what was left out.

              backoffice preprocess --workspace W --data data --subset SIM
              backoffice preprocess --workspace W --data data --subset SIM --post --fleet demo
            """)

    @OptionGroup var workspace: WorkspaceOptions
    @OptionGroup var data: DataOptions

    @Flag(help: .setting("JSON", "Print validation.json instead of the claim check."))
    var json = false

    @Flag(help: .setting("POST", "Post a run of every expected type for workers."))
    var post = false

    @OptionGroup var expected: ExpectedTypesOptions
    @OptionGroup var ensemble: EnsembleOptions

    @Option(
        help: .setting("SEED", "The seed of the posted runs, 0 to \(UInt32.max).", default: "1"))
    var seed: UInt32?

    @OptionGroup var trainers: TrainerOptions
    @OptionGroup var broker: BrokerOptions

    func run() throws {
        try reportingFailure {
            let request = try data.request()
            let broker = try broker.brokerIfNamed()
            let workspace = try workspace.open(.create, for: "preprocess")
            let claim = try PreprocessStep.run(
                request, workspace: workspace, progress: .standardError)
            let step = PostStep(workspace: workspace, progress: .standardError)
            if try Setting.flag(post, "POST") {
                _ = try step.post(
                    types: expected.types(), ensemble: ensemble.recipe(),
                    seed: try Setting.optional(seed, "SEED") ?? 1,
                    attemptsMax: trainers.budget().attemptsMax)
            }
            if let broker { try step.announce(broker: broker) }
            let isJSON = try Setting.flag(json, "JSON")
            try printResult(isJSON ? claim.validation.json.text : claim.json.text)
        }
    }
}
