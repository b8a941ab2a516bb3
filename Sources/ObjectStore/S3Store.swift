import Curl

/// Buckets of objects on an S3 server: `{bucket}/{prefix}/{our bucket}/{key}`, addressed by path.
///
/// An object appears whole or not at all, because the server shows it when its request, or the
/// completion of its parts, has succeeded. Its SHA-256 goes with it and is checked when it is read.
/// A new object is put under the condition that there is none (`If-None-Match: *`); a server that
/// does not know conditions is asked beforehand, and then it is the lease of a run, or the lock of
/// the workspace, that keeps a second writer away.
package struct S3Store: ObjectStore {
    /// The header that a digest travels in.
    private static let digestHeader = "x-amz-meta-sha256"
    /// The most pages of a listing: a hundred million names.
    private static let pageCountMax = 100_000

    package let configuration: S3Configuration
    private let connection: S3Connection

    /// Names a store; nobody is asked for it yet.
    package init(_ configuration: S3Configuration) {
        self.configuration = configuration
        connection = S3Connection(configuration)
    }

    package func place(bucket: Bucket, key: ObjectKey) -> String {
        "s3://\(configuration.bucket)/\(path(bucket, key.description))"
    }

    /// Asks for one name, so that a wrong address, key or bucket is refused before any work.
    package func prepare() throws(ObjectStoreError) {
        let answer = try connection.send(
            S3Connection.Request(
                method: "GET", path: "",
                query: [
                    ("list-type", "2"), ("max-keys", "1"), ("prefix", configuration.prefix),
                ], operation: "look at the bucket"))
        try expectSuccess(answer, "look at the bucket")
    }

    @discardableResult
    package func put(
        _ bytes: [UInt8], bucket: Bucket, key: ObjectKey, replace: Bool
    ) throws(ObjectStoreError) -> PutOutcome {
        if let size = try size(bucket: bucket, key: key) {
            if size == bytes.count, try holds(bytes, bucket, key) { return .unchanged }
            guard replace else { throw .conflict(bucket: bucket, key: key.description) }
        }
        let upload = S3Upload(
            connection: connection, path: path(bucket, key.description), bytes: bytes,
            metadata: [(Self.digestHeader, RequestSignature.hash(bytes))], isNew: !replace)
        switch try upload.run() {
        case .stored: return .stored
        case .uncertain:
            // Another writer was first, or an earlier attempt of ours whose answer was lost.
            if try holds(bytes, bucket, key) { return .stored }
            guard replace else { throw .conflict(bucket: bucket, key: key.description) }
            throw .outage(
                store: configuration.description, operation: "write \(bucket.rawValue)/\(key)",
                attempts: 1, reason: "the server lost what was sent")
        }
    }

    /// Whether the object under a key is whole and has these bytes.
    private func holds(
        _ bytes: [UInt8], _ bucket: Bucket, _ key: ObjectKey
    ) throws(ObjectStoreError) -> Bool {
        do throws(ObjectStoreError) {
            return try get(bucket: bucket, key: key, sizeMax: bytes.count) == bytes
        } catch .damaged, .missing, .tooLarge {
            return false
        }
    }

    package func get(
        bucket: Bucket, key: ObjectKey, sizeMax: Int
    ) throws(ObjectStoreError) -> [UInt8] {
        guard let size = try size(bucket: bucket, key: key) else {
            throw .missing(bucket: bucket, key: key.description)
        }
        guard size <= sizeMax else {
            throw .tooLarge(bucket: bucket, key: key.description, size: size, limit: sizeMax)
        }
        let operation = "read \(bucket.rawValue)/\(key)"
        let answer = try connection.send(
            S3Connection.Request(
                method: "GET", path: path(bucket, key.description),
                answerSizeMax: max(sizeMax, 1 << 20), operation: operation))
        guard answer.status != 404 else {
            throw .missing(bucket: bucket, key: key.description)
        }
        try expectSuccess(answer, operation)
        // An object that someone else's tool put there has no digest; its users have one of theirs.
        if let expected = answer.headers[Self.digestHeader] {
            let found = RequestSignature.hash(answer.body)
            guard found == expected else {
                throw .damaged(
                    bucket: bucket, key: key.description, expected: String(expected.prefix(64)),
                    found: found)
            }
        }
        return answer.body
    }

    package func size(bucket: Bucket, key: ObjectKey) throws(ObjectStoreError) -> Int? {
        let operation = "look at \(bucket.rawValue)/\(key)"
        let answer = try connection.send(
            S3Connection.Request(
                method: "HEAD", path: path(bucket, key.description), operation: operation))
        guard answer.status != 404 else { return nil }
        try expectSuccess(answer, operation)
        return answer.headers["content-length"].flatMap { Int($0) } ?? 0
    }

    package func remove(bucket: Bucket, key: ObjectKey) throws(ObjectStoreError) {
        let operation = "remove \(bucket.rawValue)/\(key)"
        let answer = try connection.send(
            S3Connection.Request(
                method: "DELETE", path: path(bucket, key.description), operation: operation))
        if answer.status != 404 { try expectSuccess(answer, operation) }
    }

    package func list(
        bucket: Bucket, prefix: ObjectKey?, stray: (String) -> Void
    ) throws(ObjectStoreError) -> [ObjectKey] {
        let root = path(bucket, "")
        let start = root + (prefix.map { "\($0)/" } ?? "")
        var keys: [ObjectKey] = []
        try pages(
            of: [
                ("list-type", "2"), ("max-keys", "\(configuration.limits.pageSize)"),
                ("prefix", start),
            ], operation: "list \(bucket.rawValue)"
        ) { page in
            for name in page.all("Contents").compactMap({ $0.first("Key") })
            where name.hasPrefix(root) {
                if let key = try? ObjectKey(String(name.dropFirst(root.count))) {
                    keys.append(key)
                } else {
                    stray("s3://\(configuration.bucket)/\(name)")
                }
            }
            return page.first("NextContinuationToken").map { [("continuation-token", $0)] }
        }
        return keys.sorted()
    }

    /// Gives up uploads in parts that nobody completed: the server keeps, and bills, their parts.
    package func removePartials() throws(ObjectStoreError) {
        var uploads: [(path: String, id: String)] = []
        try pages(
            of: [("uploads", ""), ("prefix", configuration.prefix)],
            operation: "list unfinished uploads"
        ) { page in
            uploads += page.all("Upload").compactMap { upload in
                guard let key = upload.first("Key"), let id = upload.first("UploadId"),
                    key.hasPrefix(configuration.prefix),
                    (try? ObjectKey(key)) != nil
                else { return nil }
                return (key, id)
            }
            guard page.first("IsTruncated") == "true", let key = page.first("NextKeyMarker"),
                let id = page.first("NextUploadIdMarker")
            else { return nil }
            return [("key-marker", key), ("upload-id-marker", id)]
        }
        for upload in uploads {
            _ = try connection.send(S3Upload.abortion(path: upload.path, id: upload.id))
        }
    }

    /// Asks for page after page; `read` returns what asks for the next one, or nil after the last.
    private func pages(
        of query: [RequestSignature.Parameter], operation: String,
        _ read: (XMLText) -> [RequestSignature.Parameter]?
    ) throws(ObjectStoreError) {
        var next: [RequestSignature.Parameter] = []
        for _ in 0..<Self.pageCountMax {
            let answer = try connection.send(
                S3Connection.Request(
                    method: "GET", path: "", query: query + next, operation: operation))
            try expectSuccess(answer, operation)
            guard let more = read(XMLText(answer.body)) else { return }
            next = more
        }
    }

    /// The object's path below the server's bucket.
    private func path(_ bucket: Bucket, _ key: String) -> String {
        "\(configuration.prefix)\(bucket.rawValue)/\(key)"
    }

    private func expectSuccess(
        _ answer: HTTPAnswer, _ operation: String
    ) throws(ObjectStoreError) {
        guard (200...299).contains(answer.status) else {
            throw .unexpected(
                store: configuration.description, operation: operation, status: answer.status,
                reason: "")
        }
    }
}
