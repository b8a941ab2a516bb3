import EdgeProtocol
import Prognostics

/// The device's half of the model delivery: from an offer to a model that has proved itself.
///
///     idle ──offer──▶ fetching ──last block──▶ verifying ──passed──▶ shadowing ──agrees──▶ ready
///                        └─newer offer─▶ fetching   └─failed─▶ refused   └─disagrees─▶ held
///     ready ──between two batches──▶ active on probation ──proved──▶ active
///                                        └──slow, or starts too often──▶ rolled back, refused
///
/// Refused and held are words of the report: the machine is idle again. Any state becomes
/// `stalled` when a change could not be stored, or stored blocks have gone bad; after a while the
/// offer is asked for again, and the delivery goes on with what the store holds.
///
/// An input that does not fit is one of three things:
/// - a repeat, which retained messages and reconnects make normal: ignored;
/// - the sender's fault (signature, fleet, counter, digest): refused, the active model goes on;
/// - the caller's fault, such as a verification nobody asked for: a trap.
struct ModelDelivery: Sendable {
    enum State {
        case idle
        /// Invariant: `missing` is not empty.
        case fetching(ModelOffer, missing: Set<Int>, retry: Retry)
        case verifying(ModelOffer)
        /// Scores the device's own readings beside the active model.
        case shadowing(ModelOffer, ShadowRun)
        /// May serve as soon as no batch is open.
        case ready(ModelOffer)
        /// The store refused a change; its shelf is the truth.
        case stalled(Retry)
    }

    /// When missing blocks, or a stalled offer, are asked for again.
    struct Retry {
        static let first: Int64 = 5_000
        static let last: Int64 = 300_000
        var dueMillis: Int64
        var intervalMillis: Int64

        init(_ now: Instant) {
            intervalMillis = Self.first
            dueMillis = now.monotonicMillis + Self.first
        }

        mutating func postpone(_ now: Instant) {
            intervalMillis = min(intervalMillis * 2, Self.last)
            dueMillis = now.monotonicMillis + intervalMillis
        }
    }

    let identity: AgentIdentity
    /// What `agents/{agent}/model` says.
    var report: ModelReport
    /// The run that serves; `nil` before the first activation.
    private(set) var activeRunID: String?
    /// The bundle that serves; while a change could not be stored, not what the shelf calls active.
    private var servedDigest: Digest?
    /// Whether a restart would serve what serves now: only then is there something to judge.
    var isServedStored: Bool { servedDigest == shelf.active }

    var state = State.idle
    var shelf: ModelShelf
    /// What the active model still has to prove; `nil` once it has.
    var probation: ModelProbation?
    /// The active model is to make way for the fallback, which is being loaded.
    var rollback: (bundle: Digest, fallback: Digest, reason: String)?
    /// Shadow runs that this process has begun.
    var shadowCount = 0
    /// When the offer accepted last becomes stale; `nil` before the first, or once reported.
    private var expires: Int64?

    /// Resumes from the shelf; `activeRunID` is the run of the active bundle, already verified.
    init(identity: AgentIdentity, shelf: ModelShelf, activeRunID: String?) {
        self.identity = identity
        self.shelf = shelf
        self.activeRunID = activeRunID
        servedDigest = activeRunID == nil ? nil : shelf.active
        report = ModelReport(state: activeRunID == nil ? .none : .active)
        report.reportedRunID = activeRunID
        report.reportedDigest = servedDigest
        expires = (try? shelf.accepted?.decode())?.expires
        if activeRunID != nil, let active = shelf.active, shelf.trials[active] != nil {
            probation = ModelProbation()
            report.onProbation = true
        }
    }

    // MARK: Inputs

    /// Goes on with a candidate that an earlier process accepted.
    mutating func resume(_ now: Instant, effects: inout [EdgeEffect]) {
        guard case .idle = state, let signed = shelf.accepted, let offer = try? signed.decode(),
            offer.digest != servedDigest,
            refusal(of: offer) == nil
        else { return }
        begin(offer, now, effects: &effects)
    }

