package import Prognostics

/// Steele, Lea, Flood 2014, "Fast splittable pseudorandom number generators": SplitMix64.
package struct SplitMix64: RandomNumberGenerator, Sendable {
    package var state: UInt64

    package init(seed: UInt64) { state = seed }

    package mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ mixed >> 30) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ mixed >> 27) &* 0x94d0_49bb_1331_11eb
        return mixed ^ mixed >> 31
    }

    /// A number in `0 ..< bound`.
    package mutating func below(_ bound: Int) -> Int { Int(next() % UInt64(bound)) }

    /// Whether something that happens once in `count` times happens now.
    package mutating func oneIn(_ count: Int) -> Bool { below(count) == 0 }

    /// One of the elements.
    /// - Precondition: There is one.
    package mutating func pick<Element>(_ elements: [Element]) -> Element {
        elements[below(elements.count)]
    }
}

/// A stand-in for SHA-256, which belongs to the shell: four mixes of eight bytes at a time.
///
/// A simulation hashes every block at every start; nobody in it looks for collisions.
package enum StandInHash {
    package static func digest(of bytes: [UInt8]) -> Digest {
        var lanes = (UInt64(1), UInt64(2), UInt64(3), UInt64(4))
        bytes.withUnsafeBytes { buffer in
            var offset = 0
            while offset < buffer.count {
                var word: UInt64 = 0
                if offset + 8 <= buffer.count {
                    word = buffer.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
                } else {
                    for index in offset..<buffer.count { word = word << 8 | UInt64(buffer[index]) }
                }
                lanes.0 = mixed(lanes.0 ^ word)
                lanes.1 = mixed(lanes.1 &+ word)
                lanes.2 = lanes.2 &* 0x9e37_79b9_7f4a_7c15 ^ word
                lanes.3 = (lanes.3 ^ word &* 0xbf58_476d_1ce4_e5b9) &* 0x100_0000_01b3
                offset += 8
            }
        }
        var output: [UInt8] = []
        output.reserveCapacity(Digest.size)
        for lane in [lanes.0, lanes.1, lanes.2, lanes.3] {
            let word = mixed(lane ^ UInt64(bytes.count))
            for shift in stride(from: UInt64(0), to: 64, by: 8) {
                output.append(UInt8(truncatingIfNeeded: word >> shift))
            }
        }
        guard let digest = Digest(bytes: output) else { preconditionFailure("32 bytes") }
        return digest
    }

    private static func mixed(_ value: UInt64) -> UInt64 {
        var mixed = value &* 0xff51_afd7_ed55_8ccd
        mixed ^= mixed >> 33
        return mixed &* 0xc4ce_b9fe_1a85_ec53
    }
}
