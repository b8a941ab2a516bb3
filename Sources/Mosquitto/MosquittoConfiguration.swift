import CMosquitto

/// How a client connects; none of it is left to the library's defaults.
package struct MosquittoConfiguration: Equatable, Sendable {
    /// A message that the broker publishes when the connection ends without a DISCONNECT.
    package struct LastWill: Equatable, Sendable {
        /// Where it is published.
        package var topic: String
        /// What is published.
        package var payload: [UInt8]
        /// 0 to 2.
        package var qos: UInt8
        /// Whether the broker keeps it.
        package var retain: Bool

        /// Creates a Last Will.
        package init(topic: String, payload: [UInt8], qos: UInt8, retain: Bool) {
            self.topic = topic
            self.payload = payload
            self.qos = qos
            self.retain = retain
        }
    }

    /// The broker's host name or address.
    package var host: String
    /// The broker's port, 1 to 65535.
    package var port: Int32
    /// The client identifier; two clients with the same one push each other out.
    package var clientIdentifier: String
    /// Whether the broker forgets the former session (MQTT 5.0 §3.1.2.4).
    package var cleanStart = true
    /// How long the broker keeps the session after the connection ends, in seconds; `UInt32.max`
    /// is for ever (MQTT 5.0 §3.1.2.11.2).
    package var sessionExpirySeconds: UInt32 = 0
    /// The longest silence before a PINGREQ, in seconds; 0, or 5 to 65535.
    package var keepAliveSeconds: Int32 = 60
    /// How many QoS 1 messages the broker sends before it waits for acknowledgements, 1 to 65535.
    package var receiveMaximum: UInt16 = 20
    /// The largest packet accepted from the broker, in bytes.
    package var maximumPacketSize: UInt32 = 1 << 20
    /// The user name, when the broker asks for one.
    package var username: String?
    /// The password that belongs to `username`.
    package var password: String?
    /// What the broker publishes when this client vanishes.
    package var lastWill: LastWill?

    /// A clean start, no session, keep-alive 60 seconds, no user, no Last Will.
    package init(host: String, port: Int32, clientIdentifier: String) {
        self.host = host
        self.port = port
        self.clientIdentifier = clientIdentifier
    }
}

/// What a publish says besides topic and payload (MQTT 5.0 §3.3.2.3).
package struct PublishProperties: Equatable, Sendable {
    /// Where the answer is expected.
    package var responseTopic: String?
    /// What the answer carries back.
    package var correlationData: [UInt8]?
    /// The broker drops the message when it could not be delivered for so many seconds.
    package var expirySeconds: UInt32?

    /// Creates properties, by default none.
    package init(
        responseTopic: String? = nil, correlationData: [UInt8]? = nil, expirySeconds: UInt32? = nil
    ) {
        self.responseTopic = responseTopic
        self.correlationData = correlationData
        self.expirySeconds = expirySeconds
    }
}

/// An MQTT 5 property list, freed with its owner.
struct PropertyList: ~Copyable {
    private(set) var head: OpaquePointer?

    init() {}

    init(_ properties: PublishProperties) {
        if let topic = properties.responseTopic {
            check(mosquitto_property_add_string(&head, MQTT_PROP_RESPONSE_TOPIC.code, topic))
        }
        if let data = properties.correlationData {
            precondition(data.count <= UInt16.max, "correlation data of \(data.count) bytes")
            check(
                mosquitto_property_add_binary(
                    &head, MQTT_PROP_CORRELATION_DATA.code, data, UInt16(data.count)))
        }
        if let seconds = properties.expirySeconds {
            add(MQTT_PROP_MESSAGE_EXPIRY_INTERVAL, seconds)
        }
    }

    deinit {
        var head = head
        mosquitto_property_free_all(&head)
    }

    mutating func add(_ property: mqtt5_property, _ value: UInt32) {
        check(mosquitto_property_add_int32(&head, property.code, value))
    }

    mutating func add(_ property: mqtt5_property, _ value: UInt16) {
        check(mosquitto_property_add_int16(&head, property.code, value))
    }

    private func check(_ result: Int32) {
        precondition(result == 0, "an MQTT property was refused with code \(result)")
    }
}

extension mqtt5_property {
    var code: Int32 { Int32(rawValue) }
}
