package import EdgeProtocol
package import Prognostics

/// What the store holds about models when the agent starts.
package struct ModelShelf: Sendable {
    /// A bundle digest under a release counter, and why it does not serve.
    package struct Refusal: Hashable, Sendable {
        package let bundle: Digest
        package let counter: Int64
        package let reason: String
        /// It disagreed with the active model: its blocks stay, an offer that allows it may come.
        package let isHeld: Bool

        package init(bundle: Digest, counter: Int64, reason: String, isHeld: Bool = false) {
            self.bundle = bundle
            self.counter = counter
            self.reason = reason
            self.isHeld = isHeld
        }
    }

    /// Starts of the process under one trial before its bundle is to blame.
    package static let startsMax = 3

    /// The highest release counter ever accepted; 0 before the first offer.
    package var counter: Int64 = 0
    /// The offer that was accepted last, as received.
    package var accepted: SignedOffer?
    package var active: Digest?
    package var fallback: Digest?
    /// Sizes in bytes of the blocks that are stored, by bundle and index.
    package var blocks: [Digest: [Int: Int]] = [:]
    /// Of the accepted counter only: older ones are refused for their counter.
    package var refusals: [Refusal] = []
    /// Starts of the process that ended unasked, for each bundle that is verified or on probation.
    package var trials: [Digest: Int] = [:]

    package init() {}

    /// Whether the offer that set the counter came to some agents only: a rollout's.
    var isInRollout: Bool {
        guard let offer = try? accepted?.decode() else { return false }
        return offer.counter == counter && offer.audience != .all
    }

    /// What a starting agent writes down before it touches any bundle; synced, in this order.
    ///
    /// Whoever crashes the process does so before it can say anything, so the starts are counted
    /// beforehand. A candidate is blamed before the active model on probation: it came later.
    package var changesAtStart: [ModelChange] {
        let counts = trials.sorted { $0.key.bytes.lexicographicallyPrecedes($1.key.bytes) }
        let counting = counts.map { ModelChange.setStarts(bundle: $0.key, $0.value + 1) }
        let guilty = trials.filter { $0.value >= Self.startsMax }.keys
        let acceptedDigest = (try? accepted?.decode())?.digest
        guard let bundle = guilty.first(where: { $0 != active }) ?? guilty.first else {
            return counting
        }
        let reason =
            "The agent ended unasked \(Self.startsMax) times while it tried this bundle. "
            + "Read its log, then push a bundle that this agent can run."
        let pardons = counts.filter { $0.key != bundle }
            .map { ModelChange.setStarts(bundle: $0.key, 0) }
        let refusedCounter = bundle == acceptedDigest ? counter : 0
        if bundle == active {
            return [.rollBack(bundle: bundle, counter: refusedCounter, reason: reason)] + pardons
        }
        return [.refuse(bundle: bundle, counter: refusedCounter, reason: reason)] + pardons
    }
}
