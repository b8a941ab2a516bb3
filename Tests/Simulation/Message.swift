/// What a message says: known to its publisher and to the checker, never to the agent.
package enum Meaning: Hashable, Sendable {
    /// The bits of three settings and 21 sensors.
    case reading(unit: String, cycle: Int32, values: [UInt32])
    case event(unit: String, kind: String, cycle: Int32)
    /// Nothing that a device could apply.
    case nothing
}

/// A message in the broker's hands; each copy that it took has a number of its own.
package struct Message: Equatable, Sendable {
    package let number: Int
    /// The topic below the fleet's root.
    package let topic: String
    package let payload: [UInt8]
    package let meaning: Meaning
    /// At QoS 1: the broker keeps it until it is acknowledged.
    package let isProtected: Bool
}

/// Reads a row as the documentation describes it: 26 columns between blanks.
///
/// Written for the checker alone; the agent's decoder is what it judges.
enum PlainRow {
    static func meaning(of payload: [UInt8], topic: String) -> Meaning {
        let blanks: Set<UInt8> = [32, 9, 10, 11, 12, 13]
        let columns = payload.split { blanks.contains($0) }.map {
            String(decoding: $0, as: UTF8.self)
        }
        guard columns.count == 26, isName(columns[0]), let cycle = wholeNumber(columns[1]),
            (1...20_000).contains(cycle)
        else { return .nothing }
        if topic.hasPrefix("engines/"), topic != "engines/\(columns[0])/readings" {
            return .nothing
        }
        var values: [UInt32] = []
        for column in columns[2...] {
            guard let value = number(column) else { return .nothing }
            values.append(value.bitPattern)
        }
        return .reading(unit: columns[0], cycle: Int32(cycle), values: values)
    }

    private static func isName(_ text: String) -> Bool {
        (1...64).contains(text.utf8.count)
            && text.unicodeScalars.allSatisfy {
                ("a"..."z").contains($0) || ("A"..."Z").contains($0) || ("0"..."9").contains($0)
                    || $0 == "." || $0 == "_" || $0 == "-"
            }
    }

    private static func isDigits(_ text: Substring) -> Bool {
        !text.isEmpty && text.unicodeScalars.allSatisfy { ("0"..."9").contains($0) }
    }

    private static func wholeNumber(_ text: String) -> Int? {
        isDigits(text[...]) && text.utf8.count <= 9 ? Int(text) : nil
    }

    /// Sign, digits, point, digits; an exponent is more than a flipped bit of our rows makes.
    private static func number(_ text: String) -> Float? {
        let body = text.hasPrefix("-") || text.hasPrefix("+") ? text.dropFirst() : text[...]
        let parts = body.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
        guard (1...2).contains(parts.count), parts.allSatisfy({ $0.isEmpty || isDigits($0) }),
            parts.contains(where: { !$0.isEmpty }), let value = Float(text), value.isFinite
        else { return nil }
        return value
    }
}
