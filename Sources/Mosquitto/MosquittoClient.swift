import CMosquitto
import Glibc

/// One MQTT 5 client of libmosquitto with a loop of our own: the caller polls and decides what is
/// written when.
///
/// It has one owner and stays on one thread, libmosquitto's own loops and threads are not used.
/// Written for libmosquitto 2.0.11 and held to it by tests. The loop is
///
///     poll(socketDescriptor) → loopRead, until it reports no more → commit → loopWrite → loopMisc
///
/// - Acknowledgements (PUBACK) of received messages are only *queued*. `loopWrite` writes
///   everything queued, `publish` and `subscribe` and `loopMisc` only queue. A connection that must
///   not acknowledge early calls nothing but `loopRead` between the first read and its commit.
/// - `closeAbruptly` drops the connection and all that is queued: the broker delivers the messages
///   again and publishes the Last Will.
/// - Publishes at QoS 1 that the broker has not acknowledged stay with the client, and are sent
///   again after `connect`, under the same message identifier.
/// - Events are delivered to the handler given to each loop call, before the call returns. The
///   handler may publish and subscribe; it must not call a loop, `connect` or `closeAbruptly`.
package final class MosquittoClient {
    /// How it connects.
    package let configuration: MosquittoConfiguration
    private let handle: OpaquePointer
    /// The handler of the loop call that runs; `nil` outside of one.
    private var handler: ((MosquittoEvent) -> Void)?
    /// A refused CONNACK, reported as the reason of the disconnection that follows it.
    private var refusal: UInt8?
    /// What the broker said about itself when it accepted the latest connection.
    package private(set) var brokerLimits = BrokerLimits()
    /// Events delivered since the client was created: a loop reads until this stands still.
    package private(set) var eventCount = 0

    /// Creates a client that is not connected.
    package init(_ configuration: MosquittoConfiguration) throws(MosquittoError) {
        _ = Self.library
        let identifier = configuration.clientIdentifier
        guard let handle = mosquitto_new(identifier, configuration.cleanStart, nil) else {
            throw .result(
                MOSQ_ERR_ERRNO.rawCode, operation: "Creating client \(identifier)",
                systemError: errno)
        }
        self.handle = handle
        self.configuration = configuration
        mosquitto_user_data_set(handle, Unmanaged.passUnretained(self).toOpaque())
        try applyOptions()
        setCallbacks()
    }

    deinit { mosquitto_destroy(handle) }

    /// Set up once per process; the first use is thread-safe.
    private static let library: Int32 = mosquitto_lib_init()

    // MARK: Connection

    /// Starts to connect, or to connect again after the connection was lost.
    ///
    /// The name is resolved before this returns; the TCP connection and CONNACK follow in the loop:
    /// poll for `wantsWrite`, then expect `connected` or `disconnected`.
    package func connect() throws(MosquittoError) {
        precondition(handler == nil, "connect inside an event handler")
        refusal = nil
        var properties = PropertyList()
        properties.add(MQTT_PROP_SESSION_EXPIRY_INTERVAL, configuration.sessionExpirySeconds)
        properties.add(MQTT_PROP_MAXIMUM_PACKET_SIZE, configuration.maximumPacketSize)
        properties.add(MQTT_PROP_RECEIVE_MAXIMUM, configuration.receiveMaximum)
        // Only the blocking call takes properties. It stores them before it refuses port -1, and
        // the non-blocking call then sends the stored ones; a test holds the library to that.
        mosquitto_connect_bind_v5(
            handle, configuration.host, -1, configuration.keepAliveSeconds, nil, properties.head)
        let result = mosquitto_connect_bind_async(
            handle, configuration.host, configuration.port, configuration.keepAliveSeconds, nil)
        let systemError = errno
        // A negative code says that the connection is on its way.
        guard result <= 0 else {
            throw .result(result, operation: "Connecting to \(address)", systemError: systemError)
        }
    }

    /// Queues a DISCONNECT; the next `loopWrite` sends it, and what was queued before it.
    ///
    /// - Important: That includes the acknowledgements of messages read so far.
    package func disconnect() throws(MosquittoError) {
        try check(mosquitto_disconnect_v5(handle, 0, nil), "Disconnecting")
    }

    /// Drops the connection without a DISCONNECT and without writing what is queued.
    ///
    /// Messages read and not acknowledged are delivered again in the session's next connection.
    package func closeAbruptly() {
        precondition(handler == nil, "closeAbruptly inside an event handler")
        guard let descriptor = socketDescriptor else { return }
        // From here no byte leaves. The queued DISCONNECT makes the write fail, which is how the
        // library is told to close; its state says that this side asked for it.
        shutdown(descriptor, Int32(SHUT_RDWR))
        mosquitto_disconnect_v5(handle, 0, nil)
        mosquitto_loop_write(handle, 1)
        precondition(socketDescriptor == nil, "libmosquitto kept a shut-down socket")
    }

    /// The socket to poll, `nil` without a connection; it changes with every `connect`.
    package var socketDescriptor: Int32? {
        let descriptor = mosquitto_socket(handle)
        return descriptor >= 0 ? descriptor : nil
    }

    /// Whether something is queued for the next `loopWrite`.
    package var wantsWrite: Bool { mosquitto_want_write(handle) }

    // MARK: Loop

    /// Reads what the socket holds, at least one packet, and reports it.
    ///
    /// - Returns: Whether the connection still stands. How many packets one call handles depends on
    ///   the library's queues: call it until ``eventCount`` stands still.
    @discardableResult
    package func loopRead(_ handler: (MosquittoEvent) -> Void) -> Bool {
        run(handler) { mosquitto_loop_read(handle, 1) }
    }

    /// Writes all that is queued, acknowledgements included, in order.
    ///
    /// - Returns: Whether the connection still stands.
    @discardableResult
    package func loopWrite(_ handler: (MosquittoEvent) -> Void) -> Bool {
        run(handler) { mosquitto_loop_write(handle, 1) }
    }

    /// Queues a PINGREQ when it is due, and gives up a connection that does not answer.
    ///
    /// Call it about once a second. A connection that is not read for longer than the keep-alive
    /// is given up here, because its PINGRESP was not seen.
    /// - Returns: Whether the connection still stands.
    @discardableResult
    package func loopMisc(_ handler: (MosquittoEvent) -> Void) -> Bool {
        run(handler) { mosquitto_loop_misc(handle) }
    }

    private func run(_ handler: (MosquittoEvent) -> Void, _ call: () -> Int32) -> Bool {
        precondition(self.handler == nil, "a loop call inside an event handler")
        guard socketDescriptor != nil else { return false }
        withoutActuallyEscaping(handler) { escaping in
            self.handler = escaping
            // The result repeats what the disconnected event said.
            _ = call()
            self.handler = nil
        }
        return socketDescriptor != nil
    }

    // MARK: Messages

    /// Queues a subscription; the answer is `subscribed` with the same message identifier.
    @discardableResult
    package func subscribe(_ filter: String, qos: UInt8) throws(MosquittoError) -> Int32 {
        var identifier: Int32 = 0
        let result = mosquitto_subscribe_v5(handle, &identifier, filter, Int32(qos), 0, nil)
        try check(result, "Subscribing to \(filter)")
        return identifier
    }

    /// Queues the end of a subscription.
    @discardableResult
    package func unsubscribe(_ filter: String) throws(MosquittoError) -> Int32 {
        var identifier: Int32 = 0
        let result = mosquitto_unsubscribe_v5(handle, &identifier, filter, nil)
        try check(result, "Unsubscribing from \(filter)")
        return identifier
    }

    /// Queues a message, which is copied before this returns; an empty retained one clears its
    /// topic.
    ///
    /// - Returns: The message identifier that `published` or `publishRefused` will carry.
    @discardableResult
    package func publish(
        topic: String, payload: UnsafeRawBufferPointer, qos: UInt8, retain: Bool,
        properties: PublishProperties? = nil
    ) throws(MosquittoError) -> Int32 {
        var identifier: Int32 = 0
        guard let size = Int32(exactly: payload.count) else {
            throw .result(
                MOSQ_ERR_PAYLOAD_SIZE.rawCode, operation: "Publishing to \(topic)", systemError: 0)
        }
        let list = properties.map { PropertyList($0) } ?? PropertyList()
        let result = mosquitto_publish_v5(
            handle, &identifier, topic, size, payload.baseAddress, Int32(qos), retain, list.head)
        // Without a connection the library keeps a QoS 1 message and sends it after `connect`.
        if result == MOSQ_ERR_NO_CONN.rawCode, qos > 0 { return identifier }
        try check(result, "Publishing to \(topic)")
        return identifier
    }

    /// Queues a message, which is copied before this returns; an empty retained one clears its
    /// topic.
    ///
    /// - Returns: The message identifier that `published` or `publishRefused` will carry.
    @discardableResult
    package func publish(
        topic: String, payload: [UInt8], qos: UInt8, retain: Bool,
        properties: PublishProperties? = nil
    ) throws(MosquittoError) -> Int32 {
        let result = payload.withUnsafeBytes { bytes -> Result<Int32, MosquittoError> in
            do throws(MosquittoError) {
                return .success(
                    try publish(
                        topic: topic, payload: bytes, qos: qos, retain: retain,
                        properties: properties))
            } catch {
                return .failure(error)
            }
        }
        return try result.get()
    }

    private var address: String { "\(configuration.host):\(configuration.port)" }

    private func check(_ result: Int32, _ operation: String) throws(MosquittoError) {
        guard result != MOSQ_ERR_SUCCESS.rawCode else { return }
        throw .result(result, operation: operation, systemError: errno)
    }
}

