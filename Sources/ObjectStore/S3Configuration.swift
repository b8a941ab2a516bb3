/// Where a bucket of an S3 server is, and who asks for it; printed, it shows none of its keys.
package struct S3Configuration: Sendable, CustomStringConvertible, CustomReflectable {
    /// Sizes and counts that tests make smaller.
    package struct Limits: Sendable {
        /// The largest object that is sent whole, and the size of the parts of a larger one.
        ///
        /// 5 MiB is the least that S3 takes for a part, 10,000 are the most parts of an object.
        package var partSize = 8 << 20
        /// Names of one page of a listing; servers give no more than 1,000.
        package var pageSize = 1_000
        /// How often a request is made before its failure counts.
        package var attemptsMax = 5
        /// Seconds without a single byte after which an exchange counts as broken.
        package var stallSecondsMax = 30

        package init() {}
    }

    /// `s3://{bucket}` or `s3://{bucket}/{prefix}`.
    package let description: String
    package let bucket: String
    /// What every key begins with: empty, or levels that end in a slash.
    package let prefix: String
    /// Scheme and authority, without a slash at the end.
    package let endpoint: String
    package let region: String
    package let accessKey: String
    let secretKey: String
    /// A file of certificates to trust instead of the system's.
    package let authorities: String?
    package var limits = Limits()

    /// Reads what an operator wrote; an empty endpoint is Amazon's of the region.
    package init(
        location: String, endpoint: String, region: String, accessKey: String, secretKey: String,
        authorities: String?
    ) throws(ObjectStoreError) {
        let scheme = "s3://"
        let levels = location.dropFirst(scheme.count).split(
            separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        let rest = levels.count > 1 ? String(levels[1]) : ""
        let isPrefix = rest.isEmpty || (try? ObjectKey(rest)) != nil
        guard location.hasPrefix(scheme), Self.isBucket(levels[0]), isPrefix else {
            throw .badSetting(
                key: "OBJECT_STORE", value: location,
                expected: "'folder', or s3://BUCKET or s3://BUCKET/PREFIX")
        }
        let isRegion = region.utf8.allSatisfy {
            Self.isLetterOrDigit($0) || $0 == UInt8(ascii: "-")
        }
        guard isRegion, !region.isEmpty else {
            throw .badSetting(
                key: "S3_REGION", value: region, expected: "a name like eu-central-1")
        }
        let address = endpoint.isEmpty ? "https://s3.\(region).amazonaws.com" : endpoint
        guard let authority = Self.authority(of: address) else {
            throw .badSetting(
                // A user in it may come with a password.
                key: "S3_ENDPOINT", value: address.contains("@") ? "***" : address,
                expected: "https://HOST or https://HOST:PORT, without user, path or query")
        }
        for (key, value) in [("S3_ACCESS_KEY", accessKey), ("S3_SECRET_KEY", secretKey)] {
            let isPrintable = value.utf8.allSatisfy { (0x21...0x7E).contains($0) }
            guard isPrintable, !value.isEmpty else {
                throw .badSetting(
                    key: key, value: value.isEmpty ? "" : "***",
                    expected: "the key that the server's operator gave, without spaces")
            }
        }
        let isBare = rest.isEmpty
        bucket = String(levels[0])
        prefix = isBare ? "" : "\(rest)/"
        description = "\(scheme)\(bucket)" + (isBare ? "" : "/\(rest)")
        host = authority
        self.endpoint = address
        self.region = region
        self.accessKey = accessKey
        self.secretKey = secretKey
        self.authorities = authorities
    }

    /// Host and port, as in the header `Host`.
    let host: String

    package var customMirror: Mirror { Mirror(self, children: ["location": description]) }

    /// Text without the keys, should a server repeat them.
    func redacted(_ text: String) -> String {
        text.replacing(secretKey, with: "***").replacing(accessKey, with: "***")
    }

    /// Host and port of an address that has nothing else.
    private static func authority(of address: String) -> String? {
        for scheme in ["https://", "http://"] where address.hasPrefix(scheme) {
            let authority = address.dropFirst(scheme.count)
            let isAuthority = authority.utf8.allSatisfy {
                isLetterOrDigit($0) || ".-:[]".utf8.contains($0)
            }
            return isAuthority && !authority.isEmpty ? String(authority) : nil
        }
        return nil
    }

    /// A name as Amazon's rules for buckets want it, so that it is also a level of a path.
    private static func isBucket(_ name: Substring) -> Bool {
        (3...63).contains(name.utf8.count)
            && name.utf8.allSatisfy {
                (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0)
                    || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0)
                    || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: ".")
            } && name.first != "." && name.first != "-" && !name.contains("..")
    }

    private static func isLetterOrDigit(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
            || (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte)
            || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
    }
}
