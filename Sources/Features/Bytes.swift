/// Appends integers in little-endian order.
struct ByteWriter {
    var bytes: [UInt8] = []

    mutating func append<Word: FixedWidthInteger>(_ word: Word) {
        withUnsafeBytes(of: word.littleEndian) { bytes.append(contentsOf: $0) }
    }
}

/// Reads little-endian integers from bytes whose number was checked before.
struct ByteReader {
    let bytes: [UInt8]
    var offset = 0

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    mutating func next<Word: FixedWidthInteger & BitwiseCopyable>(_ type: Word.Type) -> Word {
        precondition(offset + MemoryLayout<Word>.size <= bytes.count, "there are no more bytes")
        defer { offset += MemoryLayout<Word>.size }
        return Word(
            littleEndian: bytes.withUnsafeBytes {
                $0.loadUnaligned(fromByteOffset: offset, as: Word.self)
            })
    }
}
