package import EdgeProtocol
package import Prognostics

/// What the store holds about models when the agent starts.
package struct ModelShelf: Sendable {
    /// A bundle digest under a release counter, and why it was refused.
    package struct Refusal: Hashable, Sendable {
        package let bundle: Digest
        package let counter: Int64
        package let reason: String

        package init(bundle: Digest, counter: Int64, reason: String) {
            self.bundle = bundle
            self.counter = counter
            self.reason = reason
        }
    }

    /// The highest release counter ever accepted; 0 before the first offer.
    package var counter: Int64 = 0
    /// The offer that was accepted last, as received.
    package var accepted: SignedOffer?
    package var active: Digest?
    package var fallback: Digest?
    /// Indices of the blocks that are stored, by bundle.
    package var blocks: [Digest: Set<Int>] = [:]
    package var refusals: [Refusal] = []

    package init() {}
}

/// The device's half of the model delivery: from an offer to a verified candidate.
///
///     idle ──offer──▶ fetching ──last block──▶ verifying ──passed──▶ idle, active
///                        │                         └──failed──▶ idle, refused
///                        └──newer offer──▶ fetching
///
/// Any state becomes `stalled` when a change could not be stored; after a while the offer is asked
/// for again, and the delivery goes on with what the store holds.
///
/// An input that does not fit is one of three things:
/// - a repeat, which retained messages and reconnects make normal: ignored;
/// - the sender's fault (signature, fleet, counter, digest): refused, the active model goes on;
/// - the caller's fault, such as a verification nobody asked for: a trap.
struct ModelDelivery: Sendable {
    private enum State {
        case idle
        /// Invariant: `missing` is not empty.
        case fetching(ModelOffer, missing: Set<Int>, retry: Retry)
        case verifying(ModelOffer)
        /// The store refused a change; its shelf is the truth.
        case stalled(Retry)
    }

    /// When missing blocks, or a stalled offer, are asked for again.
    private struct Retry {
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
    private(set) var report: ModelReport
    /// The run that serves; `nil` before the first activation.
    private(set) var activeRunID: String?

    private var state = State.idle
    private var shelf: ModelShelf

    /// Resumes from the shelf; `activeRunID` is the run of the active bundle, already verified.
    init(identity: AgentIdentity, shelf: ModelShelf, activeRunID: String?) {
        self.identity = identity
        self.shelf = shelf
        self.activeRunID = activeRunID
        report = ModelReport(state: activeRunID == nil ? .none : .active)
        report.reportedRunID = activeRunID
        report.reportedDigest = activeRunID == nil ? nil : shelf.active
    }

    // MARK: Inputs

