import EdgeCore
import EdgeProtocol
import Mosquitto
import Prognostics
import Sodium

/// Turns a message of the ingest connection into a delivery: decoded and hashed, never trusted.
enum DeliveryDecoder {
    /// Decodes a message in the library's memory; nothing of it is kept by reference.
    static func decode(_ message: MosquittoMessage, _ topics: Topics) -> Delivery {
        let topic = message.topic
        let content: Delivery.Content
        let hash: Digest
        do throws(PayloadError) {
            let payload = message.payload.bindMemory(to: UInt8.self).span
            let route = topics.route(topic)
            if case .unitEvents(let unit) = route {
                content = .event(try EngineEvent(payload: payload, unit: unit))
                hash = SHA256.digest(of: message.payload)
            } else {
                let reading = try ReadingDecoder.decode(payload, from: route)
                content = .reading(reading)
                hash = SHA256.digest(of: reading.snapshot.canonicalBytes)
            }
        } catch {
            content = .refused(
                error,
                payloadPrefix: Array(
                    message.payload.prefix(ProtocolLimits.quarantinePayloadSizeMax)),
                payloadSize: message.payload.count)
            hash = SHA256.digest(of: message.payload)
        }
        return Delivery(
            content: content, payloadHash: hash, topic: topic, unprotected: message.qos == 0,
            receivedAt: Clock.now())
    }
}
