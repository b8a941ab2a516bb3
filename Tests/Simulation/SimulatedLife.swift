import EdgeCore
import EdgeProtocol
import Features
import Inference
import Prognostics

/// One life of the agent's process: the machine, and what the shell remembers and loses.
struct SimulatedLife {
    /// What a worker does when its turn comes.
    enum Task {
        case verify(bundle: Digest, ModelOffer, bytes: [UInt8])
        case load(bundle: Digest, bytes: [UInt8])
        case shadow(ShadowSlice)
    }

    let identity: AgentIdentity
    var core: EdgeCore
    /// Windows that wait for their scores.
    var jobs: [ScoringJob] = []
    var tasks: [Task] = []
    /// Messages read on this connection that no PUBACK was written for.
    var unacknowledged: [Message] = []
    /// The ingest connection is gone; the machine hears of it when the turn is over.
    var hasLostIngest = false
    var isBatchOpen = false
    /// A batch is on disk and was not acknowledged.
    var hasCommitted = false
    /// The run that scores the open batch.
    var servingRunID: String?
    /// Effects that are still performed before the process is killed.
    var deathAfter: Int?
    var isDead = false
    var end = ProcessEnd.killed
    var responseTopic: String

    init(residentUnitsMax: Int, storeID: String, restored: EdgeCore.Restored = .init()) {
        guard let agent = UnitIdentifier("edge-1"), let fleet = UnitIdentifier("FD001"),
            let topics = Topics(fleet: fleet)
        else { preconditionFailure("names") }
        identity = AgentIdentity(
            agent: agent, topics: topics, featureSpec: FeatureSpec.identifier, version: "1.0",
            storeID: storeID)
        responseTopic = topics.logResponses(of: agent, to: "office")
        core = EdgeCore(
            identity: identity, restored: restored, residentUnitsMax: residentUnitsMax,
            backfillRateMax: 20)
    }
}

// MARK: Starting and ending

extension SimulationWorld {
    /// Ends the process as it was told to, and starts the next one.
    mutating func restart() {
        trace.note("restart after \(life.end)")
        if life.end == .orderly { sayGoodbye() }
        start(life.end)
    }

    /// What a process that was asked to end still does.
    private mutating func sayGoodbye() {
        coverage.count(.orderlyStop)
        guard let shelf = try? disk.shelf() else { return }
        for bundle in shelf.trials.keys.sorted(by: { $0.description < $1.description }) {
            let change = ModelChange.setStarts(bundle: bundle, 0)
            if (try? disk.apply(change)) != nil { checker.changed(change) }
        }
    }

    /// Starts a process on what the last one left behind, until one stays up.
    mutating func start(_ end: ProcessEnd) {
        broker.dropIngest(reorders: plan.transport && random.oneIn(3), &random, &coverage)
        broker.dropControl()
        puller.lose()
        disk.end(end)
        if end == .powerCut {
            clock.reboot()
            if plan.clock, !isCalm, random.oneIn(3) {
                coverage.count(.clockAt1970)
                clock.setWall(millis: Int64(random.below(100_000)))
            }
        }
        var attempts = 0
        while attempts < 200 {
            attempts += 1
            do throws(StoreFailure) {
                try disk.reopen()
                if let change = disk.takeBelatedChange() { checker.changed(change) }
                settleBatch()
                inspect()
                let restored = try restore()
                life = SimulatedLife(
                    residentUnitsMax: plan.residentUnitsMax, storeID: disk.storeID,
                    restored: restored)
                trace.note(
                    "started with \(life.core.activeRunID ?? "no model"), "
                        + "counter \(restored.shelf.counter)")
                return
            } catch {
                trace.note("start failed: \(error)")
                disk.end(error == .powerCut ? .powerCut : .killed)
            }
        }
        checker.expect(false, "the agent did not start in \(attempts) attempts")
    }

    /// The whole log, as the next process finds it.
    private mutating func inspect() {
        checker.inspect(disk.inspect(after: 0).entries)
    }

