import Glibc
import Registry

/// Waits until another process lets a workspace go, but no longer than it is told.
package enum WorkspaceWait {
    /// Milliseconds between two looks at the lock: no one waits for it by the millisecond.
    private static let intervalMillis: UInt32 = 250

    /// Opens a workspace for a change as soon as it is free.
    ///
    /// Runs that are RUNNING belong to whoever holds it, so a free workspace has none.
    /// - Throws: `busy` at once for 0 seconds; `waitedTooLong` after more, with the expected types
    ///   that are not finished.
    package static func open(
        path: String, command: String, seconds: Int, expectedTypes: [String],
        progress: ProgressReport
    ) throws -> Workspace {
        let clock = ContinuousClock()
        let deadline = clock.now + .seconds(seconds)
        var hasSaid = false
        while true {
            do {
                return try Workspace(path: path, access: .change, command: command)
            } catch BackofficeError.busy(_, let holder) where seconds > 0 {
                guard clock.now < deadline else {
                    throw BackofficeError.waitedTooLong(
                        seconds: seconds, holder: holder,
                        unfinished: try unfinished(path: path, expectedTypes))
                }
                if !hasSaid { progress.step("Waiting up to \(seconds) s for \(holder)") }
                hasSaid = true
            }
            // A lock of this kind can be waited for, but not with a deadline.
            usleep(intervalMillis * 1_000)
        }
    }

    private static func unfinished(path: String, _ expected: [String]) throws -> [String] {
        let look = try Workspace(path: path, access: .look, command: "look")
        guard let newest = try look.registry.newestDataSet() else { return [] }
        return try CandidateTypes(
            expected: expected, excludeFailed: false, configHash: newest.configHash,
            in: look.registry
        ).missing
    }
}
