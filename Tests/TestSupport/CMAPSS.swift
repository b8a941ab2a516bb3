import Foundation

/// NASA's C-MAPSS files, which are not part of this package.
///
/// A test that needs them says `.enabled(if: CMAPSS.isPresent, "\(CMAPSS.skipMessage)")`.
package enum CMAPSS {
    /// The folder with `train_FD001.txt` or `train_FD001.txt.gz`, if there is one.
    package static let folder: String? = {
        let asked = ProcessInfo.processInfo.environment["NACELLE_CMAPSS"]
        let candidate =
            asked.flatMap { $0.isEmpty ? nil : $0 }
            ?? URL(fileURLWithPath: PackageRoot.path).deletingLastPathComponent()
            .appendingPathComponent("shared/cmapss").path
        let names = ["train_FD001.txt", "train_FD001.txt.gz"]
        return names.contains { FileBytes.exists("\(candidate)/\($0)") } ? candidate : nil
    }()

    /// Whether the files were found.
    package static var isPresent: Bool { folder != nil }

    /// What a skipped test prints.
    package static let skipMessage =
        "NASA's C-MAPSS files are not here. Set NACELLE_CMAPSS to the folder that holds them."

    /// The path of a file such as `train_FD001`, plain or compressed.
    package static func file(_ stem: String) throws -> String {
        guard let folder else { throw TestSupportError(skipMessage) }
        for name in ["\(stem).txt", "\(stem).txt.gz"] where FileBytes.exists("\(folder)/\(name)") {
            return "\(folder)/\(name)"
        }
        throw TestSupportError("Neither \(stem).txt nor \(stem).txt.gz is in \(folder).")
    }
}
