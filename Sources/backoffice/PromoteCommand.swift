import ArgumentParser
import BackofficePipeline
import Evaluation
import Registry

/// `backoffice promote`: makes the best candidate current if the gate allows it.
struct PromoteCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "promote",
        abstract: "Make the best candidate the promoted model, if it passes the gate.",
        discussion: """
            Candidates are all runs of the newest configuration. The best score wins; it passes if \
            it is not worse than the promoted bundle, re-scored now on the same units. Every \
            reason is kept in the history. Sends nothing; that is 'push'.
            Exit status: 0 promoted or kept, 2 held or not ready.

              backoffice promote --workspace W
            """)

    @OptionGroup var workspace: WorkspaceOptions
    @OptionGroup var expected: ExpectedTypesOptions

    func run() throws {
        try reportingFailure {
            let types = try expected.types()
            let workspace = try workspace.open(.change, for: "promote")
            let step = PromoteStep(
                workspace: workspace, expectedTypes: types,
                excludeFailed: try expected.excludesFailed(), progress: .standardError)
            let decision = try step.run(nowMillis: WallClock.nowMillis())
            try printResult(ReportText.line(decision))
            if case .hold = decision { throw heldStatus }
        }
    }
}
