package import Prognostics

/// What a unit is for in one training night.
///
/// Never two things: rows of one unit are alike, and a model judged on rows of units that it learnt
/// from looks far better than it is (on FD001 an RMSE of 8.8 instead of 13.2).
package enum UnitRole: String, CaseIterable, Sendable {
    /// Fits the model, the scaler and everything else that is fitted: 70 %.
    case train
    /// Sets thresholds and the failure calibration: 5 %.
    case tune
    /// Sets the interval's quantiles and nothing else: 10 %.
    case calibrate
    /// Judges: 15 %.
    case evaluate
}

/// Where the units that judge come from.
package enum RoleScheme: String, CaseIterable, Sendable {
    /// From the fleet itself: an evaluate share is held back.
    case nightly
    /// From an official test file, so the evaluate share trains.
    case official
}

/// The sticky assignment of units to roles.
///
/// A role depends on the unit, its installation and the seed alone: it stays when other units come
/// and go, and no unit that once judged ever trains under the same seed.
package struct UnitRoles: Equatable, Sendable {
    /// Chooses among assignments.
    package let seed: UInt64
    /// Whether there is an evaluate share.
    package let scheme: RoleScheme

    /// Upper ends of the shares of train, tune and calibrate in `0 ..< 1`; evaluate has the rest.
    private static let trainEnd = 0.70
    private static let tuneEnd = 0.75
    private static let calibrateEnd = 0.85

    package init(seed: UInt64, scheme: RoleScheme) {
        self.seed = seed
        self.scheme = scheme
    }

    /// The role of one installation of one unit.
    package func role(of unit: UnitIdentifier, installation: Int32 = 1) -> UnitRole {
        switch SplitMix64.fraction(UnitHash.hash(unit, installation: installation, seed: seed)) {
        case ..<Self.trainEnd: .train
        case ..<Self.tuneEnd: .tune
        case ..<Self.calibrateEnd: .calibrate
        default: scheme == .official ? .train : .evaluate
        }
    }

    /// The roles of trajectories, in their order.
    package func assign(_ trajectories: [Trajectory]) -> [UnitRole] {
        trajectories.map { role(of: $0.unit, installation: $0.installation) }
    }

    /// Checks that every role of the scheme has a unit.
    package func validate(_ roles: [UnitRole]) throws(DatasetError) {
        for role in UnitRole.allCases where !(role == .evaluate && scheme == .official) {
            guard roles.contains(role) else {
                throw .emptyRole(role, units: roles.count, seed: seed)
            }
        }
    }
}
