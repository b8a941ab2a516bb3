import ArgumentParser
import BackofficePipeline
import Registry
import StrictJSON

/// `backoffice prune`: removes objects that nothing needs any more.
struct PruneCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "prune",
        abstract: "Remove old runs' objects, old data sets and, if asked, old log pages.",
        discussion: """
            Kept are the promoted version and --keep versions promoted before it, what devices may \
            still run, everything of the newest data set and of open claims, and every log page \
            with an engine that is in the newest data set or still flies. The registry forgets \
            nothing: 'runs show' says which bundles are gone. Log pages are tomorrow's training \
            data: without --log-days all of them stay.
            Exit status: 0 done, also with nothing to remove.

              backoffice prune --workspace W --dry-run
              backoffice prune --workspace W --keep 5 --log-days 730
            """)

    @OptionGroup var workspace: WorkspaceOptions
    @OptionGroup var output: OutputOptions

    @Option(
        help: .setting(
            "KEEP", "Versions promoted before the promoted one that stay, 1 to 1000.",
            default: "5"))
    var keep: Int?

    @Option(
        help: .setting(
            "LOG_DAYS", "Days after which a log page may go, 1 to 36500.", default: "never"))
    var logDays: Int?

    @Flag(help: .setting("DRY_RUN", "Say what would go, and remove nothing."))
    var dryRun = false

    func run() throws {
        try reportingFailure {
            let isJSON = try output.isJSON()
            let keep = try Setting.optional(keep, "KEEP") ?? 5
            let days = try Setting.optional(logDays, "LOG_DAYS")
            guard PruneStep.rollbackCountRange.contains(keep) else {
                throw ValidationError("--keep is \(keep), expected 1 to 1000.")
            }
            if let days, !PruneStep.logDaysRange.contains(days) {
                throw ValidationError("--log-days is \(days), expected 1 to 36500.")
            }
            let request = PruneStep.Request(
                rollbackCount: keep, logDays: days, isDryRun: try Setting.flag(dryRun, "DRY_RUN"))
            let workspace = try workspace.open(
                request.isDryRun ? .look : .change, for: "prune")
            let report = try PruneStep(
                workspace: workspace, request: request, nowMillis: WallClock.nowMillis(),
                progress: .standardError
            ).run()
            try printResult(isJSON ? report.json.text : report.text(isDryRun: request.isDryRun))
        }
    }
}

extension PruneStep.Report {
    private var size: Int { removals.reduce(0) { $0 + $1.size } }

    /// The report as people read it: each object, then what it comes to.
    fileprivate func text(isDryRun: Bool) -> String {
        let verb = isDryRun ? "would remove" : "removed"
        let bundles = versions.map { "\($0)" }.joined(separator: ", ")
        let lines = removals.map { "\(verb) \($0.name), \($0.size) bytes" }
        let total =
            "\(verb) \(removals.count) object(s), \(size) bytes; \(keptCount) stay"
            + (bundles.isEmpty ? "" : "; bundles of version \(bundles)")
        return (lines + [total]).joined(separator: "\n")
    }

    /// The report as programs read it.
    fileprivate var json: JSON {
        [
            "removed": .array(
                removals.map {
                    ["object": .string($0.name), "bytes": .integer($0.size)]
                }),
            "bytes": .integer(size), "kept": .integer(keptCount),
            "versions": .array(versions.map { .integer($0) }),
        ]
    }
}
