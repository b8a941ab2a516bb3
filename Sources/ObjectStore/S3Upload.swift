import Curl

/// Sends one object to an S3 server: whole when it is small, in parts when it is not.
///
/// Parts are invisible until they are completed, and given up when one of them fails.
struct S3Upload {
    /// What became of it.
    enum Outcome {
        case stored
        /// There is an object already, or the parts are no longer there: perhaps this very one,
        /// whose success was not heard.
        case uncertain
    }

    let connection: S3Connection
    /// The object's path below the server's bucket.
    let path: String
    let bytes: [UInt8]
    let metadata: [(name: String, value: String)]
    /// Whether it must not replace an object.
    let isNew: Bool

    func run() throws(ObjectStoreError) -> Outcome {
        let partSize = connection.configuration.limits.partSize
        return bytes.count <= partSize ? try sendWhole() : try sendParts(of: partSize)
    }

    private var operation: String { "write \(path)" }
    private var condition: [(name: String, value: String)] {
        isNew ? [("If-None-Match", "*")] : []
    }

    private func sendWhole() throws(ObjectStoreError) -> Outcome {
        try conditionally { (condition) throws(ObjectStoreError) in
            try connection.send(
                S3Connection.Request(
                    method: "PUT", path: path, headers: metadata + condition, body: bytes,
                    operation: operation))
        }
    }

    /// Sends what needs the condition, without it to a server that does not know conditions.
    private func conditionally(
        _ send: ([(name: String, value: String)]) throws(ObjectStoreError) -> HTTPAnswer
    ) throws(ObjectStoreError) -> Outcome {
        var answer = try send(condition)
        if answer.status == 501, isNew { answer = try send([]) }
        switch answer.status {
        case 200...299: return .stored
        case 404, 412: return .uncertain
        default: throw unexpected(answer)
        }
    }

    private func sendParts(of size: Int) throws(ObjectStoreError) -> Outcome {
        let begun = try connection.send(
            S3Connection.Request(
                method: "POST", path: path, query: [("uploads", "")], headers: metadata,
                operation: operation))
        guard let id = XMLText(begun.body).first("UploadId") else { throw unexpected(begun) }
        do throws(ObjectStoreError) {
            var list = "<CompleteMultipartUpload>"
            for (index, start) in stride(from: 0, to: bytes.count, by: size).enumerated() {
                let part = Array(bytes[start..<min(start + size, bytes.count)])
                let tag = try send(part, number: index + 1, id: id)
                list += "<Part><PartNumber>\(index + 1)</PartNumber><ETag>\(tag)</ETag></Part>"
            }
            list += "</CompleteMultipartUpload>"
            let outcome = try conditionally { (condition) throws(ObjectStoreError) in
                try connection.send(
                    S3Connection.Request(
                        method: "POST", path: path, query: [("uploadId", id)], headers: condition,
                        body: Array(list.utf8), operation: operation, mayFailLate: true))
            }
            if case .uncertain = outcome {
                _ = try connection.send(Self.abortion(path: path, id: id))
            }
            return outcome
        } catch {
            // If the server does not hear this either, the next night gives the parts up.
            _ = try? connection.send(Self.abortion(path: path, id: id))
            throw error
        }
    }

    /// Sends a part and returns its tag.
    private func send(
        _ part: [UInt8], number: Int, id: String
    ) throws(ObjectStoreError) -> String {
        let answer = try connection.send(
            S3Connection.Request(
                method: "PUT", path: path, query: [("partNumber", "\(number)"), ("uploadId", id)],
                body: part, operation: "\(operation), part \(number)"))
        // Tags are quoted hexadecimal digits; nothing in them needs escaping.
        guard (200...299).contains(answer.status), let tag = answer.headers["etag"] else {
            throw unexpected(answer)
        }
        return tag
    }

    /// What gives an upload up, tried once: it is not worth a wait.
    static func abortion(path: String, id: String) -> S3Connection.Request {
        S3Connection.Request(
            method: "DELETE", path: path, query: [("uploadId", id)],
            operation: "give up the upload of \(path)", attemptsMax: 1)
    }

    private func unexpected(_ answer: HTTPAnswer) -> ObjectStoreError {
        .unexpected(
            store: connection.configuration.description, operation: operation,
            status: answer.status, reason: XMLText(answer.body).first("Code") ?? "")
    }
}
