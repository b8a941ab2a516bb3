import CCurl
import Glibc
import Synchronization

/// One request of HTTP/1.1; its body is sent whole.
package struct HTTPRequest: Sendable {
    package let method: String
    /// With the scheme, percent-encoded.
    package let url: String
    package let headers: [(name: String, value: String)]
    package let body: [UInt8]
    /// The greatest body of an answer that is taken, in bytes.
    package let answerSizeMax: Int

    package init(
        method: String, url: String, headers: [(name: String, value: String)], body: [UInt8] = [],
        answerSizeMax: Int = 1 << 20
    ) {
        self.method = method
        self.url = url
        self.headers = headers
        self.body = body
        self.answerSizeMax = answerSizeMax
    }
}

/// What a server answered.
package struct HTTPAnswer: Sendable {
    package let status: Int
    /// Values by lower-case name; of headers that come twice, the last.
    package let headers: [String: String]
    package let body: [UInt8]
}

/// An HTTP client of libcurl that does one exchange after another, over one connection if it can.
///
/// It follows no redirections, because they would carry signed headers elsewhere, and speaks
/// http and https only; certificates and names are always checked.
package final class HTTPClient: Sendable {
    /// What a client is given once.
    package struct Options: Equatable, Sendable {
        /// Seconds for a connection to stand.
        package var connectSecondsMax = 10
        /// Seconds without a single byte after which an exchange counts as broken.
        package var stallSecondsMax = 30
        /// Seconds for one exchange in all.
        package var secondsMax = 1_800
        /// A file of certificates to trust instead of the system's.
        package var authorities: String?

        package init() {}
    }

    /// Invariant: used by whoever holds the mutex, which the client never hands out.
    private struct Handle: @unchecked Sendable {
        let curl: OpaquePointer
    }

    private let handle: Mutex<Handle>
    private let options: Options

    /// Creates a client without a connection.
    package init(_ options: Options = Options()) {
        precondition(Self.library == CURLE_OK, "libcurl could not be set up")
        guard let curl = curl_easy_init() else { preconditionFailure("libcurl gave no handle") }
        handle = Mutex(Handle(curl: OpaquePointer(curl)))
        self.options = options
    }

    deinit { handle.withLock { curl_easy_cleanup(UnsafeMutableRawPointer($0.curl)) } }

    /// Set up once per process; the first use is thread-safe.
    private static let library = curl_global_init(Int(CURL_GLOBAL_DEFAULT))

    /// Sends a request and returns the whole answer, whatever its status.
    package func send(_ request: HTTPRequest) throws(HTTPError) -> HTTPAnswer {
        try handle.withLock { (handle) throws(HTTPError) in
            try Exchange(
                curl: UnsafeMutableRawPointer(handle.curl), request: request, options: options
            ).perform()
        }
    }
}

/// What libcurl hands over while an exchange runs; its callbacks reach it by address.
private final class Inbox {
    let sizeMax: Int
    var headers: [String: String] = [:]
    var body: [UInt8] = []
    var refusedSize: Int?

    init(sizeMax: Int) { self.sizeMax = sizeMax }

    /// Takes a line such as `ETag: "x"`; a status line begins the headers of another answer.
    func takeHeader(_ line: UnsafeRawBufferPointer) {
        let text = String(decoding: line, as: UTF8.self)
        guard !text.hasPrefix("HTTP/") else {
            headers = [:]
            return
        }
        guard let colon = text.firstIndex(of: ":") else { return }
        let value = text[text.index(after: colon)...].drop(while: \.isWhitespace)
        headers[text[..<colon].lowercased()] = String(
            value.reversed().drop(while: \.isWhitespace).reversed())
    }

    /// Takes a piece of the body; false when that is too much.
    func takeBody(_ bytes: UnsafeRawBufferPointer) -> Bool {
        let announced = headers["content-length"].flatMap { Int($0) } ?? 0
        let size = max(body.count + bytes.count, announced)
        guard size <= sizeMax else {
            refusedSize = size
            return false
        }
        if body.isEmpty { body.reserveCapacity(announced) }
        body.append(contentsOf: bytes)
        return true
    }
}

/// One request and its answer on a handle that nobody else uses meanwhile.
private struct Exchange {
    let curl: UnsafeMutableRawPointer
    let request: HTTPRequest
    let options: HTTPClient.Options

