/// A reason why a rollout did not begin or change.
package enum RolloutStepError: Error, Equatable, CustomStringConvertible {
    /// Another rollout has not ended.
    case active(version: Int64, phase: String)
    /// No rollout is active.
    case none
    /// The command does not fit where the rollout is.
    case wrongPhase(wanted: String, phase: String)
    /// The fleet has been offered this version.
    case nothingNew(version: Int64)
    /// Nothing was ever offered to the whole fleet.
    case noFormerModel
    /// The broker holds an offer of ours that the registry does not know.
    case registryBehind(held: Int64, known: Int64)
    /// The registry's word on the rollout cannot be read.
    case damaged(String)

    package var description: String {
        switch self {
        case .active(let version, let phase):
            "A rollout of version \(version) is \(phase). Wait until it is complete, or run "
                + "'backoffice rollout abort'."
        case .none:
            "No rollout is active. 'backoffice rollout start' begins one."
        case .wrongPhase(let wanted, let phase):
            "The rollout is \(phase), so it cannot be \(wanted). "
                + "'backoffice rollout status' says why."
        case .nothingNew(let version):
            "The whole fleet has been offered version \(version) already. Promote another "
                + "one first."
        case .noFormerModel:
            "Nothing was offered to the whole fleet yet, so a rollout has nothing to go back to. "
                + "Run 'backoffice push' for the first model."
        case .registryBehind(let held, let known):
            "The broker holds release \(held) of ours, the registry knows up to \(known): it was "
                + "restored from an older copy. Run 'backoffice rollout abort', then start anew."
        case .damaged(let reason):
            "The rollout on record cannot be read: \(reason) Restore the registry from a copy."
        }
    }
}
