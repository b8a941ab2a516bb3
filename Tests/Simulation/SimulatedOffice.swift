import EdgeCore
import EdgeProtocol
import Prognostics

/// What the back office and its enemies do, and how a run ends.
extension SimulationWorld {
    // MARK: Models

    /// Pushes some model under the next counter.
    mutating func release(_ chosen: SampleBundle? = nil) {
        let bundle = chosen ?? random.pick(SampleBundle.all)
        let offer = backOffice.offer(
            bundle, now: clock.trueMillis, plan: plan, isPlain: chosen != nil, &random)
        guard let offer else { return }
        trace.note("push \(bundle.model.runID) as \(offer.rule.counter)")
        coverage.count(.offerPushed)
        checker.offered(offer.rule)
        broker.retain(blocks: offer.blocks, of: bundle.digest)
        broker.retain(offer: offer.bytes)
    }

    /// The nightly push: publishes what the broker lacks of the last offer.
    mutating func repairPush() {
        guard let latest = backOffice.latest, let bytes = backOffice.signed.last else { return }
        trace.note("push repairs \(latest.offer.runID)")
        broker.retain(blocks: latest.blocks, of: latest.offer.digest)
        broker.retain(offer: bytes)
    }

    /// What whoever holds the broker, but no key, can try.
    mutating func attack() {
        let bundle = random.pick(SampleBundle.all)
        switch random.below(3) {
        case 0:
            guard !backOffice.signed.isEmpty else { return }
            coverage.count(.offerReplayed)
            trace.note("an old offer is replayed")
            broker.retain(offer: random.pick(backOffice.signed))
        case 1:
            guard
                let bytes = backOffice.forgedOffer(bundle, now: clock.trueMillis, &random)
            else { return }
            coverage.count(.offerForged)
            trace.note("a forged offer")
            broker.retain(offer: bytes)
        default:
            guard
                let bytes = backOffice.offerElsewhere(bundle, now: clock.trueMillis, &random)
            else { return }
            coverage.count(.offerElsewhere)
            trace.note("an offer for others")
            broker.retain(offer: bytes)
        }
    }

    // MARK: The log

    /// Asks for the page behind what is durable at home.
    mutating func pull() {
        if puller.isWaiting { coverage.count(.pullRepeated) }
        puller.isWaiting = true
        broker.send(
            .logRequest(
                LogRequest(
                    storeID: puller.storeID, after: puller.after,
                    limit: isCalm ? 1_000 : 1 + random.below(60)),
                responseTopic: life.responseTopic))
    }

    /// A page arrives at the puller, or not.
    mutating func answerPull(
        after: Int64, _ entries: [LogEntry], through: Int64, more: Bool
    ) {
        let loses = plan.transport && !isCalm && random.oneIn(8)
        guard broker.isControlUp, !broker.isControlHalfOpen, !loses else {
            coverage.count(.pageLost)
            return puller.lose()
        }
        coverage.count(.pulled)
        for entry in entries { checker.pulledEntry(entry) }
        puller.take(
            storeID: life.identity.storeID, after: after, through: through, count: entries.count,
            more: more)
    }

    // MARK: The end

    /// Ends all faults and lets everything that is under way arrive.
    mutating func settle() {
        trace.note("calm")
        isCalm = true
        disk.isCalm = true
        clock.correct()
        life.deathAfter = nil
        if life.isDead { restart() }
        dropIngest()
        dropControl()
        release(SampleBundle.all[0])
        var rounds = 0
        while rounds < 400, checker.violation == nil {
            rounds += 1
            settleOnce()
            // Starts that ended unasked may have been put down to the model: the next push brings
            // it again.
            if rounds % 60 == 0, life.core.activeRunID != SampleBundle.all[0].model.runID {
                release(SampleBundle.all[0])
            }
            if rounds > 12, isSettled { break }
        }
        settleBatch()
        checker.inspect(disk.inspect(after: 0).entries)
        checker.finish(
            waiting: broker.waiting, unread: life.unacknowledged.count { $0.isProtected })
        let wanted = SampleBundle.all[0].model.runID
        checker.expect(
            life.core.activeRunID == wanted,
            "\(life.core.activeRunID ?? "no model") serves, \(wanted) was pushed last")
    }

    private mutating func settleOnce() {
        if life.isDead { restart() }
        if !broker.isIngestUp { connectIngest() }
        if !broker.isControlUp { connectControl() }
        // Longer than the longest time after which anything is asked for again.
        clock.advance(millis: 60_000)
        feed(.tick(clock.now))
        pull()
        serveControl(40)
        serveIngest()
        for _ in 0..<40 { runWorker() }
        confirm(300)
        for _ in 0..<4 { serveIngest() }
    }

    private var isSettled: Bool {
        broker.waiting == 0 && broker.unconfirmed.isEmpty && checker.unpublishedCount == 0
            && puller.after == checker.lastSequence
            && life.tasks.isEmpty && life.core.activeRunID == SampleBundle.all[0].model.runID
    }
}
