/// The name of one engine in its fleet, as sensors and maintenance write it.
///
/// Fleet and agent identifiers obey the same rule, because all three are levels of MQTT topics.
package struct UnitIdentifier: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// The greatest length in bytes.
    package static let sizeMax = 64

    /// The identifier's text: `[A-Za-z0-9._-]{1,64}`.
    package let description: String

    /// Creates an identifier from text that may be wrong; `nil` outside `[A-Za-z0-9._-]{1,64}`.
    package init?(_ text: String) {
        guard (1...Self.sizeMax).contains(text.utf8.count),
            text.utf8.allSatisfy(Self.isAllowed)
        else { return nil }
        description = text
    }

    /// Whether a byte may stand in a fleet, unit or agent identifier.
    package static func isAllowed(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        case UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"): true
        default: false
        }
    }

    package static func < (lhs: Self, rhs: Self) -> Bool { lhs.description < rhs.description }
}
