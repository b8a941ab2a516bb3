import BackofficePipeline
import Datasets
import Foundation
import TestSupport
import Testing

/// The built program in a folder of its own, with a small fleet to train two types on.
struct OfficeProgram {
    let folder: TemporaryFolder
    private let program: String

    /// Simulates the fleet of ``SmallNight``.
    init(_ label: String) throws {
        folder = try TemporaryFolder(label)
        program = try BuiltProduct.path("backoffice")
        let fleet = try #require(SmallNight.configuration)
        try FleetSimulator(fleet).write(to: folder.path("data"))
    }

    /// Starts a command on a workspace of the folder.
    func start(
        _ arguments: [String], workspace: String = "W", store: [String: String] = [:]
    ) throws -> Subprocess {
        let fleet = [
            "EXPECTED_MODEL_TYPES": "xgboost,trend", "ENSEMBLE": "xgboost=0.6,trend=0.4",
            "DATA": folder.path("data"), "SUBSET": "SIM", "BROKER_HOST": "127.0.0.1", "FLEET": "f",
        ]
        return try Subprocess(
            program, arguments + ["--workspace", workspace],
            environment: fleet.merging(store) { _, own in own }, directory: folder.path)
    }

    @discardableResult
    func run(
        _ arguments: [String], workspace: String = "W", store: [String: String] = [:]
    ) throws -> Finished {
        try start(arguments, workspace: workspace, store: store).wait(seconds: 300)
    }

    /// Every object of a workspace that keeps them in its folder, by bucket and key.
    func objects(_ workspace: String) throws -> [String: [UInt8]] {
        var objects: [String: [UInt8]] = [:]
        let root = "\(workspace)/objects"
        let paths = FileManager.default.enumerator(atPath: folder.path(root))
        while let path = paths?.nextObject() as? String {
            let attributes = try FileManager.default.attributesOfItem(
                atPath: folder.path("\(root)/\(path)"))
            guard attributes[.type] as? FileAttributeType == .typeRegular else { continue }
            objects[path] = try folder.read("\(root)/\(path)")
        }
        return objects
    }
}

/// Objects without the versions in reports: they follow the order in which workers finish.
func unversioned(_ objects: [String: [UInt8]]) -> [String: [UInt8]] {
    var result = objects
    for (name, bytes) in objects
    where name.hasSuffix("evaluation.json") || name.hasSuffix("current.json") {
        let text = String(decoding: bytes, as: UTF8.self)
        result[name] = Array(text.replacing(#/"version":\d+/#, with: "").utf8)
    }
    return result
}
