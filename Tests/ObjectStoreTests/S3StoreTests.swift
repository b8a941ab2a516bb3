import Foundation
import ObjectStore
import TestSupport
import Testing

/// Our client against moto's server, with boto3 as the other reader and writer.
@Suite(
    "Object store on an S3 server",
    .enabled(if: OraclePython.isPresent, "\(OraclePython.skipMessage)"))
struct S3StoreTests {
    let server: TestS3Server
    let prefix = UUID().uuidString
    let key: ObjectKey
    /// Two parts and a bit.
    static let large = (0..<11_000_000).map { UInt8(truncatingIfNeeded: $0 &* 2_654_435_761 >> 13) }

    init() throws {
        server = try sharedServer.get()
        key = try ObjectKey("run/object")
    }

    func store(through proxy: TestProxy? = nil) throws -> S3Store {
        S3Store(try configuration(server, prefix: prefix, through: proxy))
    }

    /// Unfinished uploads below the prefix, as boto3 lists them.
    func uploadCount() throws -> Int? {
        Int(
            try server.boto(
                """
                found = s3.list_multipart_uploads(Bucket=bucket, Prefix=arguments[0])
                print(len(found.get("Uploads", [])))
                """, [prefix]
            ).trimmingCharacters(in: .whitespacesAndNewlines))
    }

    @Test("boto3 reads what is put, whole or in parts, with its digest beside it")
    func othersRead() throws {
        let store = try store()
        for bytes in [[], [7], Self.large] as [[UInt8]] {
            try store.put(bytes, bucket: .models, key: key, replace: true)
            let seen = try server.boto(
                """
                import hashlib
                found = s3.get_object(Bucket=bucket, Key=f"{arguments[0]}/models/run/object")
                body = found["Body"].read()
                digest = hashlib.sha256(body).hexdigest()
                print(len(body), digest == found["Metadata"]["sha256"], found["ETag"].count("-"))
                """, [prefix])
            let isInParts = bytes.count > 5 << 20
            #expect(seen == "\(bytes.count) True \(isInParts ? 1 : 0)\n")
            #expect(try store.get(bucket: .models, key: key) == bytes)
            #expect(try store.size(bucket: .models, key: key) == bytes.count)
            let again = try store.put(bytes, bucket: .models, key: key)
            #expect(again == .unchanged)
        }
        #expect(try uploadCount() == 0)
    }

    @Test("What boto3 puts is read, names that are no keys are told, and pages make one list")
    func othersWrite() throws {
        _ = try server.boto(
            """
            for name in ["a/1", "a/2", "a/3 (old).txt", "b", "a/&<>'4", "c/d/e", "f", "folder/"]:
                s3.put_object(Bucket=bucket, Key=f"{arguments[0]}/inference-logs/{name}", Body=b"x")
            """, [prefix])
        var configuration = try configuration(server, prefix: prefix)
        configuration.limits.pageSize = 2
        let store = S3Store(configuration)
        var strays: [String] = []
        let keys = try store.list(bucket: .inferenceLogs) { strays.append($0) }
        #expect(keys.map(\.description) == ["a/1", "a/2", "b", "c/d/e", "f"])
        let root = "s3://nacelle/\(prefix)/inference-logs/"
        #expect(strays.sorted() == ["a/&<>'4", "a/3 (old).txt", "folder/"].map { root + $0 })
        #expect(try store.get(bucket: .inferenceLogs, key: ObjectKey("b")) == Array("x".utf8))
    }