    func perform() throws(HTTPError) -> HTTPAnswer {
        // Options go; connections and resolved names stay.
        curl_easy_reset(curl)
        var list: UnsafeMutablePointer<curl_slist>?
        defer { curl_slist_free_all(list) }
        // No "Expect: 100-continue": servers that ignore it cost a second.
        for (name, value) in request.headers + [("Expect", "")] {
            guard let longer = curl_slist_append(list, "\(name): \(value)") else {
                throw .setup("there is no memory for the headers")
            }
            list = longer
        }
        setOptions(headers: list)
        let inbox = Inbox(sizeMax: request.answerSizeMax)
        receive(into: inbox)
        var reason = [CChar](repeating: 0, count: Int(CURL_ERROR_SIZE))
        let code = withExtendedLifetime(inbox) {
            reason.withUnsafeMutableBytes { reason in
                request.body.withUnsafeBytes { body in
                    set(CURLOPT_ERRORBUFFER, pointer: reason.baseAddress)
                    return Self.withoutPipeSignal { send(body) }
                }
            }
        }
        // The handle outlives what it points to.
        set(CURLOPT_ERRORBUFFER, pointer: nil)
        if let size = inbox.refusedSize { throw .tooLarge(size: size) }
        guard code == CURLE_OK else {
            let words = String(
                decoding: reason.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
            throw HTTPError(
                code, reason: words.isEmpty ? String(cString: curl_easy_strerror(code)) : words)
        }
        var status = 0
        _ = nacelle_curl_get_long(curl, CURLINFO_RESPONSE_CODE, &status)
        return HTTPAnswer(status: status, headers: inbox.headers, body: inbox.body)
    }

    /// Runs a body without the signal that a write to a closed connection sends.
    ///
    /// OpenSSL writes with write(2), and libcurl, told to leave signals alone, does not shield it.
    private static func withoutPipeSignal(_ body: () -> CURLcode) -> CURLcode {
        var pipe = sigset_t()
        var before = sigset_t()
        sigemptyset(&pipe)
        sigaddset(&pipe, SIGPIPE)
        pthread_sigmask(SIG_BLOCK, &pipe, &before)
        let code = body()
        if sigismember(&before, SIGPIPE) == 0 {
            // The signal is this thread's, and would be delivered as soon as it may.
            var now = timespec()
            while sigtimedwait(&pipe, nil, &now) < 0 && errno == EINTR {}
        }
        pthread_sigmask(SIG_SETMASK, &before, nil)
        return code
    }

    private func setOptions(headers: UnsafeMutablePointer<curl_slist>?) {
        set(CURLOPT_URL, text: request.url)
        set(CURLOPT_HTTPHEADER, pointer: headers)
        set(CURLOPT_PROTOCOLS_STR, text: "http,https")
        set(CURLOPT_HTTP_VERSION, Int(CURL_HTTP_VERSION_1_1))
        set(CURLOPT_FOLLOWLOCATION, 0)
        set(CURLOPT_NOSIGNAL, 1)
        set(CURLOPT_SSL_VERIFYPEER, 1)
        set(CURLOPT_SSL_VERIFYHOST, 2)
        if let authorities = options.authorities { set(CURLOPT_CAINFO, text: authorities) }
        set(CURLOPT_CONNECTTIMEOUT, options.connectSecondsMax)
        set(CURLOPT_LOW_SPEED_LIMIT, 1)
        set(CURLOPT_LOW_SPEED_TIME, options.stallSecondsMax)
        set(CURLOPT_TIMEOUT, options.secondsMax)
        set(CURLOPT_USERAGENT, text: "nacelle")
    }

    private func receive(into inbox: Inbox) {
        let address = Unmanaged.passUnretained(inbox).toOpaque()
        set(CURLOPT_HEADERDATA, pointer: address)
        set(CURLOPT_WRITEDATA, pointer: address)
        _ = nacelle_curl_set_callback(curl, CURLOPT_HEADERFUNCTION) { bytes, size, count, inbox in
            guard let inbox else { return 0 }
            Unmanaged<Inbox>.fromOpaque(inbox).takeUnretainedValue().takeHeader(
                UnsafeRawBufferPointer(start: bytes, count: size * count))
            return size * count
        }
        _ = nacelle_curl_set_callback(curl, CURLOPT_WRITEFUNCTION) { bytes, size, count, inbox in
            guard let inbox else { return 0 }
            let isTaken = Unmanaged<Inbox>.fromOpaque(inbox).takeUnretainedValue().takeBody(
                UnsafeRawBufferPointer(start: bytes, count: size * count))
            // Any other number than the size ends the exchange.
            return isTaken ? size * count : 0
        }
    }

    /// Runs the exchange; `body` stays where it is until then.
    private func send(_ body: UnsafeRawBufferPointer) -> CURLcode {
        switch request.method {
        case "HEAD": set(CURLOPT_NOBODY, 1)
        case "GET": set(CURLOPT_HTTPGET, 1)
        default:
            if request.method == "PUT" || request.method == "POST" {
                set(CURLOPT_POST, 1)
                _ = nacelle_curl_set_size(
                    curl, CURLOPT_POSTFIELDSIZE_LARGE, curl_off_t(body.count))
                // Nil would make libcurl ask for the body elsewhere.
                return withUnsafeBytes(of: UInt8(0)) { nothing in
                    set(
                        CURLOPT_POSTFIELDS,
                        pointer: UnsafeMutableRawPointer(
                            mutating: body.baseAddress ?? nothing.baseAddress))
                    set(CURLOPT_CUSTOMREQUEST, text: request.method)
                    return curl_easy_perform(curl)
                }
            }
            set(CURLOPT_CUSTOMREQUEST, text: request.method)
        }
        return curl_easy_perform(curl)
    }

    // Every option must be taken: a request without one of them might not be guarded.

    private func set(_ option: CURLoption, _ value: Int) {
        let code = nacelle_curl_set_long(curl, option, value)
        precondition(code == CURLE_OK, "libcurl refuses option \(option.rawValue)")
    }

    private func set(_ option: CURLoption, text: String) {
        let code = nacelle_curl_set_text(curl, option, text)
        precondition(code == CURLE_OK, "libcurl refuses option \(option.rawValue)")
    }

    private func set(_ option: CURLoption, pointer: UnsafeMutableRawPointer?) {
        let code = nacelle_curl_set_pointer(curl, option, pointer)
        precondition(code == CURLE_OK, "libcurl refuses option \(option.rawValue)")
    }
}
