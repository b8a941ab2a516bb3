import ArgumentParser
import BackofficePipeline
import Evaluation
import Registry

/// `backoffice promote`: makes the best candidate current if the gate allows it.
struct PromoteCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "promote",
        abstract: "Make the best candidate the promoted model, if it passes every gate.",
        discussion: """
            Candidates are all runs of the newest configuration. The best score wins. Gates then \
            compare it with the promoted bundle, re-scored now on the same units (score, PHM08, \
            F2, recall, late predictions, interval, worst regime) and with limits (coverage, \
            quantization, size, latency). One that fails holds it. Every gate's figures and every \
            reason are kept in the history. Sends nothing; that is 'push'.
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
