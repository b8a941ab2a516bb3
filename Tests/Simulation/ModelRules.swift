import EdgeCore
import Prognostics

/// Which bundle may serve: written from docs/architecture.md, for the checker alone.
struct ModelRules {
    /// An offer that the back office signed for this fleet and agent.
    struct Offered {
        let digest: Digest
        let counter: Int64
        let runID: String
        /// Whether the bundle is one: it decodes and its golden trajectories agree.
        let isSound: Bool
    }

    private var offers: [Int64: Offered] = [:]
    private var digests: [String: Digest] = [:]
    private var sound: Set<Digest> = []
    /// The highest counter that was durably accepted.
    private var highest: Int64 = 0
    private var candidate: Digest?
    /// Bundles that were accepted and not refused since: all that may serve.
    private var allowed: Set<Digest> = []
    /// Bundles that were active at some time.
    private var trusted: Set<Digest> = []

    mutating func offered(_ offer: Offered) {
        offers[offer.counter] = offer
        digests[offer.runID] = offer.digest
        if offer.isSound { sound.insert(offer.digest) }
    }

    /// What speaks against a change that is now durable.
    mutating func objection(to change: ModelChange) -> String? {
        switch change {
        case .accept(_, let bundle, let counter):
            guard let offer = offers[counter], offer.digest == bundle else {
                return "bundle \(bundle) was accepted under counter \(counter), never offered"
            }
            guard counter >= highest else {
                return "counter \(counter) was accepted after \(highest)"
            }
            highest = counter
            candidate = bundle
            allowed.insert(bundle)
        case .activate(let bundle):
            guard candidate == bundle else { return "bundle \(bundle) is active and no candidate" }
            guard sound.contains(bundle) else { return "bundle \(bundle) is active and no bundle" }
            guard allowed.contains(bundle) else { return "bundle \(bundle) is active and refused" }
            trusted.insert(bundle)
        case .refuse(let bundle, _, _), .rollBack(let bundle, _, _):
            allowed.remove(bundle)
            if candidate == bundle { candidate = nil }
        case .hold(let bundle, _, _):
            // A fallback that disagrees with its successor is still what one goes back to.
            if !trusted.contains(bundle) { allowed.remove(bundle) }
            candidate = nil
        case .storeBlock, .discard, .setStarts, .endTrial: break
        }
        return nil
    }

    /// What speaks against the counter that the store holds.
    mutating func objection(toCounter counter: Int64) -> String? {
        counter < highest ? "the release counter went from \(highest) to \(counter)" : nil
    }

    /// What speaks against a reading scored by a run.
    func objection(toRun runID: String) -> String? {
        guard let digest = digests[runID] else { return "no offer ever named this run" }
        guard sound.contains(digest) else { return "its bundle is none" }
        guard allowed.contains(digest) else { return "its bundle was refused, or never accepted" }
        return nil
    }
}