    /// As `AgentStart` does: counts starts, then looks for a bundle that may serve.
    private mutating func restore() throws(StoreFailure) -> EdgeCore.Restored {
        var restored = try disk.restore()
        for change in restored.shelf.changesAtStart {
            switch change {
            case .refuse, .rollBack: coverage.count(.crashLoop)
            default: break
            }
            try store(change)
        }
        restored.shelf = try disk.shelf()
        checker.counter(restored.shelf.counter)
        while let active = restored.shelf.active {
            let bytes = try disk.bundle(active)
            if StandInHash.digest(of: bytes) == active,
                let bundle = SampleBundle.all.first(where: { $0.digest == active })
            {
                restored.model = bundle.model
                return restored
            }
            coverage.count(.blocksDamaged)
            if restored.shelf.fallback != nil { coverage.count(.fallbackTakesOver) }
            try store(.discard(bundle: active))
            restored.shelf = try disk.shelf()
        }
        return restored
    }

    private mutating func store(_ change: ModelChange) throws(StoreFailure) {
        try disk.apply(change)
        checker.changed(change)
    }

    // MARK: Connections

    mutating func connectIngest() {
        broker.connectIngest()
        trace.note("ingest connected")
        feed(.ingestSubscribed)
    }

    mutating func connectControl() {
        broker.connectControl()
        trace.note("control connected")
        feed(.controlConnected(clock.now))
    }

    mutating func dropIngest() {
        broker.dropIngest(reorders: plan.transport && random.oneIn(3), &random, &coverage)
        life.unacknowledged = []
        life.hasLostIngest = false
        feed(.ingestDisconnected)
    }

    mutating func dropControl() {
        broker.dropControl()
        puller.lose()
        feed(.controlDisconnected)
    }

    // MARK: Turns

    /// One batch: reads what the socket holds, waits for its scores, commits, acknowledges.
    mutating func serveIngest() {
        guard broker.isIngestUp, !life.isDead else { return }
        let messages = broker.deliver(
            1 + random.below(plan.receiveMaximum), receiveMaximum: plan.receiveMaximum)
        guard !messages.isEmpty else { return }
        // What became of the batch before is plain by now.
        settleBatch()
        life.servingRunID = life.core.activeRunID
        life.isBatchOpen = true
        for message in messages {
            checker.read(message)
            life.unacknowledged.append(message)
            feed(.delivery(decode(message, life.identity.topics, clock.now)))
            guard !life.isDead else { return }
            if sabotage == .acknowledgesEarly { acknowledge() }
            if plan.connections, !isCalm, random.oneIn(200) { broker.isIngestHalfOpen = true }
            if plan.connections, !isCalm, random.oneIn(150) {
                coverage.count(.lostWhileReading)
                life.hasLostIngest = true
                break
            }
        }
        checker.bounded("windows", life.jobs.count, max: plan.receiveMaximum * 4)
        feed(.drained)
        finishScores()
        life.isBatchOpen = false
        life.hasCommitted = false
        if life.hasLostIngest, !life.isDead { dropIngest() }
    }

    /// The workers' answers, in any order, and whatever else they have.
    private mutating func finishScores() {
        var waiting = life.jobs.shuffled(using: &random)
        life.jobs = []
        while let job = waiting.popLast(), !life.isDead {
            if random.oneIn(20) { runWorker() }
            let prediction = job.plan.run(job.input)
            let nature = life.core.activeRunID.flatMap { run in
                SampleBundle.all.first { $0.model.runID == run }
            }.flatMap { backOffice.natures[$0.digest] }
            feed(
                .scored(
                    ticket: job.ticket,
                    sabotage == .wrongBit ? Self.spoiled(prediction) : prediction,
                    latencyMicros: 7, runMicros: nature == .slow ? 60_000 : 40))
        }
    }

    static func spoiled(_ prediction: Prediction) -> Prediction {
        guard prediction.rul.bitPattern % 64 == 1, prediction.rul > 0 else { return prediction }
        return Prediction(
            rul: prediction.rul.nextDown, rulLow: min(prediction.rulLow, prediction.rul.nextDown),
            rulHigh: prediction.rulHigh, failureProbability: prediction.failureProbability,
            flags: prediction.flags)
    }

