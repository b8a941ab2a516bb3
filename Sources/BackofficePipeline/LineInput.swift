import Datasets
import Glibc
import Zlib

/// The lines of a file or of standard input, one after the other.
///
/// A pipe is read as it fills, so that its lines may be answered one by one; a file may be gzip.
package struct LineInput {
    /// The longest line in bytes; a longer one is returned cut, which no decoder accepts.
    package static let lineSizeMax = 65_537
    private static let blockSize = 65_536

    /// The number of the last line returned, from 1.
    package private(set) var number = 0
    private let name: String
    private let descriptor: Int32?
    private var bytes: [UInt8]
    private var offset = 0

    /// Opens a file by its path, or standard input for `-`.
    package init(_ path: String) throws {
        if path == "-" {
            (name, descriptor, bytes) = ("standard input", STDIN_FILENO, [])
        } else {
            let whole = try WholeFile.read(path)
            (name, descriptor) = (path, nil)
            bytes =
                Gzip.isGzip(whole)
                ? try Gzip.decompress(whole, limit: CMAPSSReader.textSizeMax) : whole
        }
    }

    /// Whether the next line is not at hand, so that asking for it may wait for its writer.
    package var mayWait: Bool {
        descriptor != nil && !bytes[offset...].contains(UInt8(ascii: "\n"))
    }

    /// The next line without its end; nil after the last.
    package mutating func next() throws(BackofficeError) -> [UInt8]? {
        var line: [UInt8] = []
        var isStarted = false
        while true {
            if offset < bytes.count {
                isStarted = true
                let end = bytes[offset...].firstIndex(of: UInt8(ascii: "\n"))
                line += bytes[offset..<(end ?? bytes.count)].prefix(Self.lineSizeMax - line.count)
                offset = end.map { $0 + 1 } ?? bytes.count
                if end != nil { break }
            }
            guard try fill() else { break }
        }
        guard isStarted else { return nil }
        number += 1
        return line
    }

    /// Reads the next block; false at the end.
    private mutating func fill() throws(BackofficeError) -> Bool {
        guard let descriptor else { return false }
        var block = [UInt8](repeating: 0, count: Self.blockSize)
        while true {
            let count = read(descriptor, &block, block.count)
            if count < 0 && errno == EINTR { continue }
            guard count >= 0 else {
                throw .file(
                    operation: "read", path: name, reason: String(cString: strerror(errno)))
            }
            (bytes, offset) = (Array(block[..<count]), 0)
            return count > 0
        }
    }
}
