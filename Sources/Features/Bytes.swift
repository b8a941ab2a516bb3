/// Appends integers in little-endian order.
struct ByteWriter {
    var bytes: [UInt8] = []

    mutating func append<Word: FixedWidthInteger>(_ word: Word) {
        for shift in stride(from: 0, to: Word.bitWidth, by: 8) {
            bytes.append(UInt8(truncatingIfNeeded: word >> Word(shift)))
        }
    }
}

/// Reads little-endian integers from bytes whose number was checked before.
struct ByteReader {
    let bytes: [UInt8]
    var offset = 0

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    mutating func next<Word: FixedWidthInteger>(_ type: Word.Type) -> Word {
        var word: Word = 0
        for shift in stride(from: 0, to: Word.bitWidth, by: 8) {
            word |= Word(truncatingIfNeeded: bytes[offset]) << Word(shift)
            offset += 1
        }
        return word
    }
}
