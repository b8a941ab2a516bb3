import Foundation

/// A folder of its own for one test; it goes when its owner does.
///
/// Keep the owner in a property or a local variable: its deinitializer removes the folder.
package final class TemporaryFolder: Sendable {
    /// The absolute path, without a slash at the end.
    package let path: String

    /// Creates an empty folder with a unique name that contains `label`.
    package init(_ label: String = "test") throws {
        let name = "nacelle-\(label)-\(UUID().uuidString.prefix(13))"
        let parent = FileManager.default.temporaryDirectory.path
        path = (parent.hasSuffix("/") ? String(parent.dropLast()) : parent) + "/" + name
        try FileManager.default.createDirectory(
            atPath: path, withIntermediateDirectories: true)
    }

    deinit {
        // A folder that cannot be removed is the operating system's to clean up.
        try? FileManager.default.removeItem(atPath: path)
    }

    /// The path of a file or folder in here, which need not exist.
    package func path(_ name: String) -> String { path + "/" + name }

    /// Writes a file and returns its path; missing folders are created.
    @discardableResult
    package func write(_ bytes: [UInt8], to name: String) throws -> String {
        let file = path(name)
        let parent = URL(fileURLWithPath: file).deletingLastPathComponent()
        try FileManager.default.createDirectory(at: parent, withIntermediateDirectories: true)
        try Data(bytes).write(to: URL(fileURLWithPath: file))
        return file
    }

    /// Writes a text file in UTF-8 and returns its path.
    @discardableResult
    package func write(_ text: String, to name: String) throws -> String {
        try write(Array(text.utf8), to: name)
    }

    /// The bytes of a file in here.
    package func read(_ name: String) throws -> [UInt8] { try FileBytes.read(path(name)) }

    /// Bytes of a file in here.
    package func size(_ name: String) throws -> Int {
        let attributes = try FileManager.default.attributesOfItem(atPath: path(name))
        return (attributes[.size] as? NSNumber)?.intValue ?? 0
    }

    /// Removes a file in here.
    package func remove(_ name: String) throws {
        try FileManager.default.removeItem(atPath: path(name))
    }

    /// The names of what lies in here, or in a folder in here, sorted.
    package func names(_ folder: String? = nil) throws -> [String] {
        let place = folder.map { path($0) } ?? path
        return try FileManager.default.contentsOfDirectory(atPath: place).sorted()
    }
}

/// Whole files as bytes.
package enum FileBytes {
    /// The bytes of the file at an absolute path.
    package static func read(_ path: String) throws -> [UInt8] {
        Array(try Data(contentsOf: URL(fileURLWithPath: path)))
    }

    /// Whether anything lies at the path.
    package static func exists(_ path: String) -> Bool {
        FileManager.default.fileExists(atPath: path)
    }

    /// The names of what lies in the folder at an absolute path, sorted; none if it is missing.
    package static func names(in folder: String) -> [String] {
        ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).sorted()
    }
}
