/// The dealing of units into folds of almost equal size, for cross-validation.
package struct UnitFolds: Equatable, Sendable {
    /// Of 17 units that are not held out two calibrate and one tunes, in the proportion of
    /// ``UnitRole``'s shares 70 : 5 : 10.
    private static let period = 17

    private let unitCount: Int
    private let foldCount: Int
    /// Units in the order in which they are dealt.
    private let order: [Int]

    /// Deals units by a seed.
    /// - Precondition: There are at least two folds.
    package init(unitCount: Int, foldCount: Int, seed: UInt64) {
        precondition(foldCount >= 2, "one fold leaves nothing to train with")
        var random = SplitMix64(seed: seed)
        self.unitCount = unitCount
        self.foldCount = foldCount
        order = Array(0..<unitCount).shuffled(using: &random)
    }

    /// Whether each fold holds a unit out and leaves one for every other role.
    package var isComplete: Bool {
        (0..<foldCount).allSatisfy { Set(roles(holdingOut: $0)).count == UnitRole.allCases.count }
    }

    /// The role of each unit while a fold is held out to judge.
    package func roles(holdingOut fold: Int) -> [UnitRole] {
        var roles = [UnitRole](repeating: .evaluate, count: unitCount)
        var position = 0
        for (dealt, unit) in order.enumerated() where dealt % foldCount != fold {
            switch position % Self.period {
            case 0: roles[unit] = .tune
            case 1, 2: roles[unit] = .calibrate
            default: roles[unit] = .train
            }
            position += 1
        }
        return roles
    }
}
