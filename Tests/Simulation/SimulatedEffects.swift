import EdgeCore
import EdgeProtocol
import Features
import Inference
import Prognostics

/// How the shell performs what the machine asks for: as `Agent` does, on what is simulated.
extension SimulationWorld {
    /// Gives the machine an input and performs what it answers, answers to effects included.
    mutating func feed(_ input: EdgeInput) {
        var inputs = [input]
        var next = 0
        var effects: [EdgeEffect] = []
        // After a contradiction nothing holds that the machine may rely on.
        while next < inputs.count, !life.isDead, checker.violation == nil {
            effects.removeAll(keepingCapacity: true)
            life.core.receive(inputs[next], effects: &effects)
            next += 1
            for effect in effects {
                countDown()
                guard !life.isDead, checker.violation == nil else { return }
                trace.note("  \(Self.name(of: effect))")
                do throws(StoreFailure) {
                    try perform(effect, &inputs)
                } catch {
                    trace.note("  \(error)")
                    die(error == .powerCut ? .powerCut : .killed)
                }
            }
        }
    }

    /// The process is killed between two effects, if it is time.
    private mutating func countDown() {
        guard let left = life.deathAfter, !isCalm else { return }
        life.deathAfter = left - 1
        if left == 0 { die(.killed) }
    }

    private mutating func perform(
        _ effect: EdgeEffect, _ inputs: inout [EdgeInput]
    ) throws(StoreFailure) {
        switch effect {
        case .loadUnit(let unit, let parameters):
            inputs.append(
                .unitLoaded(
                    try disk.history(of: unit, parameters: parameters, checkpointThrough: nil)))
        case .reloadUnit(let unit, let parameters, let cycle):
            coverage.count(.rebuiltForEvent)
            inputs.append(
                .unitLoaded(
                    try disk.history(
                        of: unit, parameters: parameters, checkpointThrough: cycle)))
        case .lookUpEvents(let unit, let installation):
            inputs.append(
                .eventsLookedUp(try disk.events(of: unit, installation: installation)))
        case .lookUpReading(let unit, let cycle):
            inputs.append(.readingLookedUp(try disk.known(unit, cycle: cycle)))
        case .score(let job): life.jobs.append(job)
        case .commit(let batch): try commit(batch, &inputs)
        case .acknowledge: acknowledge()
        case .dropIngest:
            coverage.count(.ingestDropped)
            life.hasLostIngest = true
        case .storeModel(let change): try write(change, &inputs)
        case .verify, .load, .listShadowUnits, .readShadow, .shadow:
            try perform(onTrial: effect, &inputs)
        case .readOutbox(let after, let limit):
            let (entries, through) = try disk.scored(after: after, limit: limit)
            inputs.append(.outboxRead(entries, through: through))
        case .storePublished(let sequence):
            try tolerate { () throws(StoreFailure) in try disk.storePublished(through: sequence) }
        case .storePulled(let sequence):
            try tolerate { () throws(StoreFailure) in try disk.storePulled(through: sequence) }
        case .sendLogPage(let after, let limit, _, _):
            let page = try disk.page(after: after, limit: limit)
            answerPull(after: after, page.entries, through: page.through, more: page.more)
        case .subscribe, .subscribeBlocks, .unsubscribeBlocks, .publishPrediction,
            .publishHealth, .publishRetained:
            perform(onControl: effect)
        case .log(let line): note(line)
        }
    }

    /// A cursor that is not written now travels with the next batch.
    private func tolerate(_ write: () throws(StoreFailure) -> Void) throws(StoreFailure) {
        do throws(StoreFailure) {
            try write()
        } catch {
            guard case .refused = error else { throw error }
        }
    }

    private mutating func commit(
        _ batch: Batch, _ inputs: inout [EdgeInput]
    ) throws(StoreFailure) {
        do throws(StoreFailure) {
            try disk.commit(batch)
        } catch {
            guard case .refused(let reason) = error else { throw error }
            inputs.append(
                sabotage == .lyingCommit
                    ? .committed(clock.now) : .commitFailed(reason: reason))
            return
        }
        settleBatch()
        life.hasCommitted = true
        inputs.append(.committed(clock.now))
    }

