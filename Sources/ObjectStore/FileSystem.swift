import Glibc

/// Files of the store: whole reads, synced writes.
enum File {
    enum Kind { case missing, file(size: Int), folder }
    enum Content { case missing, tooLarge(Int), bytes([UInt8]) }

    /// What stands at a path; a symbolic link counts as what it names.
    static func kind(_ path: String) throws(ObjectStoreError) -> Kind {
        var status = stat()
        guard stat(path, &status) == 0 else {
            if errno == ENOENT || errno == ENOTDIR { return .missing }
            throw .system(operation: "look at", path: path, code: errno)
        }
        return status.st_mode & S_IFMT == S_IFDIR ? .folder : .file(size: Int(status.st_size))
    }

    static func read(_ path: String, sizeMax: Int) throws(ObjectStoreError) -> Content {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            if errno == ENOENT || errno == ENOTDIR { return .missing }
            throw .system(operation: "read", path: path, code: errno)
        }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else {
            throw .system(operation: "read", path: path, code: errno)
        }
        let size = Int(status.st_size)
        guard size <= sizeMax else { return .tooLarge(size) }
        var code: Int32 = 0
        let bytes = [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
            while count < size {
                let got = Glibc.read(
                    descriptor, buffer.baseAddress?.advanced(by: count), size - count)
                if got > 0 {
                    count += got
                } else if got == 0 {
                    break
                } else if errno != EINTR {
                    code = errno
                    break
                }
            }
        }
        guard code == 0 else { throw .system(operation: "read", path: path, code: code) }
        return .bytes(bytes)
    }

    /// Writes and syncs a file, which replaces one that a killed process left under this name.
    ///
    /// Returns 0 or the error's number: the caller knows the name that an operator knows.
    static func write(_ bytes: [UInt8], to path: String) -> Int32 {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { return errno }
        defer { close(descriptor) }
        return bytes.withUnsafeBytes { buffer -> Int32 in
            var offset = 0
            while offset < buffer.count {
                let written = Glibc.write(
                    descriptor, buffer.baseAddress?.advanced(by: offset), buffer.count - offset)
                if written >= 0 { offset += written } else if errno != EINTR { return errno }
            }
            return fsync(descriptor) == 0 ? 0 : errno
        }
    }
}

/// Folders of the store.
enum Folder {
    static func parent(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    /// Creates a folder and those above it, each made durable in the one that holds it.
    static func create(_ path: String) throws(ObjectStoreError) {
        if case .folder = try File.kind(path) { return }
        let parent = parent(of: path)
        if parent != path { try create(parent) }
        // Another process may have been first.
        guard mkdir(path, 0o755) == 0 || errno == EEXIST else {
            throw .system(operation: "create the folder", path: path, code: errno)
        }
        try sync(parent)
    }

    static func sync(_ path: String) throws(ObjectStoreError) {
        let descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw .system(operation: "sync", path: path, code: errno) }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else {
            throw .system(operation: "sync", path: path, code: errno)
        }
    }

    /// The names in a folder; none when there is no such folder.
    static func entries(of path: String) throws(ObjectStoreError) -> [String] {
        guard let folder = opendir(path) else {
            if errno == ENOENT || errno == ENOTDIR { return [] }
            throw .system(operation: "list", path: path, code: errno)
        }
        defer { closedir(folder) }
        var names: [String] = []
        while let entry = readdir(folder) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names
    }
}
