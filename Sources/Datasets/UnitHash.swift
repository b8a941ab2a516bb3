import Prognostics

/// A number that a unit, an installation and a seed always have.
enum UnitHash {
    /// FNV-1a, 64 bits (draft-eastlake-fnv-17 §2), over name, 0, installation and seed in
    /// little-endian; its upper bits are weak for short inputs, so SplitMix64's finalizer follows.
    static func hash(_ unit: UnitIdentifier, installation: Int32, seed: UInt64) -> UInt64 {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        func add(_ byte: UInt8) { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 }
        for byte in unit.description.utf8 { add(byte) }
        add(0)
        for byte in littleEndianBytes(UInt32(bitPattern: installation)) { add(byte) }
        for byte in littleEndianBytes(seed) { add(byte) }
        return SplitMix64.mix(hash)
    }
}
