package import Prognostics

/// Which engines were seen, as far as 1,024 bits tell them apart (linear counting).
///
/// Whang, Vander-Zanden, Taylor, "A linear-time probabilistic counting algorithm", 1990: with m
/// bits of which e are empty, about m·ln(m/e) engines were seen. The union of two tallies is the
/// tally of both fleets, however their readings were split.
package struct EngineTally: Equatable, Sendable {
    /// Bits; 50 engines are counted to 1 %, a thousand to 3 %.
    package static let bitCount = 1_024
    static let wordCount = 16

    /// The bits, lowest first.
    package private(set) var words = InlineArray<16, UInt64>(repeating: 0)

    package init() {}

    /// Takes in the words of another tally.
    package init(words: InlineArray<16, UInt64>) { self.words = words }

    /// Bits that no engine has set.
    package var emptyCount: Int {
        var count = Self.bitCount
        for index in 0..<Self.wordCount { count -= words[index].nonzeroBitCount }
        return count
    }

    /// Notes an engine.
    package mutating func insert(_ unit: UnitIdentifier) {
        // FNV-1a, 64 bits; its high bits mix best after one more multiplication.
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in unit.description.utf8 { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 }
        hash = (hash ^ (hash >> 32)) &* 0x9E37_79B9_7F4A_7C15
        let bit = Int(hash >> 54)
        words[bit / 64] |= 1 << UInt64(bit % 64)
    }

    /// Notes the engines of another tally.
    package mutating func formUnion(_ other: Self) {
        for index in 0..<Self.wordCount { words[index] |= other.words[index] }
    }

    package static func == (lhs: Self, rhs: Self) -> Bool {
        (0..<wordCount).allSatisfy { lhs.words[$0] == rhs.words[$0] }
    }
}
