import Glibc

/// Single files outside the object store.
package enum HostFile {
    /// Whether something stands at the path.
    package static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

    /// Creates a folder and those above it.
    package static func createFolder(_ path: String) throws(BackofficeError) {
        guard !exists(path) else { return }
        if let slash = path.lastIndex(of: "/"), slash != path.startIndex {
            try createFolder(String(path[..<slash]))
        }
        guard mkdir(path, 0o755) == 0 || errno == EEXIST else {
            throw .file(operation: "create the folder", path: path, reason: reason())
        }
    }

    /// Reads a whole file of at most `sizeMax` bytes.
    package static func read(_ path: String, sizeMax: Int) throws(BackofficeError) -> [UInt8] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw .file(operation: "read", path: path, reason: reason()) }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var block = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = Glibc.read(descriptor, &block, block.count)
            if count < 0 && errno == EINTR { continue }
            guard count >= 0 else { throw .file(operation: "read", path: path, reason: reason()) }
            if count == 0 { return bytes }
            bytes.append(contentsOf: block[..<count])
            guard bytes.count <= sizeMax else {
                throw .file(
                    operation: "read", path: path, reason: "it is larger than \(sizeMax) bytes")
            }
        }
    }

    /// Writes a new file durably, refusing to replace one; `mode` as in chmod(2).
    package static func create(
        _ bytes: [UInt8], at path: String, mode: UInt32
    ) throws(BackofficeError) {
        let partial = "\(path).\(getpid()).partial"
        let descriptor = open(partial, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode)
        guard descriptor >= 0 else { throw .file(operation: "write", path: path, reason: reason()) }
        defer {
            close(descriptor)
            unlink(partial)
        }
        guard write(descriptor, bytes, bytes.count) == bytes.count, fsync(descriptor) == 0,
            // Unlike rename(2), link(2) never replaces what is there.
            link(partial, path) == 0
        else { throw .file(operation: "write", path: path, reason: reason()) }
        let folder = open(path.lastIndex(of: "/").map { String(path[..<$0]) } ?? ".", O_RDONLY)
        guard folder >= 0 else { throw .file(operation: "sync", path: path, reason: reason()) }
        defer { close(folder) }
        guard fsync(folder) == 0 else {
            throw .file(operation: "sync", path: path, reason: reason())
        }
    }

    private static func reason() -> String { String(cString: strerror(errno)) }
}
