import Glibc
import StrictJSON

/// Lets one process at a time change a workspace; the kernel frees it however the process ends.
///
/// The file `lock` keeps who holds it or held it last; its content decides nothing (flock(2)).
final class WorkspaceLock {
    private let descriptor: Int32

    /// Takes the lock at once, or says who holds it.
    init(workspace: String, command: String) throws(BackofficeError) {
        let path = "\(workspace)/lock"
        descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else {
            throw .file(operation: "open", path: path, reason: Self.reason())
        }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            throw .busy(path: workspace, holder: holder())
        }
        let note = Self.note(command: command)
        // The lock holds whether or not its note could be written, so a full disk is no failure.
        if ftruncate(descriptor, 0) == 0 { _ = pwrite(descriptor, note, note.count, 0) }
    }

    deinit { close(descriptor) }

    private static func note(command: String) -> [UInt8] {
        var name = [CChar](repeating: 0, count: 256)
        gethostname(&name, name.count - 1)
        let host = String(
            decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        let note: JSON = [
            "command": .string(command), "pid": .integer(getpid()), "host": .string(host),
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
