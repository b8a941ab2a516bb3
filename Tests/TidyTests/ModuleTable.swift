import Foundation
import TestSupport

/// The targets that `Package.swift` declares, read from its text.
struct ModuleTable {
    /// The array of `Package.swift` that a target stands in.
    enum Layer: String, CaseIterable {
        case systemLibraries, core, adapters, device, backOffice, tests
    }

    struct Module {
        let name: String
        let layer: Layer
        /// Names as an `import` writes them.
        let dependencies: [String]
    }

    let modules: [String: Module]

    init() throws {
        let manifest = try SourceFile(path: "Package.swift").text
        var modules: [String: Module] = [:]
        for layer in Layer.allCases {
            guard let start = manifest.range(of: "let \(layer.rawValue): [Target] = [") else {
                throw TestSupportError("Package.swift has no array '\(layer.rawValue)'.")
            }
            let end = manifest.range(of: "\n]\n", range: start.upperBound..<manifest.endIndex)
            let block = manifest[start.upperBound..<(end?.lowerBound ?? manifest.endIndex)]
            for module in Self.modules(in: String(block), layer) { modules[module.name] = module }
        }
        self.modules = modules
    }

    /// A module's direct dependencies and theirs.
    func closure(of name: String) -> Set<String> {
        var seen: Set<String> = []
        var open = [name]
        while let next = open.popLast() {
            for dependency in modules[next]?.dependencies ?? []
            where seen.insert(dependency).inserted {
                open.append(dependency)
            }
        }
        return seen
    }

    func names(_ layers: Layer...) -> Set<String> {
        Set(modules.values.filter { layers.contains($0.layer) }.map(\.name))
    }

    private static func modules(in block: String, _ layer: Layer) -> [Module] {
        // A declaration reaches to the next one; only names and dependencies are looked at.
        block.components(separatedBy: "(\n        name: ").flatMap {
            $0.components(separatedBy: "(name: ")
        }
        .dropFirst().compactMap { declaration in
            guard let name = quoted(declaration).first else { return nil }
            var dependencies: [String] = []
            if let start = declaration.range(of: "dependencies: [") {
                let list = declaration[start.upperBound...].prefix { $0 != "]" }
                dependencies = quoted(String(list))
                if list.contains("logging") { dependencies.append("Logging") }
                if list.contains("argumentParser") { dependencies.append("ArgumentParser") }
            }
            return Module(name: name, layer: layer, dependencies: dependencies)
        }
    }

    /// The contents of the string literals in a piece of the manifest.
    private static func quoted(_ text: String) -> [String] {
        text.split(separator: "\"", omittingEmptySubsequences: false).enumerated()
            .filter { $0.offset % 2 == 1 }.map { String($0.element) }
    }
}
