/// A reason why bytes are not the JSON that was expected: the sender is at fault.
package enum JSONError: Error, Equatable {
    /// The document is larger than ``JSONLimits/sizeMax``.
    case tooLarge(size: Int, limit: Int)
    /// Arrays and objects are nested deeper than ``JSONLimits/depthMax``.
    case tooDeep(offset: Int, limit: Int)
    /// The byte at `offset` cannot continue the document.
    case syntax(offset: Int, expected: String)
    /// An object names the same member twice, so it is unclear which one counts.
    case duplicateKey(offset: Int, key: String)
    /// A member has another type or range than the reader needs.
    case field(path: String, expected: String, seen: String)
    /// A member that the reader does not know.
    case unknownField(path: String)
}

extension JSONError: CustomStringConvertible {
    /// What was seen, against what was expected, then the sender's next step.
    package var description: String {
        switch self {
        case .tooLarge(let size, let limit):
            "The JSON has \(size) bytes, the limit is \(limit). Send a smaller document."
        case .tooDeep(let offset, let limit):
            "At byte \(offset) the JSON is nested deeper than \(limit). Send a flatter document."
        case .syntax(let offset, let expected):
            "Expected \(expected) at byte \(offset). Send valid JSON (RFC 8259)."
        case .duplicateKey(let offset, let key):
            "The key `\(key)` occurs again at byte \(offset). Send every key once."
        case .field(let path, let expected, let seen):
            "Expected \(expected) in field `\(path)`, saw \(seen). "
                + "Correct the field and send again."
        case .unknownField(let path):
            "The field `\(path)` is unknown. Remove it and send again."
        }
    }
}

/// What a document may be at most; each bound is checked before anything is stored.
package struct JSONLimits: Sendable {
    /// The greatest size of a document in bytes.
    package let sizeMax: Int
    /// The deepest nesting of arrays and objects; a scalar has depth 0.
    package let depthMax: Int

    package init(sizeMax: Int, depthMax: Int) {
        self.sizeMax = sizeMax
        self.depthMax = depthMax
    }

    /// Room for every message and file of the project: 1 MiB, 16 levels.
    package static let standard = Self(sizeMax: 1 << 20, depthMax: 16)
}
