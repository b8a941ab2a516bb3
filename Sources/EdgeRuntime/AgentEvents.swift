import EdgeCore
import EdgeProtocol
import Logging
import Mosquitto
import Sodium

/// What the two connections report, as the machine's inputs.
extension Agent {
    func ingestEvent(_ event: MosquittoEvent) {
        switch event {
        case .connected(let sessionPresent):
            ingest.accepted(Clock.now())
            logger.info("ingest connected", metadata: ["session_present": "\(sessionPresent)"])
            note(session: sessionPresent)
            for filter in configuration.readingsFilters + configuration.eventsFilters {
                attempt { () throws(MosquittoError) in
                    guard let client = ingest.client else { return }
                    awaitedGrants.insert(try client.subscribe(filter, qos: 1))
                }
            }
        case .disconnected(let error): report(error, connection: "ingest")
        case .message(let message):
            // One call may read several messages; after a failure the machine takes no more.
            guard failure == nil else { return }
            feed(.delivery(DeliveryDecoder.decode(message, topics)))
        case .subscribed(let identifier, let granted):
            // A refused subscription stays awaited: who waits for `online` must not publish yet.
            guard isGranted(granted, connection: "ingest") else { return }
            awaitedGrants.remove(identifier)
            guard awaitedGrants.isEmpty else { return }
            tolerate { () throws(EdgeRuntimeError) in try store.sessionEstablished() }
            feed(.ingestSubscribed)
        case .published, .publishRefused, .unsubscribed: break
        }
    }

    /// Says when the broker forgot a session that it had: what was published meanwhile is missing.
    ///
    /// Which cycles of which units these are comes to light with the units' next readings.
    private func note(session isPresent: Bool) {
        tolerate { () throws(EdgeRuntimeError) in
            let nowMillis = Clock.now().wallMillis
            guard try store.sessionOpened(isPresent: isPresent, nowMillis: nowMillis) else {
                return
            }
            let count = try store.sessions().lost
            logger.error(
                "session lost: the broker forgot it, give it persistence",
                metadata: ["sessions_lost": "\(count)"])
        }
    }

    func controlEvent(_ event: MosquittoEvent) {
        switch event {
        case .connected:
            control.accepted(Clock.now())
            feed(.controlConnected(Clock.now()))
        case .disconnected(let error): report(error, connection: "control")
        case .message(let message): controlMessage(message)
        case .published(let identifier):
            guard let sequence = sequences.removeValue(forKey: identifier) else { return }
            feed(.predictionPublished(sequence: sequence))
        case .publishRefused(let identifier, let error):
            // The log keeps what the broker refused: it goes out again after the next connection.
            guard sequences.removeValue(forKey: identifier) != nil, !isPublishRefused else {
                return
            }
            isPublishRefused = true
            logger.error(
                "prediction refused: grant this agent write access to its topics",
                metadata: ["reason": "\(error)"])
        case .subscribed(_, let granted): _ = isGranted(granted, connection: "control")
        case .unsubscribed: break
        }
    }

    private func controlMessage(_ message: MosquittoMessage) {
        switch topics.route(message.topic) {
        case .selectedModel, .candidateModel:
            let bytes = Array(message.payload)
            let receipt = OfferReceipt(bytes: bytes, isAuthentic: isAuthentic(bytes))
            feed(.offer(receipt, Clock.now()))
        case .status(let agent) where agent == configuration.agent && !message.isRetained:
            guard let other = StatusMessage.storeID(presentIn: Array(message.payload)) else {
                return feed(.statusOverwritten)
            }
            // Who came later stays: it hears the last words of the one before, and ignores them.
            guard other != store.storeID, control.isSettled(Clock.now()) else { return }
            standsBack = true
            logger.error(
                "another agent has this name: standing back for a minute; give it another name",
                metadata: ["agent": "\(agent)", "its store_id": "\(other)"])
        case .block(let bundle, let index):
            let bytes = Array(message.payload)
            feed(
                .block(
                    bundle: bundle, index: index, bytes: bytes,
                    digest: SHA256.digest(of: message.payload), Clock.now()))
        case .logRequest(let agent) where agent == configuration.agent:
            guard let responseTopic = message.responseTopic, message.payload.count <= 1_024,
                let request = try? LogRequest(payload: Array(message.payload))
            else {
                return logger.warning(
                    "log request refused",
                    metadata: ["reason": "it needs a response topic and a JSON request"])
            }
            // Whoever asks more often than it listens loses the request, and asks again.
            guard logRequests.count < Self.logRequestCountMax else { return }
            logRequests.append(
                .logRequest(
                    request, responseTopic: responseTopic,
                    correlation: message.correlationData ?? []))
        default: break
        }
    }

    private func isAuthentic(_ bytes: [UInt8]) -> Bool {
        guard let offer = try? SignedOffer(bytes: bytes) else { return false }
        let (signature, payload) = (offer.signature, offer.payload)
        return keys.contains { $0.verifies(signature: signature, of: payload) }
    }

    private func report(_ error: MosquittoError?, connection: String) {
        // Without an error this side closed it, and has said why.
        guard let error else { return }
        isTakenOver = error.isSessionTakenOver
        logger.warning(
            isTakenOver ? "session taken over by another agent" : "connection lost",
            metadata: [
                "connection": "\(connection)", "reason": "\(error)",
            ])
    }

    /// Whether the broker granted a subscription; says so if it did not.
    private func isGranted(_ granted: [UInt8], connection: String) -> Bool {
        guard granted.contains(where: { $0 >= 128 }) else { return true }
        logger.error(
            "subscription refused: grant this agent read access to its topics",
            metadata: ["connection": "\(connection)", "granted": "\(granted)"])
        return false
    }

    var topics: Topics { configuration.topics }
}
