import Glibc

/// Whole files, read and written so that a reader never sees half of one.
package enum WholeFile {
    /// Bytes asked for per call.
    private static let blockSize = 1 << 20

    /// Whether something stands at the path, readable or not.
    package static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

    /// All bytes of a file; one of more than `sizeMax` bytes is refused, be it endless.
    package static func read(
        _ path: String, sizeMax: Int = CMAPSSReader.textSizeMax
    ) throws(DatasetError) -> [UInt8] {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { throw .unreadable(path: path, reason: reason()) }
        defer { close(file) }
        var bytes: [UInt8] = []
        var block = [UInt8](repeating: 0, count: blockSize)
        while true {
            let count = Glibc.read(file, &block, blockSize)
            if count < 0 && errno == EINTR { continue }
            guard count >= 0 else { throw .unreadable(path: path, reason: reason()) }
            if count == 0 { return bytes }
            guard bytes.count + count <= sizeMax else {
                throw .tooLarge(path: path, sizeMax: sizeMax)
            }
            bytes.append(contentsOf: block[..<count])
        }
    }

    /// Creates or replaces a file: temporary name, fsync, rename, fsync of the folder.
    /// - Throws: After removing the temporary file; what stood there before still does.
    package static func write(_ bytes: [UInt8], to path: String) throws(DatasetError) {
        try place(bytes, at: path, mode: 0o644) { rename($0, path) }
    }

    /// Creates a file as `write` does, but refuses to replace one; `mode` as in chmod(2).
    package static func create(
        _ bytes: [UInt8], at path: String, mode: UInt32
    ) throws(DatasetError) {
        // Unlike rename(2), link(2) never replaces what is there.
        try place(bytes, at: path, mode: mode) { link($0, path) }
    }

    /// Writes a temporary file, syncs it, and has `move` give it its name, which returns 0 if done.
    private static func place(
        _ bytes: [UInt8], at path: String, mode: UInt32, move: (String) -> Int32
    ) throws(DatasetError) {
        let temporary = "\(path).\(getpid()).tmp"
        let file = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode)
        guard file >= 0 else { throw .unwritable(path: path, reason: reason()) }
        let isPlaced =
            writeAll(bytes, to: file) && fsync(file) == 0 && move(temporary) == 0
        let failure = isPlaced ? nil : reason()
        close(file)
        // After a rename nothing has this name any more.
        unlink(temporary)
        if let failure { throw .unwritable(path: path, reason: failure) }
        try syncFolder(of: path)
    }

    /// Creates a folder and those above it, each made durable in the one that holds it.
    package static func createFolder(_ path: String) throws(DatasetError) {
        var prefix = path.hasPrefix("/") ? "/" : ""
        for part in path.split(separator: "/") {
            prefix += prefix.isEmpty || prefix.hasSuffix("/") ? String(part) : "/\(part)"
            if mkdir(prefix, 0o755) == 0 {
                try syncFolder(of: prefix)
            } else if errno != EEXIST {
                throw .unwritable(path: prefix, reason: reason())
            }
        }
    }

    private static func writeAll(_ bytes: [UInt8], to file: Int32) -> Bool {
        bytes.withUnsafeBytes { buffer in
            var offset = 0
            while offset < buffer.count {
                let rest = UnsafeRawBufferPointer(rebasing: buffer[offset...])
                let count = Glibc.write(file, rest.baseAddress, rest.count)
                if count < 0 && errno == EINTR { continue }
                guard count > 0 else { return false }
                offset += count
            }
            return true
        }
    }

    private static func syncFolder(of path: String) throws(DatasetError) {
        let folder = path.lastIndex(of: "/").map { String(path[...$0]) } ?? "."
        let handle = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard handle >= 0 else { throw .unwritable(path: path, reason: reason()) }
        defer { close(handle) }
        guard fsync(handle) == 0 else { throw .unwritable(path: path, reason: reason()) }
    }

    private static func reason() -> String { String(cString: strerror(errno)) }
}
