import CMosquitto
import Glibc

/// A call that libmosquitto refused, or a connection, publish or subscription that a broker
/// refused.
package enum MosquittoError: Error, Equatable {
    /// The library refused a call or lost the connection; `code` is its result code.
    case library(operation: String, code: Int32, message: String)
    /// The broker answered with an MQTT 5 reason code of 128 or more (MQTT 5.0 §2.4).
    case refused(operation: String, reason: UInt8)
    /// Nothing arrived in time.
    case timedOut(operation: String, seconds: Double)

    /// Whether the broker ended the connection because another client took this identifier.
    package var isSessionTakenOver: Bool {
        if case .refused(_, 142) = self { true } else { false }
    }

    /// Whether the broker did not accept the user name, the password or the client.
    package var isNotAuthorized: Bool {
        if case .refused(_, 134...135) = self { true } else { false }
    }
}

extension MosquittoError {
    /// The error of a result that is a library code, or a reason code when it is 128 or more.
    static func result(_ code: Int32, operation: String, systemError: Int32) -> MosquittoError {
        if code >= 128, let reason = UInt8(exactly: code) {
            return .refused(operation: operation, reason: reason)
        }
        let message =
            code == MOSQ_ERR_ERRNO.rawCode
            ? String(cString: strerror(systemError)) : String(cString: mosquitto_strerror(code))
        return .library(operation: operation, code: code, message: message)
    }
}

extension MosquittoError: CustomStringConvertible {
    /// What was seen, then the operator's next step.
    package var description: String {
        switch self {
        case .library(let operation, let code, let message):
            "\(operation) failed: \(Self.sentence(message)) \(Self.advice(code: code))"
        case .refused(let operation, let reason):
            "\(operation) was refused: "
                + Self.sentence(String(cString: mosquitto_reason_string(Int32(reason))))
                + " \(Self.advice(reason: reason))"
        case .timedOut(let operation, let seconds):
            "\(operation) had no answer within \(seconds) seconds. "
                + "Check that the broker runs and that this machine reaches its port."
        }
    }

    private static func sentence(_ text: String) -> String {
        text.hasSuffix(".") ? text : text + "."
    }

    private static func advice(code: Int32) -> String {
        switch code {
        case MOSQ_ERR_EAI.rawCode, MOSQ_ERR_LOOKUP.rawCode: "Check the broker's host name."
        case MOSQ_ERR_ERRNO.rawCode, MOSQ_ERR_CONN_LOST.rawCode, MOSQ_ERR_NO_CONN.rawCode:
            "Check that the broker runs and that its host and port are right."
        case MOSQ_ERR_KEEPALIVE.rawCode: "The network or the broker stalled; connect again."
        case MOSQ_ERR_PAYLOAD_SIZE.rawCode, MOSQ_ERR_OVERSIZE_PACKET.rawCode:
            "Send a smaller message, or raise the broker's max_packet_size."
        case MOSQ_ERR_INVAL.rawCode: "Check topic, port (1 to 65535) and keep-alive (5 to 65535)."
        case MOSQ_ERR_CONN_REFUSED.rawCode: "Check user name, password and client identifier."
        default: "Look at the broker's log for the reason."
        }
    }

    private static func advice(reason: UInt8) -> String {
        switch reason {
        case 133: "Use a client identifier that the broker accepts."
        case 134, 135: "Check the user name, the password and the broker's access list."
        case 136, 137, 139: "Connect again later."
        case 142: "Another client uses the same identifier; stop one of the two."
        case 149: "Send a smaller message, or raise the broker's max_packet_size."
        case 151: "Raise the broker's quota, or send less."
        default: "Look at the broker's log for the reason."
        }
    }
}

extension mosq_err_t {
    /// The code as the library's functions return it.
    var rawCode: Int32 { Int32(truncatingIfNeeded: rawValue) }
}
