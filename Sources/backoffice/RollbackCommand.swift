import ArgumentParser
import BackofficePipeline
import Registry

/// `backoffice rollback`: promotes an earlier version again.
struct RollbackCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rollback",
        abstract: "Promote an earlier version again, with the reason on record.",
        discussion: """
            Any version may be chosen whose bundle can be read; 'models list' shows them. The one \
            it replaces is no candidate of later nights, until a rollback names it. Sends \
            nothing: the next 'push' makes an offer with a higher counter, which every device \
            takes. The next night compares its candidates with the version chosen here.
            Exit status: 0 done, or promoted already; 1 unknown version or no bundle.

              backoffice rollback --workspace W --to 3 --reason "late alarms on wing" --dry-run
              backoffice rollback --workspace W --to 3 --reason "late alarms on wing"
              backoffice push --workspace W --fleet demo
            """)

    @OptionGroup var workspace: WorkspaceOptions

    @Option(help: .setting("TO", "The model version, from 1."))
    var to: Int64?

    @Option(help: .setting("REASON", "Why; it stays in the history."))
    var reason: String?

    @Flag(help: .setting("DRY_RUN", "Say what would be recorded, and change nothing."))
    var dryRun = false

    func run() throws {
        try reportingFailure {
            let version: Int64 = try Setting.required(to, "TO")
            let reason: String = try Setting.required(reason, "REASON")
            guard reason.count <= RollbackStep.reasonLengthMax,
                reason.unicodeScalars.allSatisfy({ $0.value >= 32 })
            else {
                throw ValidationError(
                    "--reason has \(reason.count) characters, expected one line of up to "
                        + "\(RollbackStep.reasonLengthMax).")
            }
            let isDryRun = try Setting.flag(dryRun, "DRY_RUN")
            let workspace = try workspace.open(isDryRun ? .look : .change, for: "rollback")
            let report = try RollbackStep(workspace: workspace, progress: .standardError).run(
                to: version, reason: reason, nowMillis: WallClock.nowMillis(), isDryRun: isDryRun)
            try printResult(ReportText.lines(report, isDryRun: isDryRun))
        }
    }
}

extension ReportText {
    /// What a rollback did, or would do.
    static func lines(_ report: RollbackStep.Report, isDryRun: Bool) -> String {
        guard report.replaced != report.version else {
            return "kept version \(report.version)\n  \(report.reasons.joined(separator: "\n  "))"
        }
        let head = isDryRun ? "would roll back" : "rolled back"
        let next = isDryRun ? "Nothing was changed." : "Nothing was sent; that is 'push'."
        return
            (["\(head) to version \(report.version)"]
            + (report.reasons + [next]).map { "  \($0)" }).joined(separator: "\n")
    }
}
