import TestSupport
import Testing
import Zlib

/// Judged by `/bin/gzip`, which shares no code with zlib.
@Suite("gzip")
struct GzipTests {
    /// Bytes that neither repeat nor compress to nothing: a linear congruential sequence
    /// (Numerical Recipes, 3rd edition, §7.1), with runs of equal bytes in between.
    static func sample(_ count: Int) -> [UInt8] {
        var state: UInt32 = 7
        return (0..<count).map { index in
            if index % 64 < 40 { return UInt8(index / 64 % 256) }
            state = state &* 1_664_525 &+ 1_013_904_223
            return UInt8(state >> 24)
        }
    }

    @Test(
        "The gzip program reads what we write",
        arguments: [0, 1, 65_535, 65_536, 65_537, 300_000], [Int32(0), 1, 6, 9])
    func programReads(count: Int, level: Int32) throws {
        let bytes = Self.sample(count)
        let ours = try Gzip.compress(bytes, level: level)
        let theirs = try Subprocess.run("gzip", ["-dc"], input: ours)
        #expect(theirs.status == 0, "\(theirs.errors)")
        #expect(theirs.standardOutput == bytes)
    }

    @Test("We read what the gzip program writes", arguments: [0, 1, 65_536, 300_000])
    func readsProgram(count: Int) throws {
        let bytes = Self.sample(count)
        let theirs = try Subprocess.run("gzip", ["-9c"], input: bytes)
        #expect(try Gzip.decompress(theirs.standardOutput, limit: count) == bytes)
    }

    @Test("The same bytes compress to the same bytes, with no time and no name in the header")
    func deterministic() throws {
        let bytes = Self.sample(10_000)
        let once = try Gzip.compress(bytes)
        #expect(try Gzip.compress(bytes) == once)
        // RFC 1952 §2.3: ID1 ID2 CM FLG MTIME(4) XFL OS.
        #expect(once[..<8] == [0x1F, 0x8B, 8, 0, 0, 0, 0, 0])
        #expect(Gzip.isGzip(once))
        #expect(!Gzip.isGzip(bytes))
    }

    @Test("Members that follow one another are one file")
    func members() throws {
        let (first, second) = (Self.sample(70_000), Array("tail".utf8))
        let both = try Gzip.compress(first) + Gzip.compress([]) + Gzip.compress(second)
        #expect(try Gzip.decompress(both, limit: 100_000) == first + second)
    }

    @Test("Contents of the limit are accepted, one byte more is not")
    func limit() throws {
        let bytes = Self.sample(200_000)
        let packed = try Gzip.compress(bytes)
        #expect(try Gzip.decompress(packed, limit: 200_000) == bytes)
        #expect(throws: ZlibError.tooLarge(limit: 199_999)) {
            try Gzip.decompress(packed, limit: 199_999)
        }
    }

    @Test("A bomb stops at the limit")
    func bomb() throws {
        let packed = try Gzip.compress([UInt8](repeating: 0, count: 50_000_000), level: 9)
        #expect(packed.count < 60_000)
        #expect(throws: ZlibError.tooLarge(limit: 1 << 20)) {
            try Gzip.decompress(packed, limit: 1 << 20)
        }
    }

    @Test("A file cut anywhere is refused as truncated")
    func truncated() throws {
        let packed = try Gzip.compress(Self.sample(500))
        for count in packed.indices {
            let expected = ZlibError.truncated(size: count)
            #expect(throws: expected) {
                try Gzip.decompress(Array(packed[..<count]), limit: 1_000)
            }
        }
    }

    @Test("A flipped bit is noticed, unless it changes nothing: never other contents")
    func corrupted() throws {
        let bytes = Self.sample(500)
        let packed = try Gzip.compress(bytes)
        var refused = 0
        for index in packed.indices {
            for bit in 0..<8 {
                var damaged = packed
                damaged[index] ^= 1 << UInt8(bit)
                // FTEXT, MTIME, XFL and OS say nothing about the contents (RFC 1952 §2.3.1), nor
                // do the lengths of codes that no symbol uses.
                if let result = try? Gzip.decompress(damaged, limit: 1_000) {
                    #expect(result == bytes, "byte \(index), bit \(bit)")
                } else {
                    refused += 1
                }
            }
        }
        #expect(refused > packed.count * 8 * 3 / 4)
    }

    @Test("Other bytes before or behind are refused with their place")
    func foreignBytes() throws {
        let packed = try Gzip.compress([1, 2, 3])
        #expect(throws: ZlibError.notGzip(offset: 0)) {
            try Gzip.decompress(Array("plain".utf8), limit: 100)
        }
        #expect(throws: ZlibError.notGzip(offset: packed.count)) {
            try Gzip.decompress(packed + [0, 0], limit: 100)
        }
    }

    @Test("An error says what to do")
    func messages() {
        let errors: [ZlibError] = [
            .notGzip(offset: 3), .truncated(size: 4), .corrupt(offset: 5, reason: "invalid"),
            .tooLarge(limit: 6), .outOfMemory,
        ]
        for error in errors {
            #expect(error.description.hasSuffix("."))
            #expect(error.description.split(separator: ".").count >= 2)
        }
    }
}
