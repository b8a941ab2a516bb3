import CZlib

/// gzip files in memory (RFC 1952).
///
/// The header carries neither a time nor a name, so the same bytes compress to the same bytes.
package enum Gzip {
    /// The first two bytes of every gzip file (RFC 1952 §2.3.1, ID1 and ID2).
    package static let magic: [UInt8] = [0x1F, 0x8B]

    /// zlib's own default, a balance of speed and size.
    package static let levelDefault: Int32 = 6

    /// Whether the bytes start as a gzip file does.
    package static func isGzip(_ bytes: [UInt8]) -> Bool { bytes.starts(with: magic) }

    /// Compresses bytes into one gzip member.
    /// - Precondition: `level` is in `0...9`: 0 stores, 1 is fastest, 9 smallest.
    package static func compress(
        _ bytes: [UInt8], level: Int32 = levelDefault
    ) throws(ZlibError) -> [UInt8] {
        precondition((0...9).contains(level), "levels are 0...9, got \(level)")
        let deflater = try Deflater(level: level)
        return try deflater.compress(bytes)
    }

    /// Decompresses all members of a gzip file (RFC 1952 §2.2: members follow one another).
    /// - Throws: Unless the bytes are whole members, nothing else, of at most `limit` bytes.
    package static func decompress(
        _ bytes: [UInt8], limit: Int
    ) throws(ZlibError) -> [UInt8] {
        let inflater = try Inflater()
        return try inflater.decompress(bytes, limit: limit)
    }

    /// Window of 2^15 bytes, plus 16 to ask for the gzip format (zlib.h, `deflateInit2`).
    fileprivate static let windowBits: Int32 = 15 + 16
    /// Bytes handed to and taken from zlib per call.
    fileprivate static let blockSize = 1 << 16
}

/// Owns one zlib stream for compression; its address never changes, as zlib demands.
private struct Deflater: ~Copyable {
    private let stream: UnsafeMutablePointer<z_stream>

    init(level: Int32) throws(ZlibError) {
        stream = .allocate(capacity: 1)
        stream.initialize(to: z_stream())
        // Memory level 8 is the default that zlib.h names.
        let status = nacelle_deflate_init(
            stream, level, Z_DEFLATED, Gzip.windowBits, 8, Z_DEFAULT_STRATEGY)
        guard status == Z_OK else { throw .outOfMemory }
    }

    deinit {
        // Z_STREAM_ERROR after a failed init and Z_DATA_ERROR for unfinished data free all the
        // same.
        _ = deflateEnd(stream)
        stream.deinitialize(count: 1)
        stream.deallocate()
    }

    func compress(_ bytes: [UInt8]) throws(ZlibError) -> [UInt8] {
        var output: [UInt8] = []
        var block = [UInt8](repeating: 0, count: Gzip.blockSize)
        var offset = 0
        var status = Z_OK
        while status != Z_STREAM_END {
            let size = min(bytes.count - offset, Gzip.blockSize)
            let isLast = offset + size == bytes.count
            let step = stream.run(bytes, offset..<offset + size, &block) { stream in
                deflate(stream, isLast ? Z_FINISH : Z_NO_FLUSH)
            }
            offset += step.consumed
            output.append(contentsOf: block[..<step.produced])
            status = step.status
            // Z_BUF_ERROR only says that a call had nothing to do, which cannot repeat: each call
            // has an empty output block and unread input or Z_FINISH.
            precondition(status == Z_OK || status == Z_STREAM_END, "deflate gave \(status)")
        }
        return output
    }
}

/// Owns one zlib stream for decompression; its address never changes, as zlib demands.
private struct Inflater: ~Copyable {
    private let stream: UnsafeMutablePointer<z_stream>

    init() throws(ZlibError) {
        stream = .allocate(capacity: 1)
        stream.initialize(to: z_stream())
        guard nacelle_inflate_init(stream, Gzip.windowBits) == Z_OK else { throw .outOfMemory }
    }

    deinit {
        _ = inflateEnd(stream)
        stream.deinitialize(count: 1)
        stream.deallocate()
    }

    func decompress(_ bytes: [UInt8], limit: Int) throws(ZlibError) -> [UInt8] {
        var output: [UInt8] = []
        var block = [UInt8](repeating: 0, count: Gzip.blockSize)
        var offset = 0
        repeat {
            try checkMagic(bytes, at: offset)
            inflateReset(stream)
            var status = Z_OK
            while status != Z_STREAM_END {
                let end = min(bytes.count, offset + Gzip.blockSize)
                let step = stream.run(bytes, offset..<end, &block) { stream in
                    inflate(stream, Z_NO_FLUSH)
                }
                status = step.status
                offset += step.consumed
                guard step.produced <= limit - output.count else { throw .tooLarge(limit: limit) }
                output.append(contentsOf: block[..<step.produced])
                try check(status, step, size: bytes.count, offset: offset)
            }
        } while offset < bytes.count
        return output
    }

    private func checkMagic(_ bytes: [UInt8], at offset: Int) throws(ZlibError) {
        let seen = bytes[offset...].prefix(Gzip.magic.count)
        guard Gzip.magic.starts(with: seen) else { throw .notGzip(offset: offset) }
        guard seen.count == Gzip.magic.count else { throw .truncated(size: bytes.count) }
    }

    private func check(
        _ status: Int32, _ step: Step, size: Int, offset: Int
    ) throws(ZlibError) {
        switch status {
        case Z_STREAM_END: return
        case Z_MEM_ERROR: throw .outOfMemory
        case Z_OK, Z_BUF_ERROR:
            let isStuck = step.consumed == 0 && step.produced == 0
            guard !(isStuck && offset == size) else { throw .truncated(size: size) }
            precondition(!isStuck, "inflate neither reads nor writes at byte \(offset)")
        default:
            let reason = stream.pointee.msg.map { String(cString: $0) } ?? "status \(status)"
            throw .corrupt(offset: offset, reason: reason)
        }
    }
}

/// What one call into zlib did.
private struct Step {
    let status: Int32
    let consumed: Int
    let produced: Int
}

extension UnsafeMutablePointer<z_stream> {
    /// Lets zlib work on part of the input and a whole output block, whose pointers it forgets.
    fileprivate func run(
        _ input: [UInt8], _ range: Range<Int>, _ output: inout [UInt8],
        _ body: (Self) -> Int32
    ) -> Step {
        input.withUnsafeBufferPointer { source in
            output.withUnsafeMutableBufferPointer { target in
                // zlib takes its input as mutable and does not write to it (zlib.h, `z_const`).
                pointee.next_in = UnsafeMutablePointer<Bytef>(mutating: source.baseAddress)
                    .map { $0 + range.lowerBound }
                // Both counts are at most `blockSize`, far below the 32 bits of these fields.
                pointee.avail_in = uInt(range.count)
                pointee.next_out = target.baseAddress
                pointee.avail_out = uInt(target.count)
                let status = body(self)
                let consumed = range.count - Int(pointee.avail_in)
                let produced = target.count - Int(pointee.avail_out)
                pointee.next_in = nil
                pointee.next_out = nil
                return Step(status: status, consumed: consumed, produced: produced)
            }
        }
    }
}
