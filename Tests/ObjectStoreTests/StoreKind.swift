import Foundation
import ObjectStore
import TestSupport
import Testing

/// The server that the suites share, each test under a prefix of its own.
let sharedServer = Result { try TestS3Server() }

/// A store that a test has for itself.
struct OwnStore {
    let store: any ObjectStore
    /// The folder that a store in a folder is in; it goes with this value.
    let folder: TemporaryFolder?
}

/// Both stores, which are held to the same promises.
enum StoreKind: String, CaseIterable, CustomTestStringConvertible {
    case folder
    case s3

    var testDescription: String { self == .folder ? "in a folder" : "on an S3 server" }

    /// Those that can be tested here.
    static var possible: [Self] { OraclePython.isPresent ? allCases : [.folder] }

    func make() throws -> OwnStore {
        switch self {
        case .folder:
            let folder = try TemporaryFolder("objects")
            let store = FolderStore(root: folder.path("deep/store"))
            try store.prepare()
            return OwnStore(store: store, folder: folder)
        case .s3:
            let store = S3Store(try configuration(try sharedServer.get()))
            try store.prepare()
            return OwnStore(store: store, folder: nil)
        }
    }
}

/// A place of its own on a server, with few attempts and little patience.
func configuration(
    _ server: TestS3Server, prefix: String = UUID().uuidString, bucket: String? = nil,
    through proxy: TestProxy? = nil, secretKey: String? = nil
) throws -> S3Configuration {
    var configuration = try S3Configuration(
        location: "s3://\(bucket ?? TestS3Server.bucket)/\(prefix)",
        endpoint: server.endpoint(through: proxy), region: "us-east-1",
        accessKey: server.accessKey, secretKey: secretKey ?? server.secretKey, authorities: nil)
    configuration.limits.attemptsMax = 3
    configuration.limits.stallSecondsMax = 2
    configuration.limits.partSize = 5 << 20
    return configuration
}
