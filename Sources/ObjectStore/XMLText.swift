/// Finds elements by name in a server's answer; their attributes and namespaces do not matter.
///
/// Not a parser: S3's answers are flat lists of elements with text, and one that is not what was
/// asked for has none of the names.
package struct XMLText: Sendable {
    private let text: Substring

    /// Takes the answer of a server.
    package init(_ bytes: [UInt8]) { text = Substring(decoding: bytes, as: UTF8.self) }

    private init(_ text: Substring) { self.text = text }

    /// The contents of every element of a name, in order; elements of one name do not nest.
    package func all(_ name: String) -> [XMLText] {
        var found: [XMLText] = []
        var rest = text
        while let start = rest.firstRange(of: "<\(name)") {
            rest = rest[start.upperBound...]
            // `<Key` also begins `<KeyMarker>`.
            guard let next = rest.first, next == ">" || next == "/" || next.isWhitespace,
                let end = rest.firstIndex(of: ">")
            else { continue }
            let isEmpty = rest[..<end].hasSuffix("/")
            rest = rest[rest.index(after: end)...]
            if isEmpty {
                found.append(XMLText(""))
            } else if let close = rest.firstRange(of: "</\(name)>") {
                found.append(XMLText(rest[..<close.lowerBound]))
                rest = rest[close.upperBound...]
            }
        }
        return found
    }

    /// The text of the first element of a name; nil when there is none.
    package func first(_ name: String) -> String? { all(name).first?.unescaped }

    /// The text, with its five entities and its numbers resolved.
    package var unescaped: String {
        var result = ""
        var rest = text
        while let ampersand = rest.firstIndex(of: "&") {
            result += rest[..<ampersand]
            rest = rest[rest.index(after: ampersand)...]
            guard let end = rest.prefix(12).firstIndex(of: ";"),
                let character = Self.character(rest[..<end])
            else {
                result += "&"
                continue
            }
            result.unicodeScalars.append(character)
            rest = rest[rest.index(after: end)...]
        }
        return result + rest
    }

    private static func character(_ entity: Substring) -> Unicode.Scalar? {
        switch entity {
        case "amp": "&"
        case "lt": "<"
        case "gt": ">"
        case "quot": "\""
        case "apos": "'"
        case _ where entity.hasPrefix("#x"):
            UInt32(entity.dropFirst(2), radix: 16).flatMap(Unicode.Scalar.init)
        case _ where entity.hasPrefix("#"):
            UInt32(entity.dropFirst()).flatMap(Unicode.Scalar.init)
        default: nil
        }
    }
}