    /// Judges a message on the offer topic.
    mutating func receive(_ receipt: OfferReceipt, _ now: Instant, effects: inout [EdgeEffect]) {
        guard !receipt.bytes.isEmpty else { return }
        let offer: ModelOffer
        let signed: SignedOffer
        do {
            signed = try SignedOffer(bytes: receipt.bytes)
            guard receipt.isAuthentic else {
                return reject(
                    "No trusted key signed the offer. Push with a key whose public half the "
                        + "agent's key file holds.", effects: &effects)
            }
            offer = try signed.decode()
        } catch {
            return reject(error.description, effects: &effects)
        }
        guard offer.fleet == identity.fleet else {
            return reject(
                "The offer is for fleet '\(offer.fleet)', this agent serves "
                    + "'\(identity.fleet)'. Push it to its own fleet.", effects: &effects)
        }
        guard offer.addresses(identity.agent) else { return }
        judge(offer, signed, now, effects: &effects)
    }

    /// Judges an authentic offer that addresses this agent.
    private mutating func judge(
        _ offer: ModelOffer, _ signed: SignedOffer, _ now: Instant,
        effects: inout [EdgeEffect]
    ) {
        guard offer.featureSpec == identity.featureSpec else {
            return reject(
                "The bundle needs feature spec '\(offer.featureSpec)', this agent has "
                    + "'\(identity.featureSpec)'. Update the agent first.", effects: &effects)
        }
        if offer.counter < shelf.counter, shelf.isInRollout, offer.audience == .all {
            // The promoted model's offer, which stands beside the rollout's that was accepted.
            return
        }
        guard offer.counter >= shelf.counter else {
            return reject(
                "The offer's counter is \(offer.counter), this agent has accepted "
                    + "\(shelf.counter). Push with the current registry.", effects: &effects)
        }
        let known = shelf.accepted == signed
        // The offer that set the counter may be lost with a damaged page: it is accepted again.
        let acceptedCounter = (try? shelf.accepted?.decode())?.counter ?? 0
        guard known || offer.counter > acceptedCounter else {
            return reject(
                "Another offer with counter \(offer.counter) was accepted before. "
                    + "Push with a higher counter.", effects: &effects)
        }
        if let refusal = refusal(of: offer) {
            report.refuse(offer, reason: refusal.reason, isHeld: refusal.isHeld)
            return publishReport(effects: &effects)
        }
        guard now.wallMillis <= offer.expires else {
            report.target(offer)
            return reportExpiry(of: offer, effects: &effects)
        }
        if known {
            // A repeat: an idle machine has served it, or starts it again after a restart.
            guard case .idle = state else { return }
            guard offer.digest == servedDigest, isServedStored else {
                return begin(offer, now, effects: &effects)
            }
            report.target(offer)
            return publishReport(effects: &effects)
        }
        accept(offer, signed, now, effects: &effects)
    }

    private mutating func accept(
        _ offer: ModelOffer, _ signed: SignedOffer, _ now: Instant, effects: inout [EdgeEffect]
    ) {
        stopFetching(effects: &effects)
        shelf.accepted = signed
        shelf.counter = offer.counter
        expires = offer.expires
        // A lower counter is refused as such from now on.
        shelf.refusals.removeAll { $0.counter < offer.counter }
        keepBlocks(of: [offer.digest, shelf.active, shelf.fallback])
        effects.append(
            .storeModel(.accept(signed, bundle: offer.digest, counter: offer.counter)))
        effects.append(.log(LogLine(.info, "offer accepted", metadata(offer))))
        if offer.digest == servedDigest, isServedStored {
            state = .idle
            report.target(offer)
            report.state = .active
            report.missingBlocks = []
            publishReport(effects: &effects)
        } else {
            begin(offer, now, effects: &effects)
        }
    }

