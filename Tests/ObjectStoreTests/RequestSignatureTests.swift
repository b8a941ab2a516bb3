import ObjectStore
import Testing

/// Against the worked examples of the Amazon S3 API reference, "Authenticating Requests: Using the
/// Authorization Header (AWS Signature Version 4)".
@Suite("Request signatures")
struct RequestSignatureTests {
    struct Example: CustomTestStringConvertible {
        let testDescription: String
        let method: String
        let path: String
        var query: [RequestSignature.Parameter] = []
        var headers: [(name: String, value: String)] = []
        let payload: String
        let signedHeaders: String
        let signature: String
    }

    static let nothing = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

    static let examples = [
        Example(
            testDescription: "GET object", method: "GET", path: "/test.txt",
            headers: [("Range", "bytes=0-9")], payload: nothing,
            signedHeaders: "host;range;x-amz-content-sha256;x-amz-date",
            signature: "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"),
        Example(
            testDescription: "PUT object", method: "PUT", path: "/test%24file.text",
            headers: [
                ("Date", "Fri, 24 May 2013 00:00:00 GMT"),
                ("x-amz-storage-class", "REDUCED_REDUNDANCY"),
            ],
            payload: "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072",
            signedHeaders: "date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class",
            signature: "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"),
        Example(
            testDescription: "GET bucket lifecycle", method: "GET", path: "/",
            query: [("lifecycle", "")], payload: nothing,
            signedHeaders: "host;x-amz-content-sha256;x-amz-date",
            signature: "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"),
        Example(
            testDescription: "list objects", method: "GET", path: "/",
            query: [("prefix", "J"), ("max-keys", "2")], payload: nothing,
            signedHeaders: "host;x-amz-content-sha256;x-amz-date",
            signature: "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"),
    ]

    @Test("Amazon's examples have Amazon's signatures", arguments: examples)
    func example(example: Example) {
        let signature = RequestSignature(
            accessKey: "AKIAIOSFODNN7EXAMPLE",
            secretKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", region: "us-east-1")
        let time = "20130524T000000Z"
        let authorization = signature.authorization(
            method: example.method, path: example.path, query: example.query,
            headers: example.headers + [
                ("Host", "examplebucket.s3.amazonaws.com"),
                ("x-amz-content-sha256", example.payload), ("x-amz-date", time),
            ], payload: example.payload, time: time)
        #expect(
            authorization == "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/"
                + "s3/aws4_request,SignedHeaders=\(example.signedHeaders),"
                + "Signature=\(example.signature)")
    }

    /// "get-vanilla" and "get-vanilla-query-order-value" of the AWS Signature Version 4 test suite.
    @Test("The test suite's first requests have its signatures, for another service and key")
    func testSuite() {
        let signature = RequestSignature(
            accessKey: "AKIDEXAMPLE", secretKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
            region: "us-east-1", service: "service")
        func signed(_ query: [RequestSignature.Parameter]) -> String {
            signature.authorization(
                method: "GET", path: "/", query: query,
                headers: [("Host", "example.amazonaws.com"), ("X-Amz-Date", "20150830T123600Z")],
                payload: Self.nothing, time: "20150830T123600Z")
        }
        #expect(
            signed([]).hasSuffix(
                "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"))
        #expect(
            signed([("Param1", "value2"), ("Param1", "Value1")]).hasSuffix(
                "eedbc4e291e521cf13422ffca22be7d2eb8146eecf653089df300a15b2382bd1"))
    }

    @Test("A query is encoded byte by byte, then sorted")
    func query() {
        let query = [("b", "a b+/=~"), ("a", "ä"), ("a-", ""), ("a", "")]
        #expect(RequestSignature.canonical(query) == "a=&a=%C3%A4&a-=&b=a%20b%2B%2F%3D~")
    }
}

@Suite("What an S3 client reads and waits")
struct S3PartsTests {
    @Test("Elements are found by their whole name, in order, with their entities resolved")
    func elements() {
        let text = XMLText(
            Array(
                """
                <?xml version="1.0"?><R xmlns="u"><KeyMarker>no</KeyMarker><Upload><Key>a&amp;&lt;\
                </Key><UploadId>1</UploadId></Upload><Upload><Key>b&#x41;&#66;&no;&</Key></Upload>\
                <Next/><Key >c</Key></R>
                """.utf8))
        #expect(text.all("Upload").map { $0.first("Key") } == ["a&<", "bAB&no;&"])
        #expect(text.all("Key").map(\.unescaped) == ["a&<", "bAB&no;&", "c"])
        #expect(text.first("Next") == "")
        #expect(text.first("None") == nil)
        #expect(XMLText(Array("<Key>cut off".utf8)).all("Key").isEmpty)
    }

    @Test("Waits stay below a bound that doubles up to the last one")
    func backOff() {
        struct Greatest: RandomNumberGenerator {
            mutating func next() -> UInt64 { .max }
        }
        var greatest = Greatest()
        let waits = (1...8).map { BackOff.millis(after: $0, using: &greatest) }
        #expect(waits == [200, 400, 800, 1_600, 3_200, 5_000, 5_000, 5_000])
        var system = SystemRandomNumberGenerator()
        for attempt in 1...100 {
            #expect(BackOff.millis(after: attempt, using: &system) <= 5_000)
        }
    }

    /// A setting, and the key that is named when it is refused; nil when it is taken.
    struct Setting: CustomTestStringConvertible {
        var location = "s3://bucket/some/prefix"
        var endpoint = "https://host:9000"
        var region = "eu-central-1"
        var accessKey = "AK"
        var secretKey = "s"
        let refused: String?
        var testDescription: String { "\(location) \(endpoint) \(region) \(accessKey)" }
    }

    @Test(
        "A setting that is none is refused by its key",
        arguments: [
            Setting(refused: nil), Setting(location: "s3://bucket", refused: nil),
            Setting(endpoint: "", refused: nil),
            Setting(location: "s3://b", refused: "OBJECT_STORE"),
            Setting(location: "s3://bucket/", refused: nil),
            Setting(location: "s3://bucket/a//b", refused: "OBJECT_STORE"),
            Setting(location: "s3://Bucket/a", refused: "OBJECT_STORE"),
            Setting(location: "s3://../a", refused: "OBJECT_STORE"),
            Setting(location: "bucket", refused: "OBJECT_STORE"),
            Setting(endpoint: "host:9000", refused: "S3_ENDPOINT"),
            Setting(endpoint: "ftp://host", refused: "S3_ENDPOINT"),
            Setting(endpoint: "https://user:pass@host", refused: "S3_ENDPOINT"),
            Setting(endpoint: "https://host/path", refused: "S3_ENDPOINT"),
            Setting(region: "", refused: "S3_REGION"),
            Setting(region: "a/b", refused: "S3_REGION"),
            Setting(accessKey: "", refused: "S3_ACCESS_KEY"),
            Setting(secretKey: "two words", refused: "S3_SECRET_KEY"),
        ])
    func settings(setting: Setting) {
        func make() throws(ObjectStoreError) -> S3Configuration {
            try S3Configuration(
                location: setting.location, endpoint: setting.endpoint, region: setting.region,
                accessKey: setting.accessKey, secretKey: setting.secretKey, authorities: nil)
        }
        var refused: String?
        do throws(ObjectStoreError) { _ = try make() } catch {
            guard case .badSetting(let key, let value, _) = error else {
                Issue.record("\(error)")
                return
            }
            #expect(!value.contains("two words"))
            refused = key
        }
        #expect(refused == setting.refused)
    }
}
