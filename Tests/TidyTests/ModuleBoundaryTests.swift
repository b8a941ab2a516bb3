import Foundation
import TestSupport
import Testing

/// The module table is enforced by target dependencies; this reads the imports and looks again.
@Suite("Module boundaries")
struct ModuleBoundaryTests {
    /// Modules of the toolchain that a layer may import besides what `Package.swift` lists.
    static func toolchainModules(_ layer: ModuleTable.Layer) -> Set<String> {
        switch layer {
        case .systemLibraries, .core: []
        case .adapters: ["Glibc", "Synchronization"]
        // Dispatch for its semaphores; threads are the device's own.
        case .device: ["Glibc", "Synchronization", "Dispatch"]
        case .backOffice: ["Glibc", "Synchronization", "Dispatch", "Foundation"]
        case .tests: ["Glibc", "Synchronization", "Dispatch", "Foundation", "Testing"]
        }
    }

    /// The module of an import line; nil for any other line.
    static func imported(_ line: Substring) -> String? {
        let words = line.split(whereSeparator: \.isWhitespace)
        guard let place = words.firstIndex(of: "import"),
            words[..<place].allSatisfy({ $0.hasPrefix("@") || modifiers.contains($0) })
        else { return nil }
        let kinds: Set<Substring> = ["struct", "enum", "class", "func", "protocol", "typealias"]
        let rest = words[(place + 1)...].drop { kinds.contains($0) }
        return rest.first.map { String($0.prefix { $0 != "." }) }
    }

    private static let modifiers: Set<Substring> = [
        "public", "package", "internal", "fileprivate", "private",
    ]

    @Test("A module imports what Package.swift lists for it and its layer allows, nothing else")
    func imports() throws {
        let table = try ModuleTable()
        for file in try SourceTree.swiftFiles() {
            guard let module = table.modules[file.target] else {
                Issue.record("\(file.path) belongs to no target of Package.swift")
                continue
            }
            let allowed = Self.toolchainModules(module.layer).union(module.dependencies)
            for (index, line) in file.codeLines.enumerated() {
                guard let name = Self.imported(line) else { continue }
                #expect(allowed.contains(name), "\(file.path):\(index + 1) imports \(name)")
            }
        }
    }

    @Test("The core depends on the core, an adapter also on its C library")
    func core() throws {
        let table = try ModuleTable()
        let core = table.names(.core)
        for module in table.modules.values {
            switch module.layer {
            case .core: #expect(core.isSuperset(of: module.dependencies), "\(module.name)")
            case .adapters:
                let own = core.union(["C\(module.name)"])
                #expect(own.isSuperset(of: module.dependencies), "\(module.name)")
            default: break
            }
        }
    }

    @Test("The device reaches no back-office module, not even through another")
    func device() throws {
        let table = try ModuleTable()
        let allowed = table.names(.systemLibraries, .core, .adapters, .device)
            .union(["Logging"])
        for name in table.names(.device) {
            let foreign = table.closure(of: name).subtracting(allowed)
            #expect(foreign.isEmpty, "\(name) reaches \(foreign.sorted())")
        }
    }

    @Test("The table is read whole")
    func table() throws {
        let table = try ModuleTable()
        #expect(table.names(.core).isSuperset(of: ["Prognostics", "Features", "EdgeCore"]))
        #expect(table.names(.device) == ["EdgeRuntime", "edge-agent"])
        #expect(table.modules["EdgeRuntime"]?.dependencies.contains("Logging") == true)
        #expect(table.closure(of: "edge-agent").contains("CMosquitto"))
        #expect(table.modules["TidyTests"]?.dependencies == ["TestSupport"])
    }

    @Test(
        "An import is recognized with its modifiers and kinds",
        arguments: [
            ("import Glibc", "Glibc"), ("package import Prognostics", "Prognostics"),
            ("@preconcurrency import Foundation", "Foundation"),
            ("import struct Foundation.URL", "Foundation"), ("let import1 = 2", nil),
            ("reimport Glibc", nil),
        ] as [(Substring, String?)])
    func importLines(line: Substring, module: String?) {
        #expect(Self.imported(line) == module)
    }
}
