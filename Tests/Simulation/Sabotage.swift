/// A deliberate fault in the shell or the store, by which tests see that the checker sees.
///
/// The machine itself stays sound: faults of its code are the patches of `Tests/Mutations`.
package enum Sabotage: String, CaseIterable, Sendable {
    case none

    // What the store does wrong.

    /// A COMMIT leaves its last reading out.
    case losesReading
    /// A COMMIT writes its last reading twice.
    case doublesReading
    /// A COMMIT counts one reading too many.
    case miscounts
    /// A killed process takes the newest reading with it.
    case forgetsReading
    /// A killed process leaves the newest reading with other values.
    case changesReading
    /// A page leaves an entry out.
    case skipsInPage
    /// Readings that nobody has yet are released as if they were at home.
    case releasesUncounted
    /// A COMMIT marks its own predictions as published.
    case marksUnpublished
    /// The release counter is kept in the offer's row alone.
    case counterOnce

    // What the shell does wrong.

    /// PUBACKs leave before the COMMIT.
    case acknowledgesEarly
    /// A COMMIT that was refused is reported as done.
    case lyingCommit
    /// The first PUBACK of a batch never leaves.
    case withholdsAcknowledgement
    /// One prediction's lowest bit is wrong.
    case wrongBit
    /// A prediction is published with another bit than was committed.
    case publishesOther
    /// Every prediction goes out twice, beyond the window that the machine keeps.
    case overfillsWindow
    /// Broken bundles pass verification.
    case passesAnything
    /// Offers are thrown away.
    case missesOffers

    /// Words that a contradiction has in it when it is this fault that was seen.
    package var signs: [String] {
        switch self {
        case .none: []
        case .losesReading: ["rows of a batch are there, expected more"]
        case .doublesReading: ["rows of a batch are there that nothing explains"]
        case .miscounts: ["counters are"]
        case .forgetsReading: ["is gone:"]
        case .changesReading: ["has changed"]
        case .skipsInPage: ["never came home"]
        case .releasesUncounted: ["was released: pulled"]
        case .marksUnpublished: ["was never published"]
        case .counterOnce: ["was accepted after", "the release counter went from"]
        case .acknowledgesEarly, .lyingCommit: ["was acknowledged before it was on disk"]
        case .withholdsAcknowledgement: ["messages still wait at the broker"]
        case .wrongBit: ["an undisturbed replay gives"]
        case .publishesOther: ["was published and is not what was committed"]
        case .overfillsWindow: ["predictions without acknowledgement, the limit is"]
        case .passesAnything: ["is active and no bundle"]
        case .missesOffers: ["was pushed last"]
        }
    }
}
