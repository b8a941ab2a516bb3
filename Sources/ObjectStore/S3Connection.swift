import Curl
import Glibc

/// Sends signed requests to an S3 server, again when it or the network fails for a moment.
///
/// Answers that a caller can act on are returned: success, 404, 412 and 501. Everything else is an
/// error whose text has neither of the keys.
struct S3Connection: Sendable {
    /// One request; its path begins below the server's bucket.
    struct Request {
        let method: String
        /// Empty for the bucket itself; of characters that need no encoding.
        let path: String
        var query: [RequestSignature.Parameter] = []
        var headers: [(name: String, value: String)] = []
        var body: [UInt8] = []
        var answerSizeMax = 4 << 20
        /// What an error says was not done.
        let operation: String
        /// Whether an answer of status 200 may hold an error, as that of a completion may.
        var mayFailLate = false
        /// Nil for that of the configuration.
        var attemptsMax: Int?
    }

    let configuration: S3Configuration
    private let client: HTTPClient
    private let signature: RequestSignature

    init(_ configuration: S3Configuration) {
        self.configuration = configuration
        var options = HTTPClient.Options()
        options.stallSecondsMax = configuration.limits.stallSecondsMax
        options.connectSecondsMax = min(10, configuration.limits.stallSecondsMax)
        options.authorities = configuration.authorities
        client = HTTPClient(options)
        signature = RequestSignature(
            accessKey: configuration.accessKey, secretKey: configuration.secretKey,
            region: configuration.region)
    }

    /// Sends a request until it is answered, but no more often than the limit says.
    func send(_ request: Request) throws(ObjectStoreError) -> HTTPAnswer {
        let payload = RequestSignature.hash(request.body)
        let attemptsMax = request.attemptsMax ?? configuration.limits.attemptsMax
        var generator = SystemRandomNumberGenerator()
        var attempt = 1
        while true {
            switch try perform(request, payload: payload, attempt: attempt) {
            case .answered(let answer): return answer
            case .failed(let error):
                guard attempt < attemptsMax else { throw error }
            }
            usleep(UInt32(BackOff.millis(after: attempt, using: &generator)) * 1_000)
            attempt += 1
        }
    }

    /// What came of one attempt.
    private enum Outcome {
        case answered(HTTPAnswer)
        /// Another attempt may help.
        case failed(ObjectStoreError)
    }

    private func perform(
        _ request: Request, payload: String, attempt: Int
    ) throws(ObjectStoreError) -> Outcome {
        let answer: HTTPAnswer
        do throws(HTTPError) {
            answer = try client.send(signed(request, payload: payload))
        } catch {
            return .failed(try failure(error, request, attempt: attempt))
        }
        guard let reason = try reasonToRepeat(answer, request) else { return .answered(answer) }
        return .failed(
            .outage(
                store: name, operation: request.operation, attempts: attempt, reason: reason))
    }

    /// The store as messages name it.
    private var name: String { "\(configuration) at \(configuration.endpoint)" }

    /// Signed anew for each attempt: a signature is good for a quarter of an hour.
    private func signed(_ request: Request, payload: String) -> HTTPRequest {
        let time = Self.now()
        let path = "/\(configuration.bucket)" + (request.path.isEmpty ? "" : "/\(request.path)")
        var headers = request.headers
        headers += [
            ("Host", configuration.host), ("x-amz-content-sha256", payload), ("x-amz-date", time),
        ]
        let authorization = signature.authorization(
            method: request.method, path: path, query: request.query, headers: headers,
            payload: payload, time: time)
        headers.append(("Authorization", authorization))
        if !request.body.isEmpty { headers.append(("Content-Type", "application/octet-stream")) }
        let query = RequestSignature.canonical(request.query)
        return HTTPRequest(
            method: request.method,
            url: configuration.endpoint + path + (query.isEmpty ? "" : "?\(query)"),
            headers: headers, body: request.body, answerSizeMax: request.answerSizeMax)
    }

    /// What S3 answers with 400 to a body that arrived late or not as it was sent.
    private static let transientCodes: Set<String> = [
        "RequestTimeout", "IncompleteBody", "BadDigest", "XAmzContentSHA256Mismatch",
    ]

    /// Why an answer is to be asked for again; nil when it is one.
    private func reasonToRepeat(
        _ answer: HTTPAnswer, _ request: Request
    ) throws(ObjectStoreError) -> String? {
        let error = answer.status >= 300 || request.mayFailLate ? XMLText(answer.body) : nil
        let code = error?.all("Error").first?.first("Code").map { String($0.prefix(100)) }
        let words = configuration.redacted(
            [code, error?.first("Message")].compactMap { $0 }.joined(separator: ": ")
                .prefix(300).description)
        switch answer.status {
        case 200...299:
            return code == nil ? nil : "it answered \(words)"
        case 404 where code == "NoSuchBucket":
            throw .noBucket(bucket: configuration.bucket, store: name)
        case 404, 412, 501: return nil
        case 401, 403:
            throw .refused(store: name, reason: words.isEmpty ? "\(answer.status)" : words)
        case 400 where code.map(Self.transientCodes.contains) ?? false,
            408, 409, 429, 500...599:
            return "it answered \(answer.status) \(words)"
        default:
            throw .unexpected(
                store: name, operation: request.operation, status: answer.status, reason: words)
        }
    }

    /// What a failed exchange means, if another attempt may help.
    private func failure(
        _ error: HTTPError, _ request: Request, attempt: Int
    ) throws(ObjectStoreError) -> ObjectStoreError {
        switch error {
        case .noConnection(let reason):
            .unreachable(store: name, reason: configuration.redacted(reason))
        case .broken(let reason):
            .outage(
                store: name, operation: request.operation, attempts: attempt,
                reason: configuration.redacted(reason))
        case .untrusted(let reason):
            throw .untrusted(store: name, reason: configuration.redacted(reason))
        case .setup(let reason):
            throw .unreachable(store: name, reason: configuration.redacted(reason))
        case .tooLarge(let size):
            throw .unexpected(
                store: name, operation: request.operation, status: 200,
                reason: "an answer of \(size) bytes")
        }
    }

    /// The time of day as `x-amz-date` has it.
    private static func now() -> String {
        var seconds = time(nil)
        var parts = tm()
        gmtime_r(&seconds, &parts)
        var text = [CChar](repeating: 0, count: 20)
        strftime(&text, text.count, "%Y%m%dT%H%M%SZ", &parts)
        return String(
            decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
