import Foundation

/// A real S3 server of a test's own, which checks signatures; it ends with its owner.
package final class TestS3Server: Sendable {
    /// The one bucket that it has.
    package static let bucket = "nacelle"

    /// The port of 127.0.0.1 that it listens on.
    package let port: Int
    package let accessKey: String
    package let secretKey: String
    private let process: Subprocess

    /// Starts a server and waits until it serves.
    package init() throws {
        port = try FreePort.find()
        process = try Self.start("s3_server.py", ["\(port)", Self.bucket], until: "}")
        let keys =
            try JSONSerialization.jsonObject(
                with: Data(try process.outputSoFar().utf8)) as? [String: String]
        guard let accessKey = keys?["access_key"], let secretKey = keys?["secret_key"] else {
            throw TestSupportError("The S3 server gave no keys.")
        }
        self.accessKey = accessKey
        self.secretKey = secretKey
    }

    deinit { process.send(SIGKILL) }

    /// Its address, or that of a proxy in front of it.
    package func endpoint(through proxy: TestProxy? = nil) -> String {
        "http://127.0.0.1:\(proxy?.port ?? port)"
    }

    /// Lets it stand still, or go on.
    package func freeze(_ isFrozen: Bool) { process.send(isFrozen ? SIGSTOP : SIGCONT) }

    /// The environment of a program that keeps its objects here, under a prefix.
    package func environment(
        prefix: String, through proxy: TestProxy? = nil
    ) -> [String: String] {
        [
            "OBJECT_STORE": "s3://\(Self.bucket)/\(prefix)",
            "S3_ENDPOINT": endpoint(through: proxy),
            "S3_ACCESS_KEY": accessKey, "S3_SECRET_KEY": secretKey, "S3_STALL_SECONDS": "5",
        ]
    }

    /// Runs Python with boto3's client `s3` of this server, which shares no code with ours.
    package func boto(_ script: String, _ arguments: [String] = []) throws -> String {
        let client = """
            import boto3, json, sys
            s3 = boto3.client("s3", endpoint_url=sys.argv[1], region_name="us-east-1",
                              aws_access_key_id=sys.argv[2], aws_secret_access_key=sys.argv[3])
            bucket, arguments = "\(Self.bucket)", sys.argv[4:]

            """
        return try OraclePython.run(
            client + script, [endpoint(), accessKey, secretKey] + arguments)
    }

    /// Every object below a prefix by its name without that, as boto3 reads them.
    package func objects(below prefix: String) throws -> [String: [UInt8]] {
        let listing = try boto(
            """
            for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket,
                                                                     Prefix=arguments[0] + "/"):
                for entry in page.get("Contents", []):
                    body = s3.get_object(Bucket=bucket, Key=entry["Key"])["Body"].read()
                    print(entry["Key"][len(arguments[0]) + 1:], body.hex())
            """, [prefix])
        var objects: [String: [UInt8]] = [:]
        for line in listing.split(separator: "\n") {
            let words = line.split(separator: " ")
            let digits = words.count > 1 ? Array(words[1].utf8) : []
            objects[String(words[0])] = stride(from: 0, to: digits.count, by: 2).compactMap {
                UInt8(String(decoding: digits[$0..<$0 + 2], as: UTF8.self), radix: 16)
            }
        }
        return objects
    }

    /// Starts a script beside the tests of the object store, until it has written `mark`.
    fileprivate static func start(
        _ script: String, _ arguments: [String], until mark: String
    ) throws -> Subprocess {
        guard let python = OraclePython.path else {
            throw TestSupportError(OraclePython.skipMessage)
        }
        let process = try Subprocess(
            python, [PackageRoot.file("Tests/ObjectStoreTests/Oracles/\(script)")] + arguments)
        let isReady = try Eventually.holds(within: 60) {
            try process.outputSoFar().contains(mark) || !process.isRunning
        }
        guard isReady, process.isRunning else {
            throw TestSupportError("\(script) did not start: \(try process.errorsSoFar())")
        }
        return process
    }
}

/// A proxy in front of an S3 server, which fails as a test wants it; it ends with its owner.
package final class TestProxy: Sendable {
    package let port: Int
    private let process: Subprocess

    /// Starts a proxy; `options` are those of `proxy.py`.
    package init(_ server: TestS3Server, _ options: [String] = []) throws {
        port = try FreePort.find()
        process = try TestS3Server.start(
            "proxy.py", ["\(port)", "\(server.port)"] + options, until: "listening")
    }

    deinit { process.send(SIGKILL) }

    /// Cuts every connection, and all that come later.
    package func cut() { process.send(SIGUSR1) }

    /// Lets everything through from now on.
    package func heal() { process.send(SIGUSR2) }
}