// MARK: - Setting up

extension MosquittoClient {
    private func applyOptions() throws(MosquittoError) {
        let operation = "Configuring the client"
        try check(
            mosquitto_int_option(handle, MOSQ_OPT_PROTOCOL_VERSION, MQTT_PROTOCOL_V5), operation)
        let receiveMaximum = Int32(configuration.receiveMaximum)
        try check(
            mosquitto_int_option(handle, MOSQ_OPT_RECEIVE_MAXIMUM, receiveMaximum), operation)
        // The broker's Receive Maximum from CONNACK replaces this one when it is lower.
        try check(
            mosquitto_int_option(handle, MOSQ_OPT_SEND_MAXIMUM, Int32(UInt16.max)), operation)
        // Small messages must not wait for the other side's delayed acknowledgement (40 ms on
        // Linux), as they do with Nagle's algorithm: RFC 896, RFC 1122 section 4.2.3.4.
        try check(mosquitto_int_option(handle, MOSQ_OPT_TCP_NODELAY, 1), operation)
        // Queues acknowledgements instead of writing them before the message is even reported.
        try check(mosquitto_threaded_set(handle, true), operation)
        if let username = configuration.username {
            try check(
                mosquitto_username_pw_set(handle, username, configuration.password), operation)
        }
        if let will = configuration.lastWill {
            try check(
                mosquitto_will_set_v5(
                    handle, will.topic, Int32(will.payload.count), will.payload, Int32(will.qos),
                    will.retain, nil), operation)
        }
    }
}

