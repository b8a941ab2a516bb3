import Glibc
import StrictJSON

/// Lets one process at a time change a workspace; the kernel frees it however the process ends.
///
/// The file `lock` keeps who holds it or held it last; its content decides nothing. The lock
/// belongs to the open file, as flock(2)'s does, but can also be asked about without being taken
/// (fcntl(2), open file description locks).
final class WorkspaceLock {
    /// F_OFD_GETLK and F_OFD_SETLK of `asm-generic/fcntl.h`, which Glibc's module leaves out.
    private static let getLock: Int32 = 36
    private static let setLock: Int32 = 37

    private let descriptor: Int32

    /// Takes the lock at once, or says who holds it.
    init(workspace: String, command: String) throws(BackofficeError) {
        let path = "\(workspace)/lock"
        descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else {
            throw .file(operation: "open", path: path, reason: Self.reason())
        }
        var whole = Self.wholeFile
        guard fcntl(descriptor, Self.setLock, &whole) == 0 else {
            throw .busy(path: workspace, holder: holder())
        }
        let note = Self.note(command: command)
        // The lock holds whether or not its note could be written, so a full disk is no failure.
        if ftruncate(descriptor, 0) == 0 { _ = pwrite(descriptor, note, note.count, 0) }
    }

    deinit { close(descriptor) }

    /// Whether a process holds the workspace's lock; asking takes it from nobody.
    static func isHeld(workspace: String) throws(BackofficeError) -> Bool {
        let path = "\(workspace)/lock"
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            if errno == ENOENT { return false }
            throw .file(operation: "open", path: path, reason: reason())
        }
        defer { close(descriptor) }
        var whole = wholeFile
        guard fcntl(descriptor, getLock, &whole) == 0 else {
            throw .file(operation: "look at", path: path, reason: reason())
        }
        return whole.l_type != Int16(F_UNLCK)
    }

    /// An exclusive lock from the first byte to whatever the last one is.
    private static var wholeFile: flock {
        flock(
            l_type: Int16(F_WRLCK), l_whence: Int16(SEEK_SET), l_start: 0, l_len: 0, l_pid: 0)
    }

    private static func note(command: String) -> [UInt8] {
        let note: JSON = [
            "command": .string(command), "pid": .integer(getpid()),
            "host": .string(ThisProcess.host),
            "start": .string(WallClock.text(WallClock.nowMillis())),
        ]
        return note.bytes
    }

    private func holder() -> String {
        var bytes = [UInt8](repeating: 0, count: 4_096)
        let count = pread(descriptor, &bytes, bytes.count, 0)
        guard count > 0, let note = try? JSONReader(parsing: Array(bytes.prefix(count))),
            let command = try? note.string("command"), let pid = try? note.integer("pid"),
            let host = try? note.string("host"), let start = try? note.string("start")
        else { return "a process that just began" }
        return "'\(command)', process \(pid) on \(host), since \(start)"
    }

    private static func reason() -> String { String(cString: strerror(errno)) }
}