    /// Writes the PUBACKs; what arrives of them is the network's matter.
    mutating func acknowledge() {
        life.hasCommitted = false
        let numbers = life.unacknowledged.filter(\.isProtected).map(\.number)
        life.unacknowledged = []
        guard broker.isIngestUp, !numbers.isEmpty else { return }
        guard !broker.isIngestHalfOpen else { return coverage.count(.halfOpenIngest) }
        var arriving = numbers.count
        if plan.connections, !isCalm, random.oneIn(40) {
            coverage.count(.acknowledgementsCut)
            arriving = random.below(numbers.count)
            life.hasLostIngest = true
        }
        let withheld = sabotage == .withholdsAcknowledgement ? numbers.first : nil
        for number in numbers.prefix(arriving) where number != withheld {
            checker.acknowledged(number)
            broker.acknowledge(number)
        }
    }

    private mutating func write(
        _ change: ModelChange, _ inputs: inout [EdgeInput]
    ) throws(StoreFailure) {
        do throws(StoreFailure) {
            try disk.apply(change)
        } catch {
            guard case .refused(let reason) = error else { throw error }
            inputs.append(.modelNotStored(try disk.shelf(), reason: reason, clock.now))
            return
        }
        trace.note("    stored")
        checker.changed(change)
        checker.counter(try disk.shelf().counter)
    }

    private mutating func perform(
        onTrial effect: EdgeEffect, _ inputs: inout [EdgeInput]
    ) throws(StoreFailure) {
        switch effect {
        case .verify(let bundle, let offer):
            life.tasks.append(.verify(bundle: bundle, offer, bytes: try disk.bundle(bundle)))
        case .load(let bundle):
            life.tasks.append(.load(bundle: bundle, bytes: try disk.bundle(bundle)))
        case .listShadowUnits(let bundle, let limit):
            inputs.append(.shadowUnits(bundle: bundle, try disk.newestUnits(limit: limit)))
        case .readShadow(let bundle, let unit, let limit):
            let (snapshots, marks) = try disk.newestReadings(of: unit, limit: limit)
            inputs.append(.shadowRead(bundle: bundle, snapshots, marks: marks))
        case .shadow(let slice): life.tasks.append(.shadow(slice))
        default: preconditionFailure("not an effect of a trial")
        }
    }

    /// Effects on the control connection; without one they are void.
    private mutating func perform(onControl effect: EdgeEffect) {
        guard broker.isControlUp else { return }
        switch effect {
        case .subscribe(let names):
            if names.contains(life.identity.topics.selectedModel) { broker.subscribeOffer() }
        case .subscribeBlocks(let bundle, let indices): broker.subscribeBlocks(bundle, indices)
        case .unsubscribeBlocks(let bundle, let indices):
            broker.unsubscribeBlocks(bundle, indices)
        case .publishPrediction(let entry, let isBackfill):
            guard !broker.isControlHalfOpen else { return coverage.count(.halfOpenControl) }
            if isBackfill { coverage.count(.backfill) }
            checker.publishedPrediction(
                sabotage == .publishesOther ? Self.spoiled(entry) : entry)
            broker.takePrediction(entry.sequence)
            if sabotage == .overfillsWindow { broker.takePrediction(entry.sequence) }
            checker.bounded(
                "predictions without acknowledgement", broker.unconfirmed.count, max: 256)
        case .publishHealth(let message):
            checker.health(message, residentMax: plan.residentUnitsMax)
        case .publishRetained: break
        default: preconditionFailure("not an effect on the control connection")
        }
    }

    private static func spoiled(_ entry: ReadingEntry) -> ReadingEntry {
        guard let scoring = entry.scoring else { return entry }
        return ReadingEntry(
            sequence: entry.sequence, key: entry.key, snapshot: entry.snapshot,
            payloadHash: entry.payloadHash, outcome: entry.outcome, receivedAt: entry.receivedAt,
            unprotected: entry.unprotected,
            scoring: .init(
                prediction: spoiled(scoring.prediction), runID: scoring.runID,
                latencyMicros: scoring.latencyMicros))
    }