// MARK: - Callbacks

extension MosquittoClient {
    private func setCallbacks() {
        mosquitto_connect_v5_callback_set(handle) { _, owner, reason, flags, properties in
            MosquittoClient.of(owner).brokerLimits = BrokerLimits(properties)
            MosquittoClient.of(owner).connected(reason: reason, flags: flags)
        }
        mosquitto_disconnect_v5_callback_set(handle) { _, owner, code, _ in
            MosquittoClient.of(owner).disconnected(code: code)
        }
        mosquitto_message_v5_callback_set(handle) { _, owner, message, properties in
            guard let message else { return }
            MosquittoClient.of(owner).deliver(
                .message(MosquittoMessage(message, properties: properties)))
        }
        mosquitto_publish_v5_callback_set(handle) { _, owner, identifier, reason, _ in
            MosquittoClient.of(owner).published(identifier, reason: reason)
        }
        mosquitto_subscribe_v5_callback_set(handle) { _, owner, identifier, count, granted, _ in
            let codes = UnsafeBufferPointer(start: granted, count: Int(count))
            MosquittoClient.of(owner).deliver(
                .subscribed(
                    messageIdentifier: identifier,
                    granted: codes.map { UInt8(truncatingIfNeeded: $0) }))
        }
        mosquitto_unsubscribe_v5_callback_set(handle) { _, owner, identifier, _ in
            MosquittoClient.of(owner).deliver(.unsubscribed(messageIdentifier: identifier))
        }
    }

    /// The client that a callback's user data stands for; it outlives its handle.
    private static func of(_ owner: UnsafeMutableRawPointer?) -> MosquittoClient {
        guard let owner else { preconditionFailure("a callback without its client") }
        return Unmanaged<MosquittoClient>.fromOpaque(owner).takeUnretainedValue()
    }

    /// Reports an event; outside of a loop call, as in `closeAbruptly`, nobody waits for it.
    private func deliver(_ event: MosquittoEvent) {
        eventCount += 1
        handler?(event)
    }

    private func connected(reason: Int32, flags: Int32) {
        if reason == 0 {
            // Bit 0 of the CONNACK flags (MQTT 5.0 §3.2.2.1.1).
            deliver(.connected(sessionPresent: flags & 1 == 1))
        } else {
            refusal = UInt8(truncatingIfNeeded: reason)
        }
    }

    private func disconnected(code: Int32) {
        let operation = "The connection to \(address)"
        let error: MosquittoError? =
            if let refusal {
                .refused(operation: operation, reason: refusal)
            } else if code == MOSQ_ERR_SUCCESS.rawCode {
                nil
            } else {
                .result(code, operation: operation, systemError: errno)
            }
        refusal = nil
        deliver(.disconnected(error: error))
    }

    private func published(_ identifier: Int32, reason: Int32) {
        if reason < 128 {
            deliver(.published(messageIdentifier: identifier))
        } else {
            let error = MosquittoError.result(reason, operation: "A publish", systemError: 0)
            deliver(.publishRefused(messageIdentifier: identifier, error: error))
        }
    }
}
