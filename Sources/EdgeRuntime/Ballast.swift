import EdgeCore
import Glibc

/// A file that only takes space, so that there is some to free when the disk is full.
///
/// Deleting rows writes to the log first; on a full disk that fails, and nothing could ever be
/// released. Then the ballast goes, and comes back when there is room for it twice.
struct Ballast {
    /// The folder it lies in, on the store's disk.
    let folder: String
    /// Bytes of the file.
    let size: Int64

    /// Where it lies.
    var path: String { folder + "/ballast" }

    /// Whether the whole file is there.
    var isThere: Bool { Files.size(path) == size }

    /// Writes the file if there is room for it twice; says whether it is there.
    func lay() -> Bool {
        if isThere { return true }
        guard Files.freeSpace(folder) >= 2 * size else { return false }
        let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        guard posix_fallocate(descriptor, 0, off_t(size)) == 0 else {
            unlink(path)
            return false
        }
        return true
    }

    /// Gives its space to the store; says whether there was any.
    func drop() -> Bool { unlink(path) == 0 }
}