    // MARK: Names and counts

    /// What a line for the operator says of where the machine got.
    private mutating func note(_ line: LogLine) {
        let reached: Reached? =
            switch line.message {
            case "model activated": .activated
            case "shadow passed": .shadowPassed
            case "bundle held": .held
            case "bundle refused": .refused
            case "model rolled back": .rolledBack
            case "probation over": .probationOver
            case "block refused": .blockRefused
            case "stored blocks are damaged": .blocksDamaged
            case "model not stored": .modelStalled
            case "offer refused": .offerRefused
            case "offer expired": .offerExpired
            default: nil
            }
        if let reached { coverage.count(reached) }
    }

    private static func name(of effect: EdgeEffect) -> String {
        switch effect {
        case .loadUnit(let unit, _): "load \(unit)"
        case .reloadUnit(let unit, _, let cycle): "reload \(unit) through \(cycle)"
        case .lookUpEvents(let unit, let installation): "events of \(unit) \(installation)"
        case .lookUpReading(let unit, let cycle): "look up \(unit) \(cycle)"
        case .score(let job): "score \(job.ticket)"
        case .commit(let batch): commitLine(batch)
        case .acknowledge: "acknowledge"
        case .dropIngest: "drop ingest"
        case .storeModel(let change): "store \(name(of: change))"
        case .verify(let bundle, _): "verify \(short(bundle))"
        case .listShadowUnits(let bundle, _): "list units to shadow \(short(bundle))"
        case .readShadow(_, let unit, _): "read \(unit) to shadow"
        case .shadow: "shadow"
        case .load(let bundle): "load bundle \(short(bundle))"
        case .subscribeBlocks(let bundle, let indices): "subscribe \(short(bundle)) \(indices)"
        case .unsubscribeBlocks(let bundle, let indices):
            "unsubscribe \(short(bundle)) \(indices)"
        case .readOutbox(let after, let limit): "read outbox after \(after), \(limit)"
        case .storePublished(let sequence): "published through \(sequence)"
        case .publishPrediction(let entry, let isBackfill):
            "publish \(entry.sequence)\(isBackfill ? " as backfill" : "")"
        case .subscribe(let names): "subscribe \(names.count) topics"
        case .publishHealth(let message): "health \(message.accounting)"
        case .publishRetained(_, let payload): String(decoding: payload, as: UTF8.self)
        case .storePulled(let sequence): "pulled through \(sequence)"
        case .sendLogPage(let after, let limit, _, _): "page after \(after), \(limit)"
        case .log(let line):
            "log \(line.message) "
                + line.metadata.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
                .joined(separator: " ")
        }
    }

    private static func commitLine(_ batch: Batch) -> String {
        let readings = batch.readings.map {
            "\($0.sequence):\($0.key.unit)/\($0.key.installation)/\($0.key.cycle) \($0.outcome)"
                + ($0.scoring.map { " \($0.prediction.rul)" } ?? "")
        }
        let events = batch.events.map {
            "\($0.sequence):\($0.unit)/\($0.installation) \($0.kind) at \($0.cycle)"
        }
        let refused = batch.quarantined.map { "\($0.sequence):\($0.reason)" }
        return "commit " + (readings + events + refused).joined(separator: "; ")
    }

    private static func short(_ digest: Digest) -> String { String(digest.description.prefix(8)) }

    private static func name(of change: ModelChange) -> String {
        switch change {
        case .accept(_, let bundle, let counter): "accept \(short(bundle)) \(counter)"
        case .storeBlock(let bundle, let index, _): "block \(short(bundle)) \(index)"
        case .activate(let bundle): "activate \(short(bundle))"
        case .refuse(let bundle, let counter, _): "refuse \(short(bundle)) \(counter)"
        case .hold(let bundle, let counter, _): "hold \(short(bundle)) \(counter)"
        case .rollBack(let bundle, let counter, _): "roll back \(short(bundle)) \(counter)"
        case .discard(let bundle): "discard \(short(bundle))"
        case .setStarts(let bundle, let starts): "starts \(short(bundle)) \(starts)"
        case .endTrial(let bundle): "end trial \(short(bundle))"
        }
    }
}
