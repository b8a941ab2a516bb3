import CCurl

/// A reason why an HTTP exchange has no answer.
package enum HTTPError: Error, Equatable, CustomStringConvertible {
    /// The request is none, or the library could not be set up for it.
    case setup(String)
    /// Nobody answers at the address.
    case noConnection(String)
    /// The server's certificate is not one that is trusted.
    case untrusted(String)
    /// The connection broke, or stood still for too long, before the answer was whole.
    case broken(String)
    /// The answer has more bytes than the caller takes.
    case tooLarge(size: Int)

    package var description: String {
        switch self {
        case .setup(let reason), .noConnection(let reason), .untrusted(let reason),
            .broken(let reason):
            reason
        case .tooLarge(let size): "the answer has \(size) bytes or more"
        }
    }

    /// Sorts what libcurl says by what a caller can do about it.
    init(_ code: CURLcode, reason: String) {
        switch code {
        case CURLE_COULDNT_RESOLVE_PROXY, CURLE_COULDNT_RESOLVE_HOST, CURLE_COULDNT_CONNECT:
            self = .noConnection(reason)
        case CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_ISSUER_ERROR, CURLE_SSL_CACERT_BADFILE,
            CURLE_SSL_CERTPROBLEM, CURLE_SSL_PINNEDPUBKEYNOTMATCH:
            self = .untrusted(reason)
        case CURLE_OPERATION_TIMEDOUT, CURLE_SEND_ERROR, CURLE_RECV_ERROR, CURLE_GOT_NOTHING,
            CURLE_PARTIAL_FILE, CURLE_SSL_CONNECT_ERROR, CURLE_SEND_FAIL_REWIND, CURLE_AGAIN,
            CURLE_WEIRD_SERVER_REPLY:
            self = .broken(reason)
        default: self = .setup(reason)
        }
    }
}
