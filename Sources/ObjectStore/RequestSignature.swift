import Prognostics
import Sodium

/// Signs requests as AWS Signature Version 4 says, with everything in headers.
///
/// Pure: the time is an argument. "Authenticating Requests: Using the Authorization Header" in the
/// Amazon S3 API reference has the steps and the examples that the tests hold this to.
package struct RequestSignature: Sendable {
    /// One of a query's parameters, not yet encoded.
    package typealias Parameter = (name: String, value: String)

    private let accessKey: String
    private let secretKey: String
    private let region: String
    private let service: String

    package init(accessKey: String, secretKey: String, region: String, service: String = "s3") {
        self.accessKey = accessKey
        self.secretKey = secretKey
        self.region = region
        self.service = service
    }

    /// The value of `Authorization` for headers that are all signed, `host` and `x-amz-date` too.
    ///
    /// The path is percent-encoded, with its first slash; no header's name comes twice; `payload`
    /// is SHA-256 of the body in lower-case hexadecimal digits, and `time` is that of `x-amz-date`:
    /// `20130524T000000Z`.
    package func authorization(
        method: String, path: String, query: [Parameter],
        headers: [(name: String, value: String)], payload: String, time: String
    ) -> String {
        let signed = headers.map { (name: $0.name.lowercased(), value: Self.trimmed($0.value)) }
            .sorted { $0.name < $1.name }
        let names = signed.map(\.name).joined(separator: ";")
        let request = [
            method, path, Self.canonical(query),
            signed.map { "\($0.name):\($0.value)\n" }.joined(), names, payload,
        ].joined(separator: "\n")
        let day = String(time.prefix(8))
        let scope = "\(day)/\(region)/\(service)/aws4_request"
        let text = ["AWS4-HMAC-SHA256", time, scope, Self.hash(Array(request.utf8))]
            .joined(separator: "\n")
        var key = Array("AWS4\(secretKey)".utf8)
        for part in [day, region, service, "aws4_request"] {
            key = HMACSHA256.code(of: Array(part.utf8), key: key)
        }
        let signature = HMACSHA256.code(of: Array(text.utf8), key: key)
        return "AWS4-HMAC-SHA256 Credential=\(accessKey)/\(scope),SignedHeaders=\(names),"
            + "Signature=\(Self.hexadecimal(signature))"
    }

    /// A query as it is signed and sent: encoded, then sorted.
    package static func canonical(_ query: [Parameter]) -> String {
        query.map { (encoded($0.name), encoded($0.value)) }
            .sorted { ($0.0, $0.1) < ($1.0, $1.1) }
            .map { "\($0.0)=\($0.1)" }.joined(separator: "&")
    }

    /// SHA-256 in lower-case hexadecimal digits.
    static func hash(_ bytes: [UInt8]) -> String { SHA256.digest(of: bytes).description }

    /// Percent-encodes everything but the unreserved characters of RFC 3986, section 2.3.
    private static func encoded(_ text: String) -> String {
        var encoded = ""
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."),
                UInt8(ascii: "_"), UInt8(ascii: "~"):
                encoded.unicodeScalars.append(Unicode.Scalar(byte))
            default: encoded += "%" + hexadecimal([byte]).uppercased()
            }
        }
        return encoded
    }

    /// Without spaces at its ends; several in a row become one.
    private static func trimmed(_ value: String) -> String {
        value.split(separator: " ").joined(separator: " ")
    }

    private static func hexadecimal(_ bytes: [UInt8]) -> String {
        let digits = Array("0123456789abcdef".utf8)
        return String(
            decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] },
            as: UTF8.self)
    }
}
