import EdgeCore
import EdgeProtocol
import Logging
import Mosquitto
import Prognostics
import SQLite
import Zlib

/// How the shell performs what the machine asks for.
extension Agent {
    func take(_ answers: [Workers.Answer]) {
        for answer in answers {
            switch answer {
            case .scored(let ticket, let prediction, let latencyMicros, let runMicros):
                outstanding -= 1
                feed(
                    .scored(
                        ticket: ticket, prediction, latencyMicros: latencyMicros,
                        runMicros: runMicros))
            case .verified(let bundle, let outcome):
                feed(.verified(bundle: bundle, outcome, Clock.now()))
            case .loaded(let bundle, let outcome): feed(.loaded(bundle: bundle, outcome))
            case .shadowed(let outcome): feed(.shadowed(outcome))
            }
        }
    }

    /// Gives the machine an input and performs what it answers, answers to effects included.
    func feed(_ input: EdgeInput) {
        inputs.append(input)
        guard !isPerforming else { return }
        isPerforming = true
        defer { isPerforming = false }
        var next = 0
        while next < inputs.count {
            effects.removeAll(keepingCapacity: true)
            core.receive(inputs[next], effects: &effects)
            next += 1
            for effect in effects {
                guard failure == nil else { break }
                do throws(EdgeRuntimeError) {
                    try perform(effect)
                } catch {
                    failure = error
                }
            }
        }
        inputs.removeAll(keepingCapacity: true)
    }

    private func perform(_ effect: EdgeEffect) throws(EdgeRuntimeError) {
        switch effect {
        case .loadUnit(let unit, let parameters):
            inputs.append(.unitLoaded(try store.history(of: unit, parameters: parameters)))
        case .reloadUnit(let unit, let parameters, let cycle):
            inputs.append(
                .unitLoaded(
                    try store.history(
                        of: unit, parameters: parameters, checkpointThrough: cycle)))
        case .lookUpEvents(let unit, let installation):
            inputs.append(
                .eventsLookedUp(try store.events(of: unit, installation: installation)))
        case .lookUpReading(let unit, let cycle):
            inputs.append(.readingLookedUp(try store.known(unit, cycle: cycle)))
        case .score(let job):
            outstanding += 1
            workers.submit(.score(job))
        case .commit(let batch): commit(batch)
        case .acknowledge: ingest.client?.loopWrite(ingestEvent)
        case .dropIngest: ingest.client?.closeAbruptly()
        case .storeModel(let change):
            do throws(EdgeRuntimeError) {
                try store.models.apply(change)
            } catch {
                guard !error.isDamage else { throw error }
                let shelf = try store.models.shelf()
                inputs.append(
                    .modelNotStored(shelf, reason: error.description, Clock.now()))
            }
        case .verify, .load, .listShadowUnits, .readShadow, .shadow:
            try perform(onTrial: effect)
        case .readOutbox(let after, let limit):
            let (entries, through) = try store.log.scored(after: after, limit: limit)
            inputs.append(.outboxRead(entries, through: through))
        case .storePublished(let sequence):
            tolerate { () throws(EdgeRuntimeError) in
                try store.storePublished(through: sequence)
            }
        case .storePulled(let sequence):
            tolerate { () throws(EdgeRuntimeError) in
                try store.storePulled(through: sequence)
            }
        case .sendLogPage(let after, let limit, let topic, let correlation):
            tolerate { () throws(EdgeRuntimeError) in
                try sendLogPage(after: after, limit: limit, to: topic, correlation: correlation)
            }
        case .subscribe, .subscribeBlocks, .unsubscribeBlocks, .publishPrediction,
            .publishHealth, .publishRetained:
            perform(onControl: effect)
        case .log(let line): log(line)
        }
    }

    /// Effects of a candidate's trial, and of the way back to the fallback.
    private func perform(onTrial effect: EdgeEffect) throws(EdgeRuntimeError) {
        switch effect {
        case .verify(let bundle, let offer):
            let bytes = try store.models.bundle(bundle)
            workers.submit(.verify(BundleCandidate(offer: offer, bytes: bytes)))
        case .load(let bundle):
            workers.submit(.load(bundle: bundle, bytes: try store.models.bundle(bundle)))
        case .listShadowUnits(let bundle, let limit):
            inputs.append(
                .shadowUnits(bundle: bundle, try store.newestUnits(limit: limit)))
        case .readShadow(let bundle, let unit, let limit):
            let (snapshots, marks) = try store.newestReadings(of: unit, limit: limit)
            inputs.append(.shadowRead(bundle: bundle, snapshots, marks: marks))
        case .shadow(let slice): workers.submit(.shadow(slice))
        default: preconditionFailure("not an effect of a trial")
        }
    }

