/// One of the four kinds of objects that the back office keeps.
package enum Bucket: String, CaseIterable, Sendable {
    /// Validated snapshots, labels and unit roles, by `config_hash`.
    case processedData = "processed-data"
    /// Bundles, float models and reports, by run id.
    case models
    /// `current.json`: which model is promoted.
    case modelPromotion = "model-promotion"
    /// Pulled log pages, by fleet, agent and store.
    case inferenceLogs = "inference-logs"
}

/// The name of an object in its bucket: levels of `[A-Za-z0-9._-]`, separated by `/`.
///
/// `.` and `..` are no levels, so a key never leaves its bucket, whatever an agent calls itself.
package struct ObjectKey: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// The greatest size of one level in bytes; file names are limited to 255 bytes.
    package static let levelSizeMax = 200
    /// The greatest number of levels.
    package static let levelCountMax = 8

    /// The key as text.
    package let description: String

    /// The number of levels, from 1.
    package var levelCount: Int { description.utf8.count { $0 == UInt8(ascii: "/") } + 1 }

    /// Creates a key from text that may be wrong.
    package init(_ text: String) throws(ObjectStoreError) {
        let levels = text.split(separator: "/", omittingEmptySubsequences: false)
        guard levels.count <= Self.levelCountMax, levels.allSatisfy(Self.isLevel) else {
            throw .invalidKey(text)
        }
        description = text
    }

    private static func isLevel(_ level: Substring) -> Bool {
        guard (1...levelSizeMax).contains(level.utf8.count), level != ".", level != ".." else {
            return false
        }
        return level.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"),
                UInt8(ascii: "-"):
                true
            default: false
            }
        }
    }

    package static func < (lhs: Self, rhs: Self) -> Bool { lhs.description < rhs.description }
}
