import Foundation

/// Where this package lies on disk, found from the place of this very file.
package enum PackageRoot {
    /// The folder that holds `Package.swift`.
    package static let path: String = {
        var folder = URL(fileURLWithPath: #filePath)
        for _ in 0..<3 { folder.deleteLastPathComponent() }
        return folder.path
    }()

    /// The path of a file of this package, from its path relative to the root.
    package static func file(_ relative: String) -> String { path + "/" + relative }
}

/// The executables that `swift build -c release` leaves behind, or those of another build.
package enum BuiltProduct {
    /// The path of a built executable, for example `edge-agent`.
    ///
    /// `NACELLE_PROGRAMS` names another folder: that is how a suite runs a program built with a
    /// sanitizer.
    package static func path(_ name: String) throws -> String {
        let folder = ProcessInfo.processInfo.environment["NACELLE_PROGRAMS"]
        let path = (folder ?? PackageRoot.file(".build/release")) + "/\(name)"
        guard FileManager.default.isExecutableFile(atPath: path) else {
            throw TestSupportError(
                "\(path) is not there. Build it: swift build -c release --product \(name).")
        }
        return path
    }
}

/// Why a helper of the tests could not do its work.
package struct TestSupportError: Error, CustomStringConvertible {
    /// What happened and what to do.
    package let description: String

    package init(_ description: String) { self.description = description }
}
