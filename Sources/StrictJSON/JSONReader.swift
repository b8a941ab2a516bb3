/// Typed access to the members of one object; every error names the field.
package struct JSONReader {
    private let members: [JSON.Member]
    /// The path of the object, empty for a document's root.
    private let path: String

    /// Reads an object; errors call it by its path, which is empty for the root.
    package init(_ value: JSON, path: String = "") throws(JSONError) {
        guard case .object(let members) = value else {
            throw .field(
                path: path.isEmpty ? "(root)" : path, expected: "an object", seen: value.kind)
        }
        self.members = members
        self.path = path
    }

    /// Parses a document that is an object.
    package init(
        parsing bytes: [UInt8], limits: JSONLimits = .standard
    ) throws(JSONError) {
        try self.init(try JSON.parse(bytes, limits: limits))
    }

    /// The names of the object's members, in the order of the document.
    package var keys: [String] { members.map(\.key) }

    /// Whether the object has the member, be it `null`.
    package func has(_ key: String) -> Bool { members.contains { $0.key == key } }

    /// The member as it is.
    package func value(_ key: String) throws(JSONError) -> JSON {
        guard let member = members.first(where: { $0.key == key }) else {
            throw .field(path: path(key), expected: "a value", seen: "no such field")
        }
        return member.value
    }

    package func string(_ key: String) throws(JSONError) -> String {
        guard case .string(let text) = try value(key) else { throw try wrong(key, "a string") }
        return text
    }

    package func bool(_ key: String) throws(JSONError) -> Bool {
        guard case .bool(let flag) = try value(key) else { throw try wrong(key, "a boolean") }
        return flag
    }

    /// A whole number written without point and exponent, in `range`.
    package func integer(
        _ key: String, in range: ClosedRange<Int64> = Int64.min...Int64.max
    ) throws(JSONError) -> Int64 {
        guard case .number(let number) = try value(key), let whole = number.integer else {
            throw try wrong(key, "a whole number")
        }
        guard range.contains(whole) else {
            throw try wrong(key, "a whole number in \(range.lowerBound)...\(range.upperBound)")
        }
        return whole
    }

    /// The nearest `Float` of a number.
    package func float(_ key: String) throws(JSONError) -> Float {
        guard case .number(let number) = try value(key), let float = number.float else {
            throw try wrong(key, "a number of single precision")
        }
        return float
    }

    /// The nearest `Double` of a number.
    package func double(_ key: String) throws(JSONError) -> Double {
        guard case .number(let number) = try value(key), let double = number.double else {
            throw try wrong(key, "a number of double precision")
        }
        return double
    }

    package func array(_ key: String) throws(JSONError) -> [JSON] {
        guard case .array(let elements) = try value(key) else { throw try wrong(key, "an array") }
        return elements
    }

    /// An array of strings only.
    package func strings(_ key: String) throws(JSONError) -> [String] {
        var strings: [String] = []
        for element in try array(key) {
            guard case .string(let text) = element else {
                throw .field(
                    path: path(key), expected: "an array of strings", seen: element.kind)
            }
            strings.append(text)
        }
        return strings
    }

    package func object(_ key: String) throws(JSONError) -> JSONReader {
        try JSONReader(try value(key), path: path(key))
    }

    /// An array of objects only.
    package func objects(_ key: String) throws(JSONError) -> [JSONReader] {
        var readers: [JSONReader] = []
        for (index, element) in try array(key).enumerated() {
            readers.append(try JSONReader(element, path: "\(path(key))[\(index)]"))
        }
        return readers
    }

    /// Refuses members other than `known`.
    package func allowOnly(_ known: [String]) throws(JSONError) {
        for key in keys where !known.contains(key) { throw .unknownField(path: path(key)) }
    }

    /// The error for a field that breaks a rule of the caller.
    package func wrong(_ key: String, _ expected: String) throws(JSONError) -> JSONError {
        let value = try value(key)
        let seen: String =
            switch value {
            case .number(let number): number.text
            case .bool(let flag): flag ? "true" : "false"
            case .string(let text): "the text \(JSON.string(String(text.prefix(40))).text)"
            case .null, .array, .object: value.kind
            }
        return .field(path: path(key), expected: expected, seen: seen)
    }

    private func path(_ key: String) -> String { path.isEmpty ? key : "\(path).\(key)" }
}
