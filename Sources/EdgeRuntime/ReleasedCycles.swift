package import Prognostics

/// What the released readings of one installation leave behind, in bounded space.
///
/// One bit for each cycle, the hash of cycle 1, and the hashes of the highest cycles. Cycle 1 tells
/// a repeat from another engine; the highest are those that a sensor may send again after another
/// engine took the unit's name. Below them a bit is enough: what is not beyond the last cycle is
/// never applied.
package struct ReleasedCycles: Equatable, Sendable {
    /// Cycles whose hash stays: more than the 20 messages that MQTT clients keep in flight.
    package static let newestCountMax = 32
    /// Bytes of an encoded hash: its cycle, low byte first, and the digest.
    private static let entrySize = 2 + Digest.size
    /// Most bytes of the bits.
    private static let bitsSizeMax = Int(CycleCount.limit + 7) / 8

    private struct Entry: Equatable, Sendable {
        let cycle: Int32
        let hash: Digest
    }

    /// Cycle c is bit (c - 1) % 8 of byte (c - 1) / 8; the last byte is not 0.
    package private(set) var bits: [UInt8] = []
    /// Hash of cycle 1; `nil` unless it was released.
    package private(set) var first: Digest?
    /// The highest cycles, going up.
    private var newest: [Entry] = []

    /// Nothing was released.
    package init() {}

    /// Decodes what a store holds; `nil` for what ``bits`` and ``newestBytes`` never are.
    package init?(bits: [UInt8], first: Digest?, newestBytes bytes: [UInt8]) {
        guard bits.count <= Self.bitsSizeMax, bits.last != 0,
            bytes.count % Self.entrySize == 0,
            bytes.count / Self.entrySize <= Self.newestCountMax
        else { return nil }
        self.bits = bits
        self.first = first
        for start in stride(from: 0, to: bytes.count, by: Self.entrySize) {
            let cycle = Int32(bytes[start]) | Int32(bytes[start + 1]) << 8
            guard let hash = Digest(bytes: Array(bytes[start + 2..<start + Self.entrySize])),
                contains(cycle), cycle > newest.last?.cycle ?? 0
            else { return nil }
            newest.append(Entry(cycle: cycle, hash: hash))
        }
    }

    /// The hashes of the highest cycles, for ``init(bits:first:newestBytes:)``.
    package var newestBytes: [UInt8] {
        newest.flatMap { [UInt8($0.cycle & 255), UInt8($0.cycle >> 8)] + $0.hash.bytes }
    }

    /// The highest released cycle; 0 if there is none.
    package var highest: Int32 {
        bits.last.map { Int32(bits.count * 8 - $0.leadingZeroBitCount) } ?? 0
    }

    /// Whether the reading of a cycle was released.
    package func contains(_ cycle: Int32) -> Bool {
        guard cycle > 0, (cycle - 1) / 8 < bits.count else { return false }
        return bits[Int(cycle - 1) / 8] & 1 << UInt8((cycle - 1) % 8) != 0
    }

    /// The hash of a released cycle; `nil` where only its bit is left.
    package func hash(of cycle: Int32) -> Digest? {
        cycle == 1 ? first : newest.last { $0.cycle == cycle }?.hash
    }

    /// Takes in a reading that is being released.
    package mutating func insert(_ cycle: CycleCount, hash: Digest) {
        let cycle = cycle.cycles
        let byte = Int(cycle - 1) / 8
        while bits.count <= byte { bits.append(0) }
        bits[byte] |= 1 << UInt8((cycle - 1) % 8)
        guard cycle > 1 else {
            first = hash
            return
        }
        let index = newest.firstIndex { $0.cycle >= cycle } ?? newest.count
        if index < newest.count, newest[index].cycle == cycle { newest.remove(at: index) }
        newest.insert(Entry(cycle: cycle, hash: hash), at: index)
        if newest.count > Self.newestCountMax { newest.removeFirst() }
    }
}
