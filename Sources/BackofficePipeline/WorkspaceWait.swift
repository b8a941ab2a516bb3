import Glibc
import Registry

/// Waits until a workspace is free and its expected types are trained, but no longer than told.
package enum WorkspaceWait {
    /// Milliseconds between two looks: no one waits for a training by the millisecond.
    private static let intervalMillis: UInt32 = 250

    /// Opens a workspace for a change once it is free and no expected type is being trained.
    ///
    /// A type whose training failed, or that nobody was asked to train, is not waited for.
    /// - Throws: For 0 seconds, `busy` at once. After more, `waitedTooLong` when the workspace is
    ///   held, and `unfinished` when types are posted or being trained, with those that are.
    package static func open(
        path: String, command: String, store: ObjectStoreChoice, seconds: Int,
        expectedTypes: [String], progress: ProgressReport
    ) throws -> Workspace {
        let clock = ContinuousClock()
        let deadline = clock.now + .seconds(seconds)
        var hasSaid = false
        while true {
            let obstacle: BackofficeError
            do {
                if seconds > 0, let unfinished = try pending(path, store, expectedTypes, seconds) {
                    obstacle = unfinished
                } else {
                    return try Workspace(
                        path: path, access: .change, command: command, store: store)
                }
            } catch BackofficeError.busy(_, let holder) where seconds > 0 {
                obstacle = .waitedTooLong(
                    seconds: seconds, holder: holder,
                    unfinished: try unfinished(path, store, expectedTypes))
            }
            guard clock.now < deadline else { throw obstacle }
            if !hasSaid { progress.step("Waiting up to \(seconds) s \(obstacle.whatFor)") }
            hasSaid = true
            // A lock of this kind can be waited for, but not with a deadline.
            usleep(intervalMillis * 1_000)
        }
    }

    /// The types that nobody holds the workspace for, but that are posted or being trained.
    ///
    /// It looks without the workspace's lock, which others would find taken.
    private static func pending(
        _ path: String, _ store: ObjectStoreChoice, _ expected: [String], _ seconds: Int
    ) throws -> BackofficeError? {
        let workspace = try Workspace(
            path: path, access: .share, command: "evaluate", store: store)
        try workspace.registry.expireLeases(endTimeMillis: WallClock.nowMillis())
        guard try !WorkspaceLock.isHeld(workspace: path),
            let newest = try workspace.registry.newestDataSet()
        else { return nil }
        let types = try CandidateTypes(
            expected: expected, excludeFailed: false, configHash: newest.configHash,
            in: workspace.registry)
        guard types.isPending else { return nil }
        return .unfinished(
            seconds: seconds, configHash: newest.configHash, done: types.done,
            missing: types.missing)
    }

    private static func unfinished(
        _ path: String, _ store: ObjectStoreChoice, _ expected: [String]
    ) throws -> [String] {
        let look = try Workspace(path: path, access: .look, command: "look", store: store)
        guard let newest = try look.registry.newestDataSet() else { return [] }
        return try CandidateTypes(
            expected: expected, excludeFailed: false, configHash: newest.configHash,
            in: look.registry
        ).missing
    }
}

extension BackofficeError {
    /// What stands in the way of an evaluation, for whoever waits with it.
    fileprivate var whatFor: String {
        switch self {
        case .waitedTooLong(_, let holder, _): "for \(holder)"
        case .unfinished(_, _, _, let missing): "because \(missing.joined(separator: ", "))"
        default: "because \(self)"
        }
    }
}