    /// Takes a block if the candidate lacks it.
    mutating func receive(
        block index: Int, of bundle: Digest, bytes: [UInt8], digest: Digest, _ now: Instant,
        effects: inout [EdgeEffect]
    ) {
        guard case .fetching(let offer, var missing, let retry) = state,
            bundle == offer.digest, missing.contains(index), !bytes.isEmpty
        else { return }
        guard bytes.count == offer.size(ofBlock: index), digest == offer.blocks[index] else {
            report.reason =
                "Block \(index) has \(bytes.count) bytes and digest \(digest), the offer says "
                + "\(offer.size(ofBlock: index)) and \(offer.blocks[index]). Push again."
            effects.append(
                .log(LogLine(.warning, "block refused", ["reason": report.reason ?? ""])))
            return publishReport(effects: &effects)
        }
        missing.remove(index)
        shelf.blocks[bundle, default: [:]][index] = bytes.count
        effects.append(.storeModel(.storeBlock(bundle: bundle, index: index, bytes: bytes)))
        effects.append(.unsubscribeBlocks(bundle: bundle, [index]))
        report.missingBlocks = missing.sorted()
        if missing.isEmpty {
            verify(offer, effects: &effects)
        } else {
            state = .fetching(offer, missing: missing, retry: retry)
            publishReport(effects: &effects)
        }
    }

    /// The candidate serves from now on, on probation; the one before it is the fallback.
    mutating func activate(_ model: ActiveModel, effects: inout [EdgeEffect]) {
        guard case .ready(let offer) = state, offer.digest == model.digest else {
            preconditionFailure("bundle \(model.digest) is no candidate")
        }
        state = .idle
        if shelf.active != model.digest {
            shelf.fallback = shelf.active
            shelf.active = model.digest
        }
        keepBlocks(of: [shelf.active, shelf.fallback])
        shelf.trials = [model.digest: 0]
        activeRunID = model.runID
        servedDigest = model.digest
        probation = ModelProbation()
        rollback = nil
        effects.append(.storeModel(.activate(bundle: model.digest)))
        report = ModelReport(state: .active)
        report.target(offer)
        report.serve(model.runID, model.digest)
        report.onProbation = true
        effects.append(.log(LogLine(.info, "model activated", metadata(offer))))
        publishReport(effects: &effects)
    }

    /// The fallback, or no model, serves from now on; the shelf says so already.
    mutating func serves(_ model: ActiveModel?) {
        activeRunID = model?.runID
        servedDigest = model?.digest
        probation = nil
        rollback = nil
        report.serve(model?.runID, model?.digest)
        report.onProbation = false
    }

    /// Subscribes again to what is missing: at every new connection.
    mutating func connected(_ now: Instant, effects: inout [EdgeEffect]) {
        if case .fetching(let offer, let missing, _) = state {
            state = .fetching(offer, missing: missing, retry: Retry(now))
            effects.append(.subscribeBlocks(bundle: offer.digest, missing.sorted()))
        }
        publishReport(effects: &effects)
    }

    /// Falls back to what the store holds: the disk may be full, and ingest must go on.
    mutating func notStored(
        _ shelf: ModelShelf, reason: String, _ now: Instant, effects: inout [EdgeEffect]
    ) {
        stopFetching(effects: &effects)
        self.shelf = shelf
        state = .stalled(Retry(now))
        report.reason = reason
        effects.append(.log(LogLine(.error, "model not stored", ["reason": reason])))
        publishReport(effects: &effects)
    }

    /// Asks again for missing blocks, or for a stalled offer, once their time has come.
    mutating func tick(_ now: Instant, effects: inout [EdgeEffect]) {
        tickProbation(now, effects: &effects)
        if let expires, now.wallMillis > expires, let offer = try? shelf.accepted?.decode() {
            reportExpiry(of: offer, effects: &effects)
        }
        if case .stalled(let retry) = state, now.monotonicMillis >= retry.dueMillis {
            state = .idle
            effects.append(.subscribe(identity.topics.offers))
        }
        guard case .fetching(let offer, let missing, var retry) = state,
            now.monotonicMillis >= retry.dueMillis
        else { return }
        retry.postpone(now)
        state = .fetching(offer, missing: missing, retry: retry)
        effects.append(.subscribeBlocks(bundle: offer.digest, missing.sorted()))
    }

    // MARK: Steps

