import CMosquitto

/// What the broker said about itself when it accepted a connection (MQTT 5.0 §3.2.2.3).
///
/// A property that it leaves out has the value that the standard gives it.
package struct BrokerLimits: Equatable, Sendable {
    /// The largest packet that it accepts, in bytes; `nil` for the protocol's own limit.
    package var maximumPacketSize: UInt32?
    /// Publishes of this client that may be unacknowledged at once.
    package var receiveMaximum: UInt16 = 65_535
    /// The highest QoS that it accepts.
    package var maximumQoS: UInt8 = 2
    /// Whether it keeps retained messages.
    package var retainAvailable = true
    /// How long it keeps the session instead of what was asked for, in seconds.
    package var sessionExpirySeconds: UInt32?

    /// What a broker supports that says nothing.
    package init() {}

    /// Reads the properties of a CONNACK; they are the library's, valid during its callback.
    init(_ properties: OpaquePointer?) {
        var word: UInt32 = 0
        var half: UInt16 = 0
        var byte: UInt8 = 0
        if mosquitto_property_read_int32(
            properties, MQTT_PROP_MAXIMUM_PACKET_SIZE.code, &word, false) != nil
        {
            maximumPacketSize = word
        }
        if mosquitto_property_read_int16(
            properties, MQTT_PROP_RECEIVE_MAXIMUM.code, &half, false) != nil
        {
            receiveMaximum = half
        }
        if mosquitto_property_read_byte(properties, MQTT_PROP_MAXIMUM_QOS.code, &byte, false) != nil
        {
            maximumQoS = byte
        }
        if mosquitto_property_read_byte(
            properties, MQTT_PROP_RETAIN_AVAILABLE.code, &byte, false) != nil
        {
            retainAvailable = byte != 0
        }
        if mosquitto_property_read_int32(
            properties, MQTT_PROP_SESSION_EXPIRY_INTERVAL.code, &word, false) != nil
        {
            sessionExpirySeconds = word
        }
    }
}
