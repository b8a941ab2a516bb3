import CMosquitto
import Glibc

/// What a call of the client's loop reports, in the order of the wire.
package enum MosquittoEvent {
    /// The broker accepted the connection; `sessionPresent` when it kept this client's session.
    case connected(sessionPresent: Bool)
    /// The connection is gone; `error` is `nil` when this side closed it.
    ///
    /// A refused connection arrives here too, with the broker's reason.
    case disconnected(error: MosquittoError?)
    /// A message arrived. With QoS 1 its acknowledgement is queued already, and leaves at the next
    /// `loopWrite`.
    case message(MosquittoMessage)
    /// The broker answered a publish with a reason code below 128 (QoS 1), or it was written (QoS
    /// 0).
    case published(messageIdentifier: Int32)
    /// The broker refused a publish.
    case publishRefused(messageIdentifier: Int32, error: MosquittoError)
    /// The broker answered a subscription: a QoS of 0 to 2 or a reason of 128 and more per filter.
    case subscribed(messageIdentifier: Int32, granted: [UInt8])
    /// The broker answered an unsubscription.
    case unsubscribed(messageIdentifier: Int32)
}

/// A message in the library's memory: valid only while the event handler runs.
package struct MosquittoMessage {
    private let message: UnsafePointer<mosquitto_message>
    private let properties: OpaquePointer?

    init(_ message: UnsafePointer<mosquitto_message>, properties: OpaquePointer?) {
        self.message = message
        self.properties = properties
    }

    /// The payload, without a copy.
    package var payload: UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(
            start: message.pointee.payload, count: Int(message.pointee.payloadlen))
    }

    /// The topic's UTF-8 bytes, without a copy.
    package var topicBytes: UnsafeRawBufferPointer {
        let topic = message.pointee.topic
        return UnsafeRawBufferPointer(start: topic, count: topic.map { strlen($0) } ?? 0)
    }

    /// The topic.
    package var topic: String { String(decoding: topicBytes, as: UTF8.self) }

    /// The QoS it was delivered with: the lower one of publish and subscription.
    package var qos: UInt8 { UInt8(truncatingIfNeeded: message.pointee.qos) }

    /// Whether the broker had kept it and sends it because of a new subscription.
    package var isRetained: Bool { message.pointee.retain }

    /// The packet identifier; 0 with QoS 0.
    package var messageIdentifier: Int32 { message.pointee.mid }

    /// Where the sender expects the answer (MQTT 5.0 §3.3.2.3.5).
    package var responseTopic: String? {
        var text: UnsafeMutablePointer<CChar>?
        let property = MQTT_PROP_RESPONSE_TOPIC.code
        guard mosquitto_property_read_string(properties, property, &text, false) != nil,
            let text
        else { return nil }
        defer { free(text) }
        return String(cString: text)
    }

    /// What the sender wants to find again in the answer (MQTT 5.0 §3.3.2.3.6).
    package var correlationData: [UInt8]? {
        var start: UnsafeMutableRawPointer?
        var size: UInt16 = 0
        let property = MQTT_PROP_CORRELATION_DATA.code
        guard
            mosquitto_property_read_binary(properties, property, &start, &size, false) != nil
        else { return nil }
        defer { free(start) }
        return Array(UnsafeRawBufferPointer(start: start, count: Int(size)))
    }
}
