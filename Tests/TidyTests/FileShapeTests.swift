import Foundation
import TestSupport
import Testing

@Suite("File shape")
struct FileShapeTests {
    static let fileLinesMax = 400
    static let testFileLinesMax = 600
    static let functionLinesMax = 60
    static let columnsMax = 100

    @Test("A file has at most 400 lines, a test file 600")
    func fileLength() throws {
        for file in try SourceTree.swiftFiles() {
            let limit = file.isTest ? Self.testFileLinesMax : Self.fileLinesMax
            let count = file.lines.count - 1
            #expect(count <= limit, "\(file.path) has \(count) lines")
        }
    }

    @Test("A line has at most 100 columns")
    func lineLength() throws {
        for file in try SourceTree.swiftFiles() {
            for (index, line) in file.lines.enumerated() where line.count > Self.columnsMax {
                Issue.record("\(file.path):\(index + 1) has \(line.count) columns")
            }
        }
    }

    @Test("A function has at most 60 lines of code")
    func functionLength() throws {
        for file in try SourceTree.swiftFiles() {
            for function in FunctionSpan.all(in: file.code) {
                #expect(
                    function.lineCount <= Self.functionLinesMax,
                    "\(file.path):\(function.line) has \(function.lineCount) lines")
            }
        }
    }

    @Test("Nothing is left for later in comments")
    func notes() throws {
        // Joined here, so that this file does not find itself.
        let words = ["TO" + "DO", "FIX" + "ME", "X" + "XX"]
        for file in try SourceTree.swiftFiles() {
            for (index, line) in file.lines.enumerated() {
                let found = words.first { line.contains($0) }
                #expect(found == nil, "\(file.path):\(index + 1) says \(found ?? "")")
            }
        }
    }

    @Test("Tests see what other modules see")
    func testable() throws {
        for file in try SourceTree.swiftFiles() {
            #expect(!file.code.contains("@testable"), "\(file.path)")
        }
    }

    @Test("What the compiler is told not to check states its invariant directly above")
    func unchecked() throws {
        for file in try SourceTree.swiftFiles() {
            let lines = file.lines
            for (index, code) in file.codeLines.enumerated()
            where code.contains("@unchecked Sendable") || code.contains("nonisolated(unsafe)") {
                let above = lines[..<index].reversed().prefix { line in
                    let text = line.drop(while: \.isWhitespace)
                    return text.hasPrefix("//") || text.hasPrefix("@")
                }
                #expect(
                    above.contains { $0.contains("Invariant:") },
                    "\(file.path):\(index + 1) states no invariant")
            }
        }
    }

    @Test("A placeholder does not outlive the first real file of its module")
    func placeholders() throws {
        let files = try SourceTree.swiftFiles()
        for file in files where file.path.hasSuffix("/Placeholder.swift") {
            let isAlone = files.count { $0.target == file.target } == 1
            #expect(isAlone, "\(file.path)")
        }
    }

    @Test(
        "swift format has nothing to say",
        .enabled(if: Subprocess.find("swift") != nil, "swift is not in PATH."))
    func formatted() throws {
        let lint = try Subprocess.run(
            "swift",
            ["format", "lint", "--strict", "--recursive", "Sources", "Tests", "Package.swift"],
            directory: PackageRoot.path, seconds: 300)
        #expect(lint.status == 0, "\(lint.output)\(lint.errors)")
    }
}

/// The lines of one function, initializer or subscript.
struct FunctionSpan: Equatable {
    /// The line of its declaration, from 1.
    let line: Int
    /// Lines of code from the declaration to the closing brace: neither blank, nor a comment, nor
    /// the inside of a literal, where SQL reads best one clause a line.
    let lineCount: Int

    private static let declaration = ["func ", "init(", "init?(", "init<", "deinit ", "subscript("]

    /// The functions of a file whose comments and strings are blanked.
    static func all(in code: String) -> [FunctionSpan] {
        let lines = code.split(separator: "\n", omittingEmptySubsequences: false)
        return lines.indices.compactMap { index in
            guard isDeclaration(lines[index]) else { return nil }
            return end(of: index, lines).map { last in
                let count = lines[index...last].count { !$0.allSatisfy(\.isWhitespace) }
                return FunctionSpan(line: index + 1, lineCount: count)
            }
        }
    }

    private static func isDeclaration(_ line: Substring) -> Bool {
        let text = line.drop(while: \.isWhitespace)
        return declaration.contains { word in
            guard let place = text.range(of: word) else { return false }
            // Before it stand modifiers and attributes only, so `Foo.init(` does not count.
            return text[..<place.lowerBound].allSatisfy { $0.isLetter || " @()".contains($0) }
                && (place.lowerBound == text.startIndex
                    || text[text.index(before: place.lowerBound)] == " ")
        }
    }

    /// The line that closes the body; nil for a requirement without one.
    private static func end(of start: Int, _ lines: [Substring]) -> Int? {
        var braces = 0
        var parentheses = 0
        for index in start..<lines.count {
            if index > start, braces == 0, parentheses == 0, isDeclaration(lines[index]) {
                return nil
            }
            for character in lines[index] {
                switch character {
                case "(", "[": parentheses += 1
                case ")", "]": parentheses -= 1
                case "{" where parentheses == 0 || braces > 0: braces += 1
                case "}" where braces == 0 && parentheses == 0: return nil
                case "}" where braces > 0:
                    braces -= 1
                    if braces == 0 { return index }
                default: break
                }
            }
        }
        return nil
    }
}

@Suite("How the tidy tests read Swift")
struct SwiftTextTests {
    @Test("Comments and string contents are blanked, interpolated code is not")
    func code() {
        let source = """
            let a = "x { \\(b.joined(separator: "}")) {" // {
            /* { */ let c = #"\\( {"# + "\\"{"

            """
        let code = SwiftText.code(source)
        #expect(!code.contains("{"))
        #expect(!code.contains("}"))
        #expect(code.contains("b.joined(separator:"))
        #expect(code.contains("let c ="))
        #expect(code.split(separator: "\n").count == 2)
    }

    @Test("A function is measured from its declaration to its closing brace")
    func functions() {
        let source = """
            protocol P {
                func requirement() throws
            }
            struct S {
                init?(a: Int) { self.init(b: a) }
                package static func f(
                    g: () -> Void = {}
                ) -> Int {
                    if true { 1 } else { 2 }
                }
            }
            """
        let expected = [
            FunctionSpan(line: 5, lineCount: 1), FunctionSpan(line: 6, lineCount: 5),
        ]
        #expect(FunctionSpan.all(in: SwiftText.code(source)) == expected)
    }
}
