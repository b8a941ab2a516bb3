import Glibc

/// A client with blocking calls, for programs that do one thing after another.
///
/// Each call polls the connection until its answer is there or its time is up. Messages that arrive
/// meanwhile wait in memory for `nextMessage`, and are acknowledged as they arrive: what must be
/// durable first needs a protocol of its own, as log pages have. After an error the connection is
/// of no further use.
package final class MosquittoSession {
    /// A message, copied out of the library's memory.
    package struct Message: Equatable, Sendable {
        /// Where it was published.
        package let topic: String
        /// What was published.
        package let payload: [UInt8]
        /// The QoS it was delivered with.
        package let qos: UInt8
        /// Whether the broker had kept it.
        package let isRetained: Bool
        /// Where the sender expects the answer.
        package let responseTopic: String?
        /// What the sender wants to find again in the answer.
        package let correlationData: [UInt8]?
    }

    /// So many messages may wait for `nextMessage`; then nothing more is read.
    package static let inboxCountMax = 65_536

    private let client: MosquittoClient
    private var isConnected = false
    private var failure: MosquittoError?
    private var inbox: [Message] = []
    private var inboxStart = 0
    private var unacknowledged: Set<Int32> = []
    private var refusals: [Int32: MosquittoError] = [:]
    private var grants: [Int32: [UInt8]] = [:]

    /// Connects and waits for the broker's consent.
    package init(
        _ configuration: MosquittoConfiguration, timeoutSeconds: Double
    ) throws(MosquittoError) {
        client = try MosquittoClient(configuration)
        try client.connect()
        let operation = "Connecting to \(configuration.host):\(configuration.port)"
        try wait(operation, timeoutSeconds) { isConnected }
    }

    /// What the broker said about itself.
    package var brokerLimits: BrokerLimits { client.brokerLimits }

    /// Publishes at QoS 1 and waits for the acknowledgement.
    package func publish(
        topic: String, payload: [UInt8], retain: Bool, properties: PublishProperties? = nil,
        timeoutSeconds: Double
    ) throws(MosquittoError) {
        try enqueue(topic: topic, payload: payload, retain: retain, properties: properties)
        try flush(timeoutSeconds: timeoutSeconds)
    }

    /// Queues a publish at QoS 1; ``flush(timeoutSeconds:)`` waits for its acknowledgement.
    package func enqueue(
        topic: String, payload: [UInt8], retain: Bool, properties: PublishProperties? = nil
    ) throws(MosquittoError) {
        let identifier = try client.publish(
            topic: topic, payload: payload, qos: 1, retain: retain, properties: properties)
        unacknowledged.insert(identifier)
    }

    /// Waits until the broker has acknowledged everything queued.
    package func flush(timeoutSeconds: Double) throws(MosquittoError) {
        try wait("Publishing", timeoutSeconds) { unacknowledged.isEmpty }
        let refused = refusals.values.first
        refusals.removeAll()
        if let refused { throw refused }
    }

    /// Subscribes and waits for the broker's consent.
    package func subscribe(
        _ filter: String, qos: UInt8, timeoutSeconds: Double
    ) throws(MosquittoError) {
        let operation = "Subscribing to \(filter)"
        let identifier = try client.subscribe(filter, qos: qos)
        try wait(operation, timeoutSeconds) { grants[identifier] != nil }
        let granted = grants.removeValue(forKey: identifier) ?? []
        if let reason = granted.first(where: { $0 >= 128 }) {
            throw .refused(operation: operation, reason: reason)
        }
    }

    /// The next message, or `nil` when none arrives in time.
    package func nextMessage(timeoutSeconds: Double) throws(MosquittoError) -> Message? {
        guard try arrives(within: timeoutSeconds, { inboxStart < inbox.count }) else { return nil }
        let message = inbox[inboxStart]
        inboxStart += 1
        if inboxStart == inbox.count {
            inbox.removeAll(keepingCapacity: true)
            inboxStart = 0
        }
        return message
    }

    /// Says goodbye, so that the broker publishes no Last Will.
    package func disconnect() {
        guard client.socketDescriptor != nil, (try? client.disconnect()) != nil else { return }
        client.loopWrite { _ in }
        client.closeAbruptly()
    }

    // MARK: Waiting

    private func wait(
        _ operation: String, _ seconds: Double, _ isDone: () -> Bool
    ) throws(MosquittoError) {
        guard try arrives(within: seconds, isDone) else {
            throw .timedOut(operation: operation, seconds: seconds)
        }
    }

    private func arrives(
        within seconds: Double, _ isDone: () -> Bool
    ) throws(MosquittoError) -> Bool {
        let deadline = Self.now() + seconds
        while !isDone() {
            let remaining = deadline - Self.now()
            guard remaining > 0 else { return false }
            try turn(secondsMax: remaining)
        }
        return true
    }

    /// One round of poll, read, write.
    private func turn(secondsMax: Double) throws(MosquittoError) {
        if let failure { throw failure }
        guard let descriptor = client.socketDescriptor else {
            throw .library(operation: "Waiting", code: 4, message: "The connection is closed.")
        }
        let mayRead = inbox.count - inboxStart < Self.inboxCountMax
        let events = (mayRead ? POLLIN : 0) | (client.wantsWrite ? POLLOUT : 0)
        var entry = pollfd(fd: descriptor, events: Int16(events), revents: 0)
        // Keep-alive needs a turn about once a second.
        let millis = Int32((min(secondsMax, 1) * 1_000).rounded(.up))
        poll(&entry, 1, millis)
        if Int32(entry.revents) & POLLOUT != 0 {
            client.loopWrite { receive($0) }
        }
        if Int32(entry.revents) & (POLLIN | POLLERR | POLLHUP) != 0 {
            var before: Int
            repeat {
                before = client.eventCount
                client.loopRead { receive($0) }
            } while client.eventCount != before
        }
        client.loopMisc { receive($0) }
    }

    private func receive(_ event: MosquittoEvent) {
        switch event {
        case .connected: isConnected = true
        case .disconnected(let error):
            failure =
                error
                ?? .library(operation: "Waiting", code: 4, message: "The connection is closed.")
        case .message(let message):
            inbox.append(
                Message(
                    topic: message.topic, payload: Array(message.payload), qos: message.qos,
                    isRetained: message.isRetained, responseTopic: message.responseTopic,
                    correlationData: message.correlationData))
        case .published(let identifier): unacknowledged.remove(identifier)
        case .publishRefused(let identifier, let error):
            unacknowledged.remove(identifier)
            refusals[identifier] = error
        case .subscribed(let identifier, let granted): grants[identifier] = granted
        case .unsubscribed: break
        }
    }

    /// Seconds of a clock that only goes forward.
    private static func now() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }
}