    /// As the shell decodes: never trusting, always hashing.
    private func decode(_ message: Message, _ topics: Topics, _ now: Instant) -> Delivery {
        let content: Delivery.Content
        let hash: Digest
        let topic = topics.root + message.topic
        let route = topics.route(topic)
        do throws(PayloadError) {
            let payload = message.payload.span
            if case .unitEvents(let unit) = route {
                content = .event(try EngineEvent(payload: payload, unit: unit))
                hash = digest(message.payload)
            } else {
                let reading = try ReadingDecoder.decode(payload, from: route)
                content = .reading(reading)
                hash = digest(reading.snapshot.canonicalBytes)
            }
        } catch {
            content = .refused(
                error, payloadPrefix: message.payload, payloadSize: message.payload.count)
            hash = digest(message.payload)
        }
        return Delivery(
            content: content, payloadHash: hash, topic: topic, unprotected: !message.isProtected,
            receivedAt: now)
    }

    /// What arrives on the control connection.
    mutating func serveControl(_ count: Int) {
        for _ in 0..<count {
            guard !life.isDead, let message = broker.nextControlMessage() else { return }
            switch message {
            case .offer where sabotage == .missesOffers: break
            case .offer(let bytes):
                trace.note("offer of \(bytes.count) bytes arrives")
                let receipt = OfferReceipt(
                    bytes: bytes, isAuthentic: BackOffice.isAuthentic(bytes))
                feed(.offer(receipt, clock.now))
            case .block(let bundle, let index, var bytes):
                if plan.damage, !isCalm, random.oneIn(10) {
                    coverage.count(.flippedBlockInTransit)
                    bytes[random.below(bytes.count)] ^= 1
                }
                feed(
                    .block(
                        bundle: bundle, index: index, bytes: bytes,
                        digest: StandInHash.digest(of: bytes), clock.now))
            case .logRequest(let request, let topic):
                feed(.logRequest(request, responseTopic: topic, correlation: [1]))
            case .overwrittenStatus: feed(.statusOverwritten)
            }
        }
    }

    /// The broker acknowledges predictions.
    mutating func confirm(_ count: Int) {
        if broker.unconfirmed.count > count { coverage.count(.slowBroker) }
        for _ in 0..<count {
            guard !life.isDead, let sequence = broker.nextConfirmation() else { return }
            feed(.predictionPublished(sequence: sequence))
        }
    }

    /// A worker finishes what it is at.
    mutating func runWorker() {
        guard !life.isDead, !life.tasks.isEmpty else { return }
        switch life.tasks.removeFirst() {
        case .verify(let bundle, let offer, let bytes):
            guard backOffice.natures[bundle] != .crashing || isCalm && !plan.attacks else {
                return die(.killed)
            }
            let outcome = verify(offer, bytes)
            trace.note("verified \(offer.runID): \(Self.name(outcome))")
            feed(.verified(bundle: bundle, outcome, clock.now))
        case .load(let bundle, let bytes):
            guard StandInHash.digest(of: bytes) == bundle,
                let sample = SampleBundle.all.first(where: { $0.digest == bundle })
            else {
                return feed(.loaded(bundle: bundle, .damaged(reason: "The blocks are damaged.")))
            }
            feed(.loaded(bundle: bundle, .passed(sample.model)))
        case .shadow(let slice): feed(.shadowed(slice.run()))
        }
    }

    private static func name(_ outcome: VerificationOutcome) -> String {
        switch outcome {
        case .passed: "passed"
        case .failed(let reason): "failed, \(reason)"
        case .damaged(let reason): "damaged, \(reason)"
        }
    }

    /// As `BundleCandidate` does, with stand-ins for what decoding finds.
    private mutating func verify(_ offer: ModelOffer, _ bytes: [UInt8]) -> VerificationOutcome {
        let blocks = BundleBlocks.split(bytes, blockSize: offer.blockSize)
        guard bytes.count == offer.size,
            zip(blocks, offer.blocks).allSatisfy({ StandInHash.digest(of: $0) == $1 })
        else {
            coverage.count(.blocksDamaged)
            return .damaged(reason: "A stored block is not the one that arrived.")
        }
        guard StandInHash.digest(of: bytes) == offer.digest,
            let sample = SampleBundle.all.first(where: { $0.digest == offer.digest })
        else { return .failed(reason: "The digest is another one.") }
        if backOffice.natures[offer.digest] == .broken, sabotage != .passesAnything {
            return .failed(reason: "A golden trajectory differs.")
        }
        return .passed(sample.model)
    }
}
