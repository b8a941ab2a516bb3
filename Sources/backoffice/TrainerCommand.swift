import ArgumentParser
import BackofficePipeline
import Registry

/// `backoffice trainer`: one run under a lease; `nightly`, `worker` and `train --claim` start it.
struct TrainerCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "trainer",
        abstract: "Make one leased run; started by nightly, worker and train --claim.",
        shouldDisplay: false)

    @Option(help: "The back office's folder.")
    var workspace: String

    @OptionGroup var objectStore: ObjectStoreOptions

    @Option(name: .customLong("run"), help: "The run's id.")
    var runID: String

    @Option(help: "The attempt that the lease is for.")
    var attempt: Int64

    @Option(help: "Threads, 1 or 2.")
    var threads: Int

    @Option(help: "The most data memory in megabytes; without it, no limit.")
    var memoryMb: Int?

    @Flag(help: "Write lines only, because other trainers write too.")
    var noBars = false

    func run() throws {
        // Before anything is allocated: whoever started this is to be missed at once.
        Lifeline.hold()
        try reportingFailure {
            let workspace = try Workspace(
                path: workspace, access: .share, command: "trainer", store: objectStore.choice())
            _ = try TrainerStep.run(
                Lease(runID: runID, attempt: attempt), workspace: workspace,
                threadCount: threads, megabytes: memoryMb,
                progress: noBars ? .lines : .standardError)
        }
    }
}
