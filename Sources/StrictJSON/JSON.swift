/// A JSON value (RFC 8259) whose objects keep the order of their members.
///
/// Numbers keep their text, so that reading and writing loses no digit; ask ``JSONNumber`` for a
/// value of the type that is needed.
package enum JSON: Equatable, Sendable {
    case null
    case bool(Bool)
    case number(JSONNumber)
    case string(String)
    case array([JSON])
    /// Members in the order of the document; no two have the same key.
    case object([Member])

    /// One key of an object and its value.
    package struct Member: Equatable, Sendable {
        package let key: String
        package let value: JSON

        package init(key: String, value: JSON) {
            self.key = key
            self.value = value
        }
    }

    /// A whole number.
    package static func integer(_ value: some BinaryInteger) -> Self { .number(.init(value)) }

    /// The shortest decimal that reads back as the same `Float`.
    /// - Precondition: `value` is finite.
    package static func float(_ value: Float) -> Self { .number(.init(value)) }

    /// The shortest decimal that reads back as the same `Double`.
    /// - Precondition: `value` is finite.
    package static func double(_ value: Double) -> Self { .number(.init(value)) }

    /// The value of an object's member; `nil` when it has none of that name or is no object.
    package subscript(key: String) -> JSON? {
        guard case .object(let members) = self else { return nil }
        return members.first { $0.key == key }?.value
    }

    /// The kind of the value, as an error message names it.
    package var kind: String {
        switch self {
        case .null: "null"
        case .bool: "a boolean"
        case .number: "a number"
        case .string: "a string"
        case .array: "an array"
        case .object: "an object"
        }
    }
}

extension JSON: ExpressibleByDictionaryLiteral {
    /// Creates an object with its members in the order of the literal.
    /// - Precondition: No key occurs twice.
    package init(dictionaryLiteral elements: (String, JSON)...) {
        precondition(Set(elements.map(\.0)).count == elements.count, "a key occurs twice")
        self = .object(elements.map { Member(key: $0.0, value: $0.1) })
    }
}

/// A number as the document writes it, checked against the grammar of RFC 8259 §6.
package struct JSONNumber: Equatable, Sendable {
    /// The greatest length in bytes; the shortest text of any `Double` fits three times.
    package static let sizeMax = 64

    /// The digits, as written.
    package let text: String

    /// - Precondition: `text` matches the grammar; only the parser calls this.
    init(checkedText text: String) { self.text = text }

    /// A whole number in decimal.
    package init(_ value: some BinaryInteger) { text = String(value) }

    /// - Precondition: `value` is finite.
    package init(_ value: Float) {
        precondition(value.isFinite, "JSON has no \(value)")
        text = value.description
    }

    /// - Precondition: `value` is finite.
    package init(_ value: Double) {
        precondition(value.isFinite, "JSON has no \(value)")
        text = value.description
    }

    /// The value when it is written as a whole number that fits; `nil` for `1.0` and `1e3`.
    package var integer: Int64? { Int64(text) }

    /// The nearest `Float`; `nil` when that is infinite.
    package var float: Float? { DecimalFloat.parse(text.utf8Span.span) }

    /// The nearest `Double`; `nil` when that is infinite.
    package var double: Double? { Double(text).flatMap { $0.isFinite ? $0 : nil } }
}