    @Test("An object whose bytes changed on the server is damaged, and putting it again mends it")
    func damaged() throws {
        let store = try store()
        try store.put([1, 2, 3], bucket: .models, key: key)
        _ = try server.boto(
            """
            name = f"{arguments[0]}/models/run/object"
            metadata = s3.head_object(Bucket=bucket, Key=name)["Metadata"]
            s3.put_object(Bucket=bucket, Key=name, Body=bytes([1, 2, 4]), Metadata=metadata)
            """, [prefix])
        let error = #expect(throws: ObjectStoreError.self) {
            try store.get(bucket: .models, key: key)
        }
        guard case .damaged(.models, "run/object", _, _) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(try store.put([1, 2, 3], bucket: .models, key: key, replace: true) == .stored)
        #expect(try store.get(bucket: .models, key: key) == [1, 2, 3])
    }

    @Test("A wrong key, a bucket that is not there and a port where nobody listens are named")
    func refusals() throws {
        let wrong = String(repeating: "w", count: 40)
        let refused = #expect(throws: ObjectStoreError.self) {
            try S3Store(configuration(server, secretKey: wrong)).prepare()
        }
        guard case .refused(_, let reason) = refused else {
            Issue.record("\(String(describing: refused))")
            return
        }
        #expect(reason.hasPrefix("SignatureDoesNotMatch: "))
        let nowhere = try configuration(server, bucket: "elsewhere")
        #expect(
            throws: ObjectStoreError.noBucket(
                bucket: "elsewhere", store: "\(nowhere) at \(server.endpoint())")
        ) { try S3Store(nowhere).prepare() }
        let closed = try S3Configuration(
            location: "s3://nacelle", endpoint: "http://127.0.0.1:\(FreePort.find())",
            region: "us-east-1", accessKey: "a", secretKey: "b", authorities: nil)
        let unreachable = #expect(throws: ObjectStoreError.self) {
            try S3Store(closed).prepare()
        }
        #expect("\(unreachable.map { "\($0)" } ?? "")".contains("cannot be reached: "))
        #expect("\(unreachable.map { "\($0)" } ?? "")".contains("Check S3_ENDPOINT"))
    }

    @Test("Neither key stands in what is printed of a configuration or an error")
    func secrets() throws {
        let configuration = try configuration(server, secretKey: "a-secret-of-forty-digits")
        var texts = ["\(configuration)", String(reflecting: configuration)]
        var dumped = ""
        dump(configuration, to: &dumped)
        texts.append(dumped)
        do { try S3Store(configuration).prepare() } catch { texts.append("\(error)") }
        #expect(texts.count == 4, "the key is refused")
        for text in texts {
            #expect(!text.contains("a-secret-of-forty-digits"))
            #expect(!text.contains(server.accessKey))
        }
    }

    @Test(
        "Failures of a moment are tried again, and the object is there once",
        arguments: ["503,503", "500,429", "408", "drop", "drop,503"])
    func retries(answers: String) throws {
        // The first connection is the look whether there is such an object.
        let proxy = try TestProxy(server, ["--answers", answers])
        #expect(try store(through: proxy).put([1], bucket: .models, key: key) == .stored)
        #expect(try store().get(bucket: .models, key: key) == [1])
    }

    @Test("A success whose answer is lost is recognized, in one request and in parts")
    func lostAnswer() throws {
        for (index, bytes) in [[5], Self.large].enumerated() {
            let key = try ObjectKey("lost/\(index)")
            // A connection each: connections are kept, so the first drop ends the first of them.
            let proxy = try TestProxy(server, ["--answers", "drop,drop"])
            #expect(try store(through: proxy).put(bytes, bucket: .models, key: key) == .stored)
            #expect(try store().get(bucket: .models, key: key) == bytes)
        }
        #expect(try store().list(bucket: .models).count == 2)
    }

    @Test("A refusal is not tried again")
    func noRetry() throws {
        let proxy = try TestProxy(server, ["--answers", "403"])
        let error = #expect(throws: ObjectStoreError.self) {
            try store(through: proxy).put([1], bucket: .models, key: key)
        }
        guard case .refused = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(try store().list(bucket: .models).isEmpty)
    }

    @Test(
        "An outage in the middle of parts leaves no object, and afterwards no parts",
        arguments: ["http", "https"])
    func outage(scheme: String) throws {
        let folder = try TemporaryFolder("outage")
        let isSecure = scheme == "https"
        let proxy = try TestProxy(
            server, ["--cut-after", "7000000"] + (isSecure ? ["--tls", folder.path] : []))
        let plain = try configuration(server, prefix: prefix, through: proxy)
        var configuration = try S3Configuration(
            location: plain.description, endpoint: "\(scheme)://127.0.0.1:\(proxy.port)",
            region: plain.region, accessKey: server.accessKey, secretKey: server.secretKey,
            authorities: isSecure ? folder.path("cert.pem") : nil)
        configuration.limits = plain.limits
        let cut = S3Store(configuration)
        let error = #expect(throws: ObjectStoreError.self) {
            try cut.put(Self.large, bucket: .models, key: key)
        }
        guard case .outage(_, _, 3, _) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(try store().list(bucket: .models).isEmpty)
        #expect(try uploadCount() == 1, "the server could not be told")
        // The same store goes on when the server is back.
        proxy.heal()
        try cut.removePartials()
        #expect(try uploadCount() == 0)
        #expect(try cut.put(Self.large, bucket: .models, key: key) == .stored)
        #expect(try store().get(bucket: .models, key: key) == Self.large)
    }

    @Test("Unfinished parts of another prefix are left alone")
    func otherPrefix() throws {
        let other = try configuration(server, prefix: "\(prefix)-longer")
        _ = try server.boto(
            "s3.create_multipart_upload(Bucket=bucket, Key=f'{arguments[0]}-longer/models/x')",
            [prefix])
        try store().removePartials()
        #expect(try uploadCount() == 1)
        try S3Store(other).removePartials()
        #expect(try uploadCount() == 0)
    }

    @Test("A server that stands still is an outage, and no hang")
    func frozen() throws {
        // A server of its own: it stands still for everybody.
        let server = try TestS3Server()
        let store = S3Store(try configuration(server))
        try store.put([1], bucket: .models, key: key)
        server.freeze(true)
        let begin = ContinuousClock.now
        let error = #expect(throws: ObjectStoreError.self) {
            try store.get(bucket: .models, key: key)
        }
        #expect(ContinuousClock.now - begin < .seconds(30))
        server.freeze(false)
        guard case .outage = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(try store.get(bucket: .models, key: key) == [1])
    }

    @Test("Over TLS a certificate must be trusted; one that is named in S3_CA_FILE is")
    func certificates() throws {
        let folder = try TemporaryFolder("tls")
        let proxy = try TestProxy(server, ["--tls", folder.path])
        func store(_ authorities: String?) throws -> S3Store {
            S3Store(
                try S3Configuration(
                    location: "s3://nacelle/\(prefix)", endpoint: "https://127.0.0.1:\(proxy.port)",
                    region: "us-east-1", accessKey: server.accessKey, secretKey: server.secretKey,
                    authorities: authorities))
        }
        let error = #expect(throws: ObjectStoreError.self) { try store(nil).prepare() }
        guard case .untrusted = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        let trusting = try store(folder.path("cert.pem"))
        try trusting.prepare()
        try trusting.put([9], bucket: .models, key: key)
        #expect(try trusting.get(bucket: .models, key: key) == [9])
    }
}