    /// Effects on the control connection; without one they are void, and repeated when it is back.
    private func perform(onControl effect: EdgeEffect) {
        guard let client = control.client else { return }
        attempt { () throws(MosquittoError) in
            switch effect {
            case .subscribe(let names):
                for name in names { try client.subscribe(name, qos: 1) }
            case .subscribeBlocks(let bundle, let indices):
                for index in indices {
                    try client.subscribe(topics.block(index, of: bundle), qos: 1)
                }
            case .unsubscribeBlocks(let bundle, let indices):
                for index in indices { try client.unsubscribe(topics.block(index, of: bundle)) }
            case .publishPrediction(let entry, let isBackfill):
                let identifier = try client.publish(
                    topic: topics.predictions(of: entry.key.unit),
                    payload: entry.predictionPayload(isBackfill: isBackfill), qos: 1, retain: false)
                sequences[identifier] = entry.sequence
            case .publishHealth(var health):
                health.queueDepthMax = workers.takeDepthMax()
                health.storeSize = (try? store.size()) ?? 0
                if let disk = (try? store.diskReport()) ?? nil { health.disk = disk }
                health.sessionsLost = (try? store.sessions().lost) ?? 0
                try client.publish(
                    topic: topics.health(of: configuration.agent), payload: health.encoded(),
                    qos: 1, retain: true)
            case .publishRetained(let topic, let payload):
                try client.publish(topic: topic, payload: payload, qos: 1, retain: true)
            default: preconditionFailure("not an effect on the control connection")
            }
        }
    }

    private func commit(_ batch: Batch) {
        do throws(SQLiteError) {
            try store.commit(batch)
            inputs.append(.committed(Clock.now()))
        } catch {
            // A full disk may have room again; a damaged file must be salvaged first.
            if EdgeRuntimeError.store(error).isDamage { failure = .store(error) }
            inputs.append(.commitFailed(reason: error.description))
        }
    }

    private func sendLogPage(
        after: Int64, limit: Int, to topic: String, correlation: [UInt8]
    ) throws(EdgeRuntimeError) {
        guard let client = control.client else { return }
        let page = try store.log.page(after: after, limit: limit)
        let header = LogPage.Header(
            agent: configuration.agent, storeID: store.storeID, after: after,
            through: page.through, count: page.entries.count, more: page.more)
        let lines = LogPage.lines(header, page.entries)
        let payload: [UInt8]
        do throws(ZlibError) {
            payload = try Gzip.compress(lines, level: 6)
        } catch {
            return logger.error("log page not compressed", metadata: ["reason": "\(error)"])
        }
        attempt { () throws(MosquittoError) in
            try client.publish(
                topic: topic, payload: payload, qos: 1, retain: false,
                properties: PublishProperties(correlationData: correlation))
        }
    }

    /// Runs what ingest can do without: a cursor travels with the next batch as well, and whoever
    /// asked for a page asks again.
    func tolerate(_ body: () throws(EdgeRuntimeError) -> Void) {
        do throws(EdgeRuntimeError) {
            try body()
        } catch {
            if error.isDamage { failure = error }
            logger.error("store call failed", metadata: ["reason": "\(error)"])
        }
    }

    /// Runs a call whose failure the connection's own loss will repair.
    func attempt(_ body: () throws(MosquittoError) -> Void) {
        do throws(MosquittoError) {
            try body()
        } catch {
            logger.warning("broker call failed", metadata: ["reason": "\(error)"])
        }
    }

    private func log(_ line: LogLine) {
        let level: Logger.Level =
            switch line.level {
            case .info: .info
            case .warning: .warning
            case .error: .error
            }
        logger.log(
            level: level, "\(line.message)",
            metadata: Logger.Metadata(
                uniqueKeysWithValues: line.metadata.map { ($0.key, "\($0.value)") }))
    }
}
