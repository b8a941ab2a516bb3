import Glibc

/// The few file operations of the device, without Foundation.
enum Files {
    /// Largest file that is read whole, in bytes: key files have a few hundred.
    static let readSizeMax = 65_536

    /// Creates a folder and its parents, each made durable in the one that holds it.
    ///
    /// A store in a folder whose name a power cut undoes is lost, however often it was synced.
    static func createFolder(_ path: String) throws(EdgeRuntimeError) {
        var partial = path.hasPrefix("/") ? "" : "."
        for level in path.split(separator: "/") {
            let parent = partial
            partial += "/" + level
            if mkdir(partial, 0o750) == 0 {
                try syncFolder(parent.isEmpty ? "/" : parent)
            } else if errno != EEXIST {
                throw .file(path: path, operation: "Creating folder", reason: reason())
            }
        }
    }

    /// Reads a small file whole.
    static func read(_ path: String) throws(EdgeRuntimeError) -> [UInt8] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw .file(path: path, operation: "Opening", reason: reason())
        }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: readSizeMax)
        var size = 0
        while size < bytes.count {
            let count = bytes.withUnsafeMutableBytes {
                Glibc.read(descriptor, $0.baseAddress.map { $0 + size }, $0.count - size)
            }
            guard count >= 0 else {
                throw .file(path: path, operation: "Reading", reason: reason())
            }
            guard count > 0 else { break }
            size += count
        }
        return Array(bytes.prefix(size))
    }

    /// Whether there is a file or folder of this name.
    static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

    /// Bytes of a file; 0 without one.
    static func size(_ path: String) -> Int64 {
        var status = stat()
        return stat(path, &status) == 0 ? Int64(status.st_size) : 0
    }

    /// Bytes that this user may still write on the disk of a path; 0 if it cannot be asked.
    static func freeSpace(_ path: String) -> Int64 {
        var status = statvfs()
        guard statvfs(path, &status) == 0 else { return 0 }
        return Int64(status.f_bavail) * Int64(status.f_frsize)
    }

    /// Removes a file, if it is there.
    static func remove(_ path: String) throws(EdgeRuntimeError) {
        guard unlink(path) == 0 || errno == ENOENT else {
            throw .file(path: path, operation: "Removing", reason: reason())
        }
    }

    /// Gives a file another name in the same folder; does nothing without the file.
    static func move(_ path: String, to target: String) throws(EdgeRuntimeError) {
        guard rename(path, target) == 0 || errno == ENOENT else {
            throw .file(path: path, operation: "Renaming", reason: reason())
        }
    }

    /// Waits until names in a folder are on disk.
    static func syncFolder(_ path: String) throws(EdgeRuntimeError) {
        let descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw .file(path: path, operation: "Opening folder", reason: reason())
        }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else {
            throw .file(path: path, operation: "Syncing folder", reason: reason())
        }
    }

    /// What the last failed call said.
    static func reason() -> String { String(cString: strerror(errno)) }
}

/// The lock that lets one agent run per data folder; released when the process ends, however.
struct FolderLock {
    private let descriptor: Int32

    /// Takes the lock, or says who holds it.
    init(folder: String) throws(EdgeRuntimeError) {
        let path = folder + "/lock"
        descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o640)
        guard descriptor >= 0 else {
            throw .file(path: path, operation: "Opening", reason: Files.reason())
        }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            let holder = String(decoding: (try? Files.read(path)) ?? [], as: UTF8.self)
            close(descriptor)
            throw .lockHeld(path: path, holder: holder.isEmpty ? "another process" : holder)
        }
        let holder = "process \(getpid())"
        ftruncate(descriptor, 0)
        _ = write(descriptor, holder, holder.utf8.count)
    }
}
