import CInt8Kernels

/// Bytes that never change, aligned as the kernels want them.
///
/// Invariant: the memory is written before `init` returns and only read afterwards, so any thread
/// may hold it.
final class AlignedMemory: @unchecked Sendable {
    /// The first byte; valid as long as the object is.
    let start: UnsafeRawPointer
    private let count: Int

    /// A copy of all bytes.
    var bytes: [UInt8] { Array(UnsafeRawBufferPointer(start: start, count: count)) }

    init(_ bytes: [UInt8]) {
        let memory = UnsafeMutableRawPointer.allocate(
            byteCount: max(bytes.count, 1), alignment: INT8_ALIGNMENT)
        bytes.withUnsafeBytes { source in
            if let first = source.baseAddress {
                memory.copyMemory(from: first, byteCount: bytes.count)
            }
        }
        start = UnsafeRawPointer(memory)
        count = bytes.count
    }

    deinit { UnsafeMutableRawPointer(mutating: start).deallocate() }
}

/// Numbers of several kinds one after the other, each list aligned.
struct AlignedBytes {
    private(set) var bytes: [UInt8] = []

    /// Appends numbers as they lie in memory, then zeros up to the next aligned place.
    /// - Returns: Where they begin: an image has far less than 2 GB.
    @discardableResult
    mutating func append<Number: BitwiseCopyable>(_ numbers: [Number]) -> Int32 {
        let start = Int32(bytes.count)
        numbers.withUnsafeBytes { bytes.append(contentsOf: $0) }
        let alignment = INT8_ALIGNMENT
        let end = (bytes.count + alignment - 1) / alignment * alignment
        bytes.append(contentsOf: repeatElement(0, count: end - bytes.count))
        return start
    }
}