    private mutating func begin(
        _ offer: ModelOffer, _ now: Instant, effects: inout [EdgeEffect]
    ) {
        let missing = missingBlocks(of: offer, effects: &effects)
        report.target(offer)
        report.missingBlocks = missing.sorted()
        guard !missing.isEmpty else { return verify(offer, effects: &effects) }
        state = .fetching(offer, missing: missing, retry: Retry(now))
        report.state = .fetching
        effects.append(.subscribeBlocks(bundle: offer.digest, missing.sorted()))
        publishReport(effects: &effects)
    }

    /// The blocks that the store lacks.
    ///
    /// An offer may cut a bundle anew: what is stored in another cut is used whole or not at all.
    private mutating func missingBlocks(
        of offer: ModelOffer, effects: inout [EdgeEffect]
    ) -> Set<Int> {
        let stored = shelf.blocks[offer.digest] ?? [:]
        let fits = stored.allSatisfy {
            offer.blocks.indices.contains($0.key) && offer.size(ofBlock: $0.key) == $0.value
        }
        if fits { return Set(offer.blocks.indices).subtracting(stored.keys) }
        let isWhole =
            stored.values.reduce(0, +) == offer.size
            && stored.keys.allSatisfy { $0 < stored.count }
        if isWhole { return [] }
        discard(offer.digest, effects: &effects)
        return Set(offer.blocks.indices)
    }

    private mutating func verify(_ offer: ModelOffer, effects: inout [EdgeEffect]) {
        state = .verifying(offer)
        report.state = .verifying
        publishReport(effects: &effects)
        // Written before the workers touch it: a bundle that ends the process cannot say so.
        if shelf.trials[offer.digest] == nil {
            shelf.trials[offer.digest] = 0
            effects.append(.storeModel(.setStarts(bundle: offer.digest, 0)))
        }
        effects.append(.verify(bundle: offer.digest, offer: offer))
    }

    private mutating func stopFetching(effects: inout [EdgeEffect]) {
        guard case .fetching(let offer, let missing, _) = state else { return }
        effects.append(.unsubscribeBlocks(bundle: offer.digest, missing.sorted()))
    }

    mutating func keepBlocks(of digests: [Digest?]) {
        shelf.blocks = shelf.blocks.filter { digests.contains($0.key) }
        shelf.trials = shelf.trials.filter { digests.contains($0.key) }
    }

    /// Forgets what is stored of a bundle, so that it is fetched again.
    mutating func discard(_ bundle: Digest, effects: inout [EdgeEffect]) {
        shelf.blocks[bundle] = nil
        if shelf.fallback == bundle { shelf.fallback = nil }
        effects.append(.storeModel(.discard(bundle: bundle)))
    }

    private func refusal(of offer: ModelOffer) -> ModelShelf.Refusal? {
        shelf.refusals.first { $0.bundle == offer.digest && $0.counter == offer.counter }
    }

    /// Says that nothing newer came in time: somebody may be holding offers back.
    private mutating func reportExpiry(of offer: ModelOffer, effects: inout [EdgeEffect]) {
        expires = nil
        report.target(offer)
        report.reason = "The offer expired at \(offer.expires) ms since 1970. Push again."
        effects.append(.log(LogLine(.warning, "offer expired", metadata(offer))))
        publishReport(effects: &effects)
    }

    /// Reports an offer that changes nothing; the target stays what it was.
    private mutating func reject(_ reason: String, effects: inout [EdgeEffect]) {
        report.reason = reason
        if activeRunID == nil, case .idle = state { report.state = .refused }
        effects.append(.log(LogLine(.warning, "offer refused", ["reason": reason])))
        publishReport(effects: &effects)
    }

    func publishReport(effects: inout [EdgeEffect]) {
        effects.append(
            .publishRetained(
                topic: identity.topics.model(of: identity.agent), payload: report.encoded()))
    }

    func metadata(_ offer: ModelOffer) -> [String: String] {
        [
            "run_id": offer.runID, "digest": offer.digest.description,
            "counter": String(offer.counter),
        ]
    }
}
