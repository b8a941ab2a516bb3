import Foundation
import TestSupport

/// A file of this package, as the tidy tests look at it.
struct SourceFile: Sendable {
    /// The path relative to the package root.
    let path: String
    let text: String
    /// The text with the contents of comments and string literals blanked, line by line the same.
    let code: String

    init(path: String) throws {
        self.path = path
        text = String(decoding: try FileBytes.read(PackageRoot.file(path)), as: UTF8.self)
        code = path.hasSuffix(".swift") ? SwiftText.code(text) : text
    }

    var lines: [Substring] { text.split(separator: "\n", omittingEmptySubsequences: false) }
    var codeLines: [Substring] { code.split(separator: "\n", omittingEmptySubsequences: false) }

    /// The target that the file belongs to: the folder below `Sources` or `Tests`.
    var target: String { String(path.split(separator: "/").dropFirst().first ?? "") }
    var isTest: Bool { path.hasPrefix("Tests/") }
}

/// The files under version control's eye, found by walking the tree.
enum SourceTree {
    static func swiftFiles() throws -> [SourceFile] {
        try (files(in: "Sources") + files(in: "Tests")).filter { $0.hasSuffix(".swift") }
            .map { try SourceFile(path: $0) }
    }

    /// Relative paths of all files below a folder of the package, sorted; none if it is missing.
    static func files(in folder: String) -> [String] {
        let names = FileManager.default.enumerator(atPath: PackageRoot.file(folder)) ?? .init()
        return names.compactMap { $0 as? String }.map { "\(folder)/\($0)" }
            .filter { path in
                var isFolder: ObjCBool = false
                let isThere = FileManager.default.fileExists(
                    atPath: PackageRoot.file(path), isDirectory: &isFolder)
                return isThere && !isFolder.boolValue
            }
            .sorted()
    }

    /// What gets installed besides the binaries, with one of the endings.
    static func deploymentFiles(_ endings: String...) -> [String] {
        (files(in: "edge") + files(in: "backoffice")).filter { path in
            endings.contains { path.hasSuffix($0) }
        }
    }
}

/// Swift source reduced to what the compiler acts on.
enum SwiftText {
    /// Where the scanner is: in code, or in something whose contents do not count.
    private enum Place: Equatable {
        case code
        /// Code inside `\( )` of a literal, with the count of parentheses still open.
        case interpolation(open: Int)
        case string(quotes: Int, hashes: Int)
        case lineComment
        case blockComment
    }

    /// Blanks comments and the contents of string literals; line ends stay.
    static func code(_ text: String) -> String {
        let bytes = Array(text.utf8)
        var output: [UInt8] = []
        output.reserveCapacity(bytes.count)
        var places = [Place.code]
        var index = 0
        while index < bytes.count {
            let step = step(bytes, index, &places)
            for byte in bytes[index..<index + step.count] {
                output.append(step.isCode || byte == UInt8(ascii: "\n") ? byte : 32)
            }
            index += step.count
        }
        return String(decoding: output, as: UTF8.self)
    }

    /// Moves over the bytes that belong together at `index`, and says whether they are code.
    private static func step(
        _ bytes: [UInt8], _ index: Int, _ places: inout [Place]
    ) -> (count: Int, isCode: Bool) {
        func sees(_ text: String, at offset: Int = 0) -> Bool {
            bytes[(index + offset)...].starts(with: text.utf8)
        }
        switch places[places.count - 1] {
        case .lineComment:
            if sees("\n") { places.removeLast() }
            return (1, false)
        case .blockComment:
            guard sees("*/") else { return (1, false) }
            places.removeLast()
            return (2, false)
        case .string(let quotes, let hashes):
            let end = String(repeating: "\"", count: quotes) + String(repeating: "#", count: hashes)
            let escape = "\\" + String(repeating: "#", count: hashes)
            if sees(escape + "(") {
                places.append(.interpolation(open: 1))
                return (escape.utf8.count + 1, false)
            }
            if sees(escape) { return (min(escape.utf8.count + 1, bytes.count - index), false) }
            guard sees(end) else { return (1, false) }
            places.removeLast()
            return (end.utf8.count, false)
        case .code, .interpolation:
            return codeStep(bytes, index, &places, sees)
        }
    }

    private static func codeStep(
        _ bytes: [UInt8], _ index: Int, _ places: inout [Place], _ sees: (String, Int) -> Bool
    ) -> (count: Int, isCode: Bool) {
        let last = places.count - 1
        if sees("//", 0) {
            places.append(.lineComment)
            return (2, false)
        }
        if sees("/*", 0) {
            places.append(.blockComment)
            return (2, false)
        }
        let hashes = bytes[index...].prefix { $0 == UInt8(ascii: "#") }.count
        if index + hashes < bytes.count, sees("\"", hashes) {
            let quotes = sees("\"\"\"", hashes) ? 3 : 1
            places.append(.string(quotes: quotes, hashes: hashes))
            return (hashes + quotes, false)
        }
        if case .interpolation(let open) = places[last] {
            if sees("(", 0) { places[last] = .interpolation(open: open + 1) }
            if sees(")", 0) {
                if open == 1 {
                    places.removeLast()
                } else {
                    places[last] = .interpolation(open: open - 1)
                }
                return (1, open > 1)
            }
        }
        return (1, true)
    }
}