    /// Goes on with a candidate that an earlier process accepted.
    mutating func resume(_ now: Instant, effects: inout [EdgeEffect]) {
        guard case .idle = state, let signed = shelf.accepted, let offer = try? signed.decode(),
            offer.digest != shelf.active || activeRunID == nil,
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
        guard offer.counter >= shelf.counter else {
            return reject(
                "The offer's counter is \(offer.counter), this agent has accepted "
                    + "\(shelf.counter). Push with the current registry.", effects: &effects)
        }
        let known = shelf.accepted == signed
        guard known || offer.counter > shelf.counter else {
            return reject(
                "Another offer with counter \(offer.counter) was accepted before. "
                    + "Push with a higher counter.", effects: &effects)
        }
        if let reason = refusal(of: offer) {
            report.refuse(offer, reason: reason)
            return publishReport(effects: &effects)
        }
        guard now.wallMillis <= offer.expires else {
            report.target(offer)
            report.reason = "The offer expired at \(offer.expires) ms since 1970. Push again."
            effects.append(.log(LogLine(.warning, "offer expired", metadata(offer))))
            return publishReport(effects: &effects)
        }
        if known {
            // A repeat: an idle machine has served it, or starts it again after a restart.
            guard case .idle = state else { return }
            guard offer.digest == shelf.active, activeRunID != nil else {
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
        keepBlocks(of: [offer.digest, shelf.active, shelf.fallback])
        effects.append(
            .storeModel(.accept(signed, bundle: offer.digest, counter: offer.counter)))
        effects.append(.log(LogLine(.info, "offer accepted", metadata(offer))))
        if offer.digest == shelf.active, activeRunID != nil {
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
        shelf.blocks[bundle, default: []].insert(index)
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

    /// Takes the workers' word on the candidate; `true` if it passed and must be activated.
    mutating func verified(
        _ bundle: Digest, _ outcome: VerificationOutcome, effects: inout [EdgeEffect]
    ) -> Bool {
        // A newer offer may have replaced the candidate meanwhile.
        guard case .verifying(let offer) = state, offer.digest == bundle else { return false }
        switch outcome {
        case .passed: return true
        case .failed(let reason):
            state = .idle
            shelf.refusals.append(
                ModelShelf.Refusal(bundle: bundle, counter: offer.counter, reason: reason))
            keepBlocks(of: [shelf.active, shelf.fallback])
            effects.append(
                .storeModel(.refuse(bundle: bundle, counter: offer.counter, reason: reason)))
            report.refuse(offer, reason: reason)
            effects.append(
                .log(
                    LogLine(
                        .error, "bundle refused",
                        metadata(offer).merging(["reason": reason]) { $1 })))
            publishReport(effects: &effects)
            return false
        }
    }

    /// Whether `bundle` is the candidate under verification: what passed may be activated.
    func isVerifying(_ bundle: Digest) -> Bool {
        guard case .verifying(let offer) = state else { return false }
        return offer.digest == bundle
    }

    /// The candidate serves from now on; the one before it is the fallback.
    mutating func activate(_ model: ActiveModel, effects: inout [EdgeEffect]) {
        guard case .verifying(let offer) = state, offer.digest == model.digest else {
            preconditionFailure("bundle \(model.digest) is no candidate")
        }
        state = .idle
        if shelf.active != model.digest {
            shelf.fallback = shelf.active
            shelf.active = model.digest
        }
        keepBlocks(of: [shelf.active, shelf.fallback])
        activeRunID = model.runID
        effects.append(.storeModel(.activate(bundle: model.digest)))
        report = ModelReport(state: .active)
        report.target(offer)
        report.state = .active
        report.reportedRunID = model.runID
        report.reportedDigest = model.digest
        effects.append(.log(LogLine(.info, "model activated", metadata(offer))))
        publishReport(effects: &effects)
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
        if case .stalled(let retry) = state, now.monotonicMillis >= retry.dueMillis {
            state = .idle
            effects.append(.subscribe([identity.topics.selectedModel]))
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
        let stored = shelf.blocks[offer.digest] ?? []
        let missing = Set(offer.blocks.indices).subtracting(stored)
        report.target(offer)
        report.missingBlocks = missing.sorted()
        guard !missing.isEmpty else { return verify(offer, effects: &effects) }
        state = .fetching(offer, missing: missing, retry: Retry(now))
        report.state = .fetching
        effects.append(.subscribeBlocks(bundle: offer.digest, missing.sorted()))
        publishReport(effects: &effects)
    }

    private mutating func verify(_ offer: ModelOffer, effects: inout [EdgeEffect]) {
        state = .verifying(offer)
        report.state = .verifying
        publishReport(effects: &effects)
        effects.append(.verify(bundle: offer.digest, offer: offer))
    }

    private mutating func stopFetching(effects: inout [EdgeEffect]) {
        guard case .fetching(let offer, let missing, _) = state else { return }
        effects.append(.unsubscribeBlocks(bundle: offer.digest, missing.sorted()))
    }

    private mutating func keepBlocks(of digests: [Digest?]) {
        shelf.blocks = shelf.blocks.filter { digests.contains($0.key) }
    }

    private func refusal(of offer: ModelOffer) -> String? {
        shelf.refusals.first { $0.bundle == offer.digest && $0.counter == offer.counter }?.reason
    }

    /// Reports an offer that changes nothing; the target stays what it was.
    private mutating func reject(_ reason: String, effects: inout [EdgeEffect]) {
        report.reason = reason
        if activeRunID == nil, case .idle = state { report.state = .refused }
        effects.append(.log(LogLine(.warning, "offer refused", ["reason": reason])))
        publishReport(effects: &effects)
    }

    private func publishReport(effects: inout [EdgeEffect]) {
        effects.append(
            .publishRetained(
                topic: identity.topics.model(of: identity.agent), payload: report.encoded()))
    }

    private func metadata(_ offer: ModelOffer) -> [String: String] {
        [
            "run_id": offer.runID, "digest": offer.digest.description,
            "counter": String(offer.counter),
        ]
    }
}
