/// A run that is to be made, as it is posted for whoever trains.
package struct TrainingOrder: Equatable, Sendable {
    package let runID: String
    package let configHash: String
    package let modelType: String
    package let parameters: String
    /// The members of an ensemble as they are written; empty for every other type.
    package let members: String
    package let seed: UInt32

    package init(
        runID: String, configHash: String, modelType: String, parameters: String,
        members: String = "", seed: UInt32
    ) {
        self.runID = runID
        self.configHash = configHash
        self.modelType = modelType
        self.parameters = parameters
        self.members = members
        self.seed = seed
    }
}

/// The right to make a run and to record it, for as long as no other lease of it is given.
package struct Lease: Hashable, Sendable {
    package let runID: String
    /// Counts the leases of the run, from 1: the number that fences off a holder that is late.
    package let attempt: Int64

    package init(runID: String, attempt: Int64) {
        self.runID = runID
        self.attempt = attempt
    }
}

/// Who has a lease, and whether it still counts.
package struct LeaseState: Equatable, Sendable {
    package let holder: String
    /// Whether it lasts as long as the workspace's lock is held, not for a time.
    package let lastsWithLock: Bool
    /// False once it was not renewed in time.
    package let isLive: Bool
}

/// A posted run, and who is at it.
///
///     open ──lease──▶ leased ──success, last failure──▶ settled ──post after a failure──▶ open
///                       └──release, failure, not renewed in time──▶ open
///
/// What a settled claim came to is its run's status.
package struct Claim: Equatable, Sendable {
    package enum State: Equatable, Sendable {
        case open
        case leased(LeaseState)
        case settled
    }

    package let order: TrainingOrder
    package let state: State
    /// The number of the last lease; 0 before the first.
    package let attempt: Int64
    /// Attempts without a bundle since it was posted.
    package let failureCount: Int64
    /// So many of them settle it.
    package let attemptsMax: Int64

    /// Whose it is at the moment, if anyone's.
    package var lease: LeaseState? {
        if case .leased(let lease) = state { lease } else { nil }
    }
}
