import ArgumentParser
import Foundation

/// Where an option's value comes from: the command line, else the environment, else its default.
enum Setting {
    /// The value of an option that has no default; nil when neither place names one.
    static func optional<Value: ExpressibleByArgument>(
        _ option: Value?, _ key: String
    ) throws -> Value? {
        if let option { return option }
        guard let text = ProcessInfo.processInfo.environment[key], !text.isEmpty else { return nil }
        guard let value = Value(argument: text) else {
            let choices = Value.allValueStrings
            let expected =
                choices.isEmpty
                ? "a value like those of \(flag(key))" : "one of \(choices.joined(separator: ", "))"
            throw ValidationError(
                "The environment key \(key) is '\(text)', expected \(expected). "
                    + "Correct or unset it.")
        }
        return value
    }

    /// The value of an option that must stand in one of the two places.
    static func required<Value: ExpressibleByArgument>(
        _ option: Value?, _ key: String
    ) throws -> Value {
        guard let value = try optional(option, key) else {
            throw ValidationError(
                "Missing \(flag(key)). Give the option or set the environment key \(key).")
        }
        // A script's unset variable: an empty folder's name would mean the root of the disk.
        if let text = value as? String, text.isEmpty {
            throw ValidationError("\(flag(key)) is empty. Give it a value.")
        }
        return value
    }

    /// Whether a flag is given or its environment key says so.
    static func flag(_ given: Bool, _ key: String) throws -> Bool {
        if given { return true }
        switch ProcessInfo.processInfo.environment[key] {
        case nil, "", "0", "false", "no": return false
        case "1", "true", "yes": return true
        case let text?:
            throw ValidationError(
                "The environment key \(key) is '\(text)', expected 1, true, yes, 0, false or no. "
                    + "Correct or unset it.")
        }
    }

    private static func flag(_ key: String) -> String {
        "--" + key.lowercased().replacing("_", with: "-")
    }
}

extension ArgumentHelp {
    /// The help of an option that is also an environment key.
    static func setting(_ key: String, _ text: String, default value: String? = nil) -> Self {
        let fallback = value.map { ", default \($0)" } ?? ""
        return Self("\(text) [\(key)\(fallback)]")
    }
}
