import ArgumentParser
import BackofficePipeline
import Foundation
import ObjectStore

/// Where the objects of a workspace are.
///
/// What a server needs besides its address is environment only: `ps` shows options.
struct ObjectStoreOptions: ParsableArguments {
    @Option(
        help: .setting(
            "OBJECT_STORE",
            "Where the objects are: 'folder' for the workspace's own, or s3://BUCKET or "
                + "s3://BUCKET/PREFIX. A server's keys are environment only: S3_ENDPOINT, "
                + "S3_REGION, S3_ACCESS_KEY, S3_SECRET_KEY, S3_CA_FILE and S3_STALL_SECONDS.",
            default: "folder"))
    var objectStore: String?

    /// The store, wherever it was named.
    func choice() throws -> ObjectStoreChoice {
        let location = try Setting.optional(objectStore, "OBJECT_STORE") ?? "folder"
        guard location != ObjectStoreChoice.folder.text else { return .folder }
        do throws(ObjectStoreError) {
            var configuration = try S3Configuration(
                location: location, endpoint: Self.key("S3_ENDPOINT") ?? "",
                region: Self.key("S3_REGION") ?? "us-east-1",
                accessKey: Self.key("S3_ACCESS_KEY") ?? "",
                secretKey: Self.key("S3_SECRET_KEY") ?? "", authorities: Self.key("S3_CA_FILE"))
            if let text = Self.key("S3_STALL_SECONDS") {
                guard let seconds = Int(text), (1...3_600).contains(seconds) else {
                    throw .badSetting(
                        key: "S3_STALL_SECONDS", value: text, expected: "1 to 3600 seconds")
                }
                configuration.limits.stallSecondsMax = seconds
            }
            return .s3(configuration)
        } catch {
            throw ValidationError("\(error)")
        }
    }

    private static func key(_ name: String) -> String? {
        ProcessInfo.processInfo.environment[name].flatMap { $0.isEmpty ? nil : $0 }
    }
}
